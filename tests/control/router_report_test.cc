#include "sidecar/control/router_report.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/control/snapshot_fixture.h"

namespace herald::router_report_test {

using namespace fixture;
using nlohmann::ordered_json;

TEST_CASE("the router: who takes part in fast withdrawals, and why others do not") {
  Snapshot snapshot = two_services();
  snapshot.stack = Stack::frr;
  snapshot.fast_withdraw = true;
  snapshot.router.emplace();
  snapshot.router->reachable = true;
  FastView& fast = snapshot.router->fast;
  fast.denied = {Vip{"10.99.0.1/32"}};
  fast.slots[0] = {
      {{"10.1.1.4", 3}}, {{"10.1.1.132", "prefix-list ANYCAST"}, {"10.1.1.5", ""}}, std::nullopt};
  fast.slots[1] = {{{"10.1.1.4", 0}}, {}, "it is broken"};
  const auto report = router_json(snapshot, kClocks)["fast_withdraw"];
  CHECK(report["on"] == true);
  CHECK(report["denied"] == ordered_json{"10.99.0.1/32"});
  CHECK(report["peers"] == ordered_json::parse(R"([
      {"peer": "10.1.1.4", "family": "ipv4", "takes_part": true, "why_not": null},
      {"peer": "10.1.1.132", "family": "ipv4", "takes_part": false, "why_not": "its outbound filter is prefix-list ANYCAST"},
      {"peer": "10.1.1.5", "family": "ipv4", "takes_part": false, "why_not": "it has no outbound prefix-list HERALD-fast"},
      {"peer": "10.1.1.4", "family": "ipv6", "takes_part": false, "why_not": "it is broken"}])"));
  snapshot.router->reachable = false;
  CHECK(router_json(snapshot, kClocks)["fast_withdraw"]["denied"] == nullptr);
  CHECK(router_json(snapshot, kClocks)["fast_withdraw"]["peers"] == nullptr);
}

}  // namespace herald::router_report_test
