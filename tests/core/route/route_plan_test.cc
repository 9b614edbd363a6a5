#include "sidecar/core/route/route_plan.h"

#include <catch2/catch.hpp>

namespace herald::route_plan_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};
const Vip kA{"10.99.0.1/32"};
const Vip kB{"10.99.0.2/32"};
const Policy kHealthy{"HERALD-web-healthy", {}};
const Policy kDegraded{"HERALD-web-degraded-1", {.prepend = 2}};

using Steps = std::vector<RouteStep>;

Steps plan(RouteReconciler& reconciler, std::vector<DesiredRoute> desired, const OwnedRoutes& owned,
           std::uint64_t sequence, TimePoint now) {
  Steps steps;
  for (const IssuedRouteStep& issued : reconciler.plan(desired, owned, sequence, now))
    steps.push_back(issued.step);
  return steps;
}

}  // namespace

TEST_CASE("routes: the difference, by what is wanted") {
  const RouteStep announce{kA, kHealthy};
  const RouteStep withdraw{kA, std::nullopt};
  const auto difference = [](Want want, const OwnedRoutes& owned) {
    return reconcile(std::vector<DesiredRoute>{{kA, want, kHealthy}}, owned);
  };
  CHECK(difference(Want::present, {}) == Steps{announce});
  CHECK(difference(Want::present, {{kA, "HERALD-web-healthy"}}).empty());
  CHECK(difference(Want::present, {{kA, "HERALD-web-degraded-1"}}) == Steps{announce});  // and no withdrawal
  CHECK(difference(Want::present, {{kA, ""}}) == Steps{announce});
  CHECK(difference(Want::absent, {{kA, "HERALD-web-healthy"}}) == Steps{withdraw});
  CHECK(difference(Want::absent, {}).empty());
  for (const Want want : {Want::hold, Want::keep}) {
    CHECK(difference(want, {}).empty());
    CHECK(difference(want, {{kA, "HERALD-web-degraded-1"}}).empty());
  }
  CHECK(reconcile({}, {{kA, "HERALD-gone-healthy"}}) == Steps{withdraw});  // wanted by nobody
}

TEST_CASE("routes: withdrawals go first") {
  const std::vector<DesiredRoute> desired{{kA, Want::present, kHealthy}, {kB, Want::absent, kHealthy}};
  CHECK(reconcile(desired, {{kB, "HERALD-web-healthy"}}) == Steps{{kB, std::nullopt}, {kA, kHealthy}});
}

TEST_CASE("routes: what is not seen is repeated after a back-off, and another wish does not wait") {
  RouteReconciler reconciler;
  const std::vector<DesiredRoute> wanted{{kA, Want::present, kHealthy}};
  CHECK(plan(reconciler, wanted, {}, 1, kStart).size() == 1);
  CHECK(reconciler.in_flight().size() == 1);
  reconciler.finished(1);
  CHECK(plan(reconciler, wanted, {}, 1, kStart).empty());  // that read is older than the step
  CHECK(plan(reconciler, wanted, {}, 2, kStart + 50ms).empty());
  REQUIRE(reconciler.next_wakeup());
  CHECK(*reconciler.next_wakeup() == kStart + 100ms);
  CHECK(plan(reconciler, wanted, {}, 2, kStart + 100ms).size() == 1);
  reconciler.finished(2);
  CHECK(plan(reconciler, wanted, {}, 3, kStart + 200ms).empty());  // 200 ms from the last one
  const std::vector<DesiredRoute> worse{{kA, Want::present, kDegraded}};
  CHECK(plan(reconciler, worse, {}, 3, kStart + 200ms) == Steps{{kA, kDegraded}});
}

TEST_CASE("a policy's name says what it holds") {
  ServiceSpec service;
  service.name = "web";
  CHECK(policy_of(service, Grade::healthy) == Policy{"HERALD-web-healthy", {}});
  CHECK(policy_of(service, Grade::draining).name == "HERALD-web-draining");
  CHECK_FALSE(has_draining(service.announce));
  service.announce.attributes[1] = Attributes{.prepend = 2, .med = 200, .communities = {"65001:100"}};
  const Policy degraded = policy_of(service, Grade::degraded);
  CHECK(degraded.name.starts_with("HERALD-web-degraded-"));
  CHECK(degraded.attributes.prepend == 2);
  service.announce.attributes[1]->med = 201;
  CHECK(policy_of(service, Grade::degraded).name != degraded.name);
  service.announce.attributes[0] = Attributes{.med = 10};
  CHECK(policy_of(service, Grade::draining).attributes.med == 10);  // what is not set is as for healthy
}

}  // namespace herald::route_plan_test
