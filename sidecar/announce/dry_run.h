// What heraldd --dry-run has in place of a router that obeys: it reads for real and only pretends to act. It keeps what
// it has pretended, for nobody else knows any more what really differs.
#pragma once

#include <map>
#include <string>

#include "sidecar/core/route/route_plan.h"

namespace herald {

class DryRunRoutes {
 public:
  void pretend(const RouteStep& step) { steps_[step.vip] = step; }
  void pretend(const FallbackStep& step) { fallback_[step.peer] = step; }
  [[nodiscard]] RouterView overlay(RouterView view);
  // To the steps that the core still plans on top: those that were pretended, as far as the last read lacks them.
  void add_pretended(RouteBatch& batch) const;

 private:
  [[nodiscard]] bool differs(const RouteStep& step) const;
  [[nodiscard]] bool differs(const FallbackStep& step) const;

  std::map<Vip, RouteStep> steps_;
  std::map<std::string, FallbackStep> fallback_;
  RouterView read_;  // the last that was answered
};

}  // namespace herald
