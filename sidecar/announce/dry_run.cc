#include "sidecar/announce/dry_run.h"

#include <algorithm>

namespace herald {

RouterView DryRunRoutes::overlay(RouterView view) {
  if (view.reachable) read_ = view;
  for (const auto& [vip, step] : steps_) {
    if (step.policy) {
      view.owned[vip] = step.policy->name;
    } else {
      view.owned.erase(vip);
    }
  }
  for (const auto& [peer, step] : fallback_) {
    if (!peer.empty()) view.fallback[peer] = step.wanted;
  }
  return view;
}

bool DryRunRoutes::differs(const RouteStep& step) const {
  const auto owned = read_.owned.find(step.vip);
  if (owned == read_.owned.end()) return step.policy.has_value();
  return !step.policy || owned->second != step.policy->name;
}

bool DryRunRoutes::differs(const FallbackStep& step) const {
  if (step.peer.empty()) return read_.fallback_remains;
  const auto held = read_.fallback.find(step.peer);
  return (held == read_.fallback.end() ? PeerFallback{} : held->second) != step.wanted;
}

void DryRunRoutes::add_pretended(RouteBatch& batch) const {
  for (const auto& [vip, step] : steps_) {
    const bool planned = std::ranges::find(batch.steps, vip, &RouteStep::vip) != batch.steps.end();
    if (!planned && differs(step)) batch.steps.push_back(step);
  }
  for (const auto& [peer, step] : fallback_) {
    const bool planned = std::ranges::find(batch.fallback, peer, &FallbackStep::peer) != batch.fallback.end();
    if (!planned && differs(step)) batch.fallback.push_back(step);
  }
}

}  // namespace herald
