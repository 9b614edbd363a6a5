#include "sidecar/ctl/drain_wait.h"

#include <catch2/catch.hpp>

#include "tests/control/snapshot_fixture.h"

namespace drain_wait_test {

using namespace herald;
using namespace fixture;

namespace {

using Left = std::vector<std::string>;

// "web" drained, withdrawn and gone, as the router said two seconds ago.
Snapshot drained() {
  Snapshot snapshot = two_services();
  snapshot.services.pop_back();
  ServiceSnapshot& web = snapshot.services[0];
  web.admin = {AdminState::drain, "update", "root", kNow - 3s, std::nullopt};
  web.state = ServiceState::withdrawn;
  web.vips[0].wanted = web.vips[0].on_interface = false;
  web.vips[0].route = {};
  return snapshot;
}

Left left_of(const Snapshot& snapshot, std::chrono::milliseconds ago = 3s) {
  return ctl::not_withdrawn(status_report(snapshot, kClocks), ago);
}

}  // namespace

TEST_CASE("drained is what the router, read since, does not advertise") {
  CHECK(left_of(drained()) == Left{});
  CHECK(left_of(drained(), 1s) == Left{"frr was not read since the drain"});
  Snapshot snapshot = drained();
  snapshot.services[0].vips[0].route = {true, {"10.1.1.4", "10.1.1.132"}, {}};
  CHECK(left_of(snapshot) == Left{"10.99.0.1/32 is still advertised to 10.1.1.4, 10.1.1.132"});
  snapshot.services[0].vips[0].route.advertised_to.clear();
  CHECK(left_of(snapshot) == Left{});
  snapshot.services[0].state = ServiceState::draining;
  CHECK(left_of(snapshot) == Left{"web is draining"});
}

TEST_CASE(
    "what herald has withdrawn, and no peer is sent, is drained though it is in the table by somebody else") {
  Snapshot snapshot = drained();
  ServiceSnapshot& web = snapshot.services[0];
  web.state = ServiceState::withdrawing;
  web.problem = "10.99.0.1/32 is gone from lo but still in frr's BGP table";
  web.vips[0].route = {true, {}, {}};
  CHECK(left_of(snapshot) == Left{});
  web.vips[0].on_interface = true;
  CHECK(left_of(snapshot) == Left{"web is withdrawing"});
  web.via = Via::vtysh;  // the VIP stays for late packets
  CHECK(left_of(snapshot) == Left{});
  web.vips[0].policy = "HERALD-web-healthy-00000000";
  CHECK(left_of(snapshot) == Left{"web is withdrawing"});
  web.vips[0].policy.reset();
  web.vips[0].route.advertised_to = {"10.1.1.4"};
  CHECK_FALSE(left_of(snapshot).empty());
}

TEST_CASE("a router that does not answer has let nothing go") {
  Snapshot snapshot = drained();
  snapshot.router->reachable = false;
  snapshot.router->error = "vtysh: no answer within 2s";
  CHECK(left_of(snapshot) ==
        Left{"frr does not answer (vtysh: no answer within 2s): what it still advertises is not known"});
  snapshot.router.reset();
  CHECK(left_of(snapshot) == Left{"frr was not read yet"});
  snapshot.stack = Stack::none;
  CHECK(left_of(snapshot) == Left{});
  snapshot.services[0].problem = "10.99.0.1/32 is still on lo";
  CHECK(left_of(snapshot) == Left{"web is withdrawn"});
}

TEST_CASE("a report of another release proves no withdrawal") {
  CHECK(ctl::not_withdrawn(ctl::Report::parse(R"({"services": [{"state": "withdrawn", "vips": [{}]}]})"), 3s)
            .size() == 1);
}

TEST_CASE("a drain that is over is told from one that goes on") {
  Snapshot snapshot = drained();
  CHECK_FALSE(ctl::not_drained(status_report(snapshot, kClocks)));
  snapshot.services[0].admin = {};
  CHECK(ctl::not_drained(status_report(snapshot, kClocks)) == "web is not drained any more: auto");
  snapshot.services[0].admin = {AdminState::force, "", "uid 7", kNow, std::nullopt};
  CHECK(ctl::not_drained(status_report(snapshot, kClocks)) == "web is not drained any more: force, by uid 7");
}

}  // namespace drain_wait_test
