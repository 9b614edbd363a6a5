#include "tests/doctor/world.h"

namespace herald::vip_rules_test {

TEST_CASE("doctor on VIPs in the table") {
  check_all(
      World(),
      {
          {[](World& w) {
             w.router.vips[web_vip] = {
                 .in_rib = true, .origins = 1, .advertised_to = {"10.1.1.4"}, .missing_from = {"10.1.1.132"}};
           },
           {"error same-routes"}},
          {[](World& w) {
             w.router.vips[web_vip] = {
                 .in_rib = true, .origins = 1, .advertised_to = {}, .missing_from = {"10.1.1.4"}};
           },
           {"error outbound-filter"}},
          {[](World& w) {
             w.router.vips[web_vip] = {.in_rib = false,
                                       .origins = 0,
                                       .advertised_to = {},
                                       .missing_from = {},
                                       .held_back_by = {"prefix-list ANYCAST"}};
           },
           {"error outbound-filter"}},
          {[](World& w) { w.router.vips.clear(); }, {}},
      });
}

TEST_CASE("what a list holds back is told once, with the names of the lists") {
  World world;
  world.router.vips[web_vip] = {.in_rib = true,
                                .origins = 1,
                                .advertised_to = {},
                                .missing_from = {"10.1.1.4"},
                                .held_back_by = {"prefix-list ANYCAST", "route-map B"}};
  CHECK(world.told("outbound-filter") ==
        Checks{"error: prefix-list ANYCAST, route-map B does not let 10.99.0.1/32 out"});
}

TEST_CASE("peers that miss a VIP are named, and only where another one has it") {
  World world;
  world.config.services[0].vips.push_back({"10.99.0.2/32"});
  world.router.vips[{"10.99.0.2/32"}] = {
      .in_rib = true, .origins = 1, .advertised_to = {}, .missing_from = {"10.1.1.4", "10.1.1.132"}};
  CHECK(world.told("same-routes").empty());
  CHECK(world.told("outbound-filter") == Checks{"error: 10.99.0.2/32 in the table and advertised to nobody"});
  world.router.vips[web_vip] = {
      .in_rib = true, .origins = 1, .advertised_to = {"10.1.1.4"}, .missing_from = {"10.1.1.132"}};
  CHECK(world.told("same-routes") == Checks{"error: 10.99.0.1/32 not advertised to 10.1.1.132"});
}

TEST_CASE("without a list of Route Servers a neighbor may be meant to hear nothing") {
  World world;
  world.router.vips[web_vip].held_back_by = {"route-map NOTHING"};
  CHECK(world.told("outbound-filter").size() == 1);
  world.config.router.peers.clear();
  CHECK(world.told("outbound-filter").empty());
  world.router.vips[web_vip].advertised_to.clear();
  CHECK(world.told("outbound-filter").size() == 1);
}

TEST_CASE("another site's VIP that is told to others is an error") {
  World world;
  world.router.vips[web_vip] = {.in_rib = false, .origins = 0};
  world.router.vips[web_vip].learned_from = {"10.1.1.4"};
  CHECK(world.told("onward").empty());
  world.router.vips[web_vip].onward_to = {"10.1.1.132"};
  CHECK(world.told("onward") ==
        Checks{"error: 10.99.0.1/32 of another site, learned from 10.1.1.4, is announced to 10.1.1.132"});
}

TEST_CASE("of a router that does not answer nothing is said about VIPs") {
  World world;
  world.router.vips[web_vip].missing_from = {"10.1.1.132"};
  world.router.reachable = false;
  CHECK(world.told("same-routes").empty());
}

}  // namespace herald::vip_rules_test
