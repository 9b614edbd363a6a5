#include "sidecar/core/probe/latencies.h"

#include <algorithm>
#include <limits>

namespace herald {

void Latencies::add(Duration latency) {
  using namespace std::chrono;
  constexpr std::int64_t kLongest = std::numeric_limits<std::uint32_t>::max();
  const auto took =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(latency / microseconds(1), 0, kLongest));
  if (microseconds_.size() < kMost) {
    microseconds_.push_back(took);
    return;
  }
  microseconds_[next_] = took;
  next_ = (next_ + 1) % kMost;
}

std::optional<Duration> Latencies::p99() const {
  if (microseconds_.empty()) return std::nullopt;
  std::vector<std::uint32_t> sorted = microseconds_;
  const std::size_t longer = sorted.size() / 100;
  const auto at = sorted.end() - 1 - static_cast<std::ptrdiff_t>(longer);
  std::nth_element(sorted.begin(), at, sorted.end());
  return std::chrono::microseconds(*at);
}

}  // namespace herald
