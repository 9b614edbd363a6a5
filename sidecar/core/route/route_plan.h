// As address_plan.h, for what the router announces by its own configuration: the difference between the routes that are
// wanted and those that the router holds of herald's, as steps that go to the router together.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sidecar/core/repeats.h"
#include "sidecar/core/route/route_step.h"
#include "sidecar/core/types.h"

namespace herald {

struct DesiredRoute {
  Vip vip;
  Want want = Want::hold;
  Policy policy;
};

// VIP to the name of its policy: RouterView::owned.
using OwnedRoutes = std::map<Vip, std::string>;

// Withdrawals first, then announcements. Owned and wanted by nobody: withdrawn. A route that is there with another
// policy is announced anew with the right one, which is no withdrawal on the wire.
[[nodiscard]] std::vector<RouteStep> reconcile(std::span<const DesiredRoute> desired,
                                               const OwnedRoutes& owned);

// What `owned` would be if the step did what it says.
void claim(const RouteStep& step, OwnedRoutes& owned);

class RouteReconciler {
 public:
  // Steps to send now, together. `sequence` is that of the read that `owned` came from. Not while some are in flight.
  std::vector<IssuedRouteStep> plan(std::span<const DesiredRoute> desired, const OwnedRoutes& owned,
                                    std::uint64_t sequence, TimePoint now);
  // All that were in flight have ended. `latest_sequence` is that of the last read that was begun.
  void finished(std::uint64_t latest_sequence);
  // Reading fails, so what was read before has to do.
  void read_failed() { repeats_.look_failed(); }

  [[nodiscard]] const std::vector<IssuedRouteStep>& in_flight() const { return in_flight_; }
  // When plan() may have something new to say though nothing was read: back-offs.
  [[nodiscard]] std::optional<TimePoint> next_wakeup() const { return wakeup_; }

 private:
  Repeats<Vip, std::string> repeats_;  // kind: the policy's name, empty for a withdrawal
  std::vector<IssuedRouteStep> in_flight_;
  std::uint64_t next_id_ = 1;
  std::optional<TimePoint> wakeup_;
};

}  // namespace herald
