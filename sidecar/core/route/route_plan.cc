#include "sidecar/core/route/route_plan.h"

#include <fmt/format.h>

#include <iterator>
#include <set>

namespace herald {
namespace {

std::string kind_of(const RouteStep& step) {
  return step.policy ? step.policy->name : "";
}

}  // namespace

std::string to_string(const RouteStep& step) {
  if (!step.policy) return fmt::format("withdraw {}", step.vip.prefix);
  return fmt::format("announce {} with {}", step.vip.prefix, step.policy->name);
}

std::vector<RouteStep> reconcile(std::span<const DesiredRoute> desired, const OwnedRoutes& owned) {
  std::set<Vip> kept;
  std::vector<RouteStep> announcements;
  for (const DesiredRoute& route : desired) {
    if (route.want == Want::absent) continue;
    kept.insert(route.vip);
    if (route.want != Want::present) continue;
    const auto found = owned.find(route.vip);
    if (found == owned.end() || found->second != route.policy.name)
      announcements.push_back({route.vip, route.policy});
  }
  std::vector<RouteStep> steps;
  for (const auto& [vip, policy] : owned) {
    if (!kept.contains(vip)) steps.push_back({vip, std::nullopt});
  }
  std::move(announcements.begin(), announcements.end(), std::back_inserter(steps));
  return steps;
}

void claim(const RouteStep& step, OwnedRoutes& owned) {
  if (step.policy) {
    owned[step.vip] = step.policy->name;
  } else {
    owned.erase(step.vip);
  }
}

std::vector<IssuedRouteStep> RouteReconciler::plan(std::span<const DesiredRoute> desired,
                                                   const OwnedRoutes& owned, std::uint64_t sequence,
                                                   TimePoint now) {
  const std::vector<RouteStep> open = reconcile(desired, owned);
  std::set<Vip> unsettled;
  for (const RouteStep& step : open) unsettled.insert(step.vip);
  repeats_.forget_settled(unsettled, sequence, now);
  for (const RouteStep& step : open) {
    if (!repeats_.may_issue(step.vip, kind_of(step), sequence, now)) continue;
    repeats_.issued(step.vip, kind_of(step), false, now);
    in_flight_.push_back({RouteStepId{next_id_++}, step});
  }
  wakeup_.reset();
  for (const RouteStep& step : open) {
    const auto retry = repeats_.retry_at(step.vip);
    if (retry && *retry > now) wakeup_ = wakeup_ ? std::min(*wakeup_, *retry) : *retry;
  }
  return in_flight_;
}

void RouteReconciler::finished(std::uint64_t latest_sequence) {
  for (const IssuedRouteStep& issued : in_flight_) repeats_.ended(issued.step.vip, latest_sequence);
  in_flight_.clear();
}

}  // namespace herald
