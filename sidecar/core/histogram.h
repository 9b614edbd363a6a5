// Durations, counted in fixed buckets: a small value that is copied and kept, never reset and never without a bound.
//
// The edges are the same for everything that is counted, two in each power of ten, from what a probe of this machine takes to
// what a drain may take. A duration that is an edge lies below it, as Prometheus has it (`le`). The clock may not run backwards,
// but what others measured is not believed: what is negative counts as nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "sidecar/core/types.h"

namespace herald {

class Histogram {
 public:
  static constexpr std::array<Duration, 12> kEdges{
      std::chrono::microseconds(100), std::chrono::microseconds(300), std::chrono::milliseconds(1),
      std::chrono::milliseconds(3),   std::chrono::milliseconds(10),  std::chrono::milliseconds(30),
      std::chrono::milliseconds(100), std::chrono::milliseconds(300), std::chrono::seconds(1),
      std::chrono::seconds(3),        std::chrono::seconds(10),       std::chrono::seconds(30)};
  // By edge; the last one holds what is above all of them.
  using Buckets = std::array<std::uint64_t, kEdges.size() + 1>;

  void record(Duration duration) {
    const Duration counted = std::max(duration, Duration{});
    const auto edge = std::ranges::lower_bound(kEdges, counted);
    ++buckets_[static_cast<std::size_t>(edge - kEdges.begin())];
    sum_ += counted;
  }

  [[nodiscard]] const Buckets& buckets() const { return buckets_; }
  [[nodiscard]] Duration sum() const { return sum_; }
  [[nodiscard]] std::uint64_t count() const {
    std::uint64_t all = 0;
    for (const std::uint64_t bucket : buckets_) all += bucket;
    return all;
  }

  bool operator==(const Histogram&) const = default;

 private:
  Buckets buckets_{};
  Duration sum_{};
};

}  // namespace herald
