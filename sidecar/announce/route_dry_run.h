// What heraldd --dry-run has in place of a router that obeys: it reads for real and only pretends to act.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "sidecar/core/route_plan.h"

namespace herald {

class DryRunRoutes {
 public:
  void pretend(const RouteStep& step) {
    pretended_[step.vip] = step.policy ? std::optional{step.policy->name} : std::nullopt;
  }
  void pretend(const FallbackStep& step) { fallback_[step.peer] = step.wanted; }
  [[nodiscard]] PeerFallbacks overlay(PeerFallbacks held) const {
    for (const auto& [peer, fallback] : fallback_) {
      if (!peer.empty()) held[peer] = fallback;
    }
    return held;
  }
  [[nodiscard]] OwnedRoutes overlay(OwnedRoutes owned) const {
    for (const auto& [vip, policy] : pretended_) {
      if (policy) {
        owned[vip] = *policy;
      } else {
        owned.erase(vip);
      }
    }
    return owned;
  }

 private:
  std::map<Vip, std::optional<std::string>> pretended_;  // none: withdrawn
  PeerFallbacks fallback_;
};

}  // namespace herald
