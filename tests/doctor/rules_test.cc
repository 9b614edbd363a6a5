#include "sidecar/doctor/rules.h"

#include "sidecar/doctor/examination.h"
#include "tests/doctor/world.h"

namespace herald::rules_test {

TEST_CASE("many VIPs make one finding") {
  World world(Stack::frr, Via::vtysh);
  world.config.services[0].vips = {
      {"10.99.0.1/32"}, {"10.99.0.2/32"}, {"10.99.0.3/32"}, {"10.99.0.4/32"}, {"10.99.0.5/32"}};
  for (const Vip& vip : world.config.services[0].vips)
    world.router.vips[vip] = {.in_rib = true, .origins = 2};
  CHECK(world.findings().front().what ==
        "10.99.0.1/32, 10.99.0.2/32, 10.99.0.3/32 and 2 more by `network` and by redistribution");
}

TEST_CASE("the gravest first, and within a severity in the order of the rules") {
  World world;
  world.host.user_in_group = false;
  world.router.peers[1].established = false;
  world.router.vips[web_vip] = {
      .in_rib = true, .origins = 1, .advertised_to = {"10.1.1.4"}, .missing_from = {"10.1.1.132"}};
  world.router.frr.networks[web_vip] = "";
  CHECK(world.checks() ==
        Checks{"error same-routes", "error two-origins", "warning sessions", "warning group"});
  CHECK(world.findings().back().severity == Severity::note);
}

TEST_CASE("without a stack there is one note, whatever else is known") {
  World world;
  world.host.herald_in_group = false;
  world.router.reachable = false;
  world.config.router.stack = Stack::none;
  const auto findings = world.findings();
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].severity == Severity::note);
  CHECK(findings[0].check == "stack");
}

TEST_CASE("a router that answers all, a part, or nothing") {
  World world;
  CHECK(world.told("reachable").empty());
  world.router.error = "vtysh: no answer within 2s";
  CHECK(world.told("reachable") ==
        Checks{"warning: bgpd left a question unanswered: vtysh: no answer within 2s"});
  world.router.reachable = false;
  CHECK(world.told("reachable") == Checks{"error: bgpd does not answer: vtysh: no answer within 2s"});
}

TEST_CASE("three names are listed, and more are counted") {
  CHECK(listed({}).empty());
  CHECK(listed({"a"}) == "a");
  CHECK(listed({"a", "b", "c"}) == "a, b, c");
  CHECK(listed({"a", "b", "c", "d"}) == "a, b, c and 1 more");
}

TEST_CASE("severities have words") {
  CHECK(name_of(Severity::error) == "error");
  CHECK(name_of(Severity::warning) == "warning");
  CHECK(name_of(Severity::note) == "note");
}

}  // namespace herald::rules_test
