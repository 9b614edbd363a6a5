#include "sidecar/daemon/blame.h"

#include <utility>

namespace herald {

void Blame::strike(ProbeId probe, ProbeResult result, TimePoint now) {
  Struck& struck = struck_[probe];
  struck.at.push_back(now);
  if (struck.at.size() > kMost) struck.at.pop_front();
  struck.last = std::move(result);
}

bool Blame::is_quarantined(ProbeId probe, TimePoint now) const {
  const auto found = struck_.find(probe);
  return found != struck_.end() && now - found->second.at.back() < kQuarantine;
}

std::optional<ProbeResult> Blame::refusal(ProbeId probe, TimePoint now) const {
  const auto found = struck_.find(probe);
  if (found == struck_.end() || found->second.at.size() < kMost) return std::nullopt;
  const auto& at = found->second.at;
  if (at.back() - at.front() >= kWindow || now - at.back() >= kRefused) return std::nullopt;
  return found->second.last;
}

}  // namespace herald
