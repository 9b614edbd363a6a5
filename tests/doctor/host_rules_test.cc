#include "tests/doctor/world.h"

namespace herald::host_rules_test {

TEST_CASE("doctor on who may talk to the router") {
  check_all(World(), {
                         {[](World& w) { w.host.user_in_group = false; }, {"warning group"}},
                         {[](World& w) { w.host.herald_in_group = false; }, {"error group"}},
                         {[](World& w) { w.host.herald_in_group = std::nullopt; }, {}},
                     });
  World world;
  world.config.router.stack = Stack::none;
  CHECK(world.findings().size() == 1);
}

TEST_CASE("who is in no group that may talk to the router is named with it") {
  World world(Stack::bird);
  CHECK(world.told("group").empty());
  world.host = {.user = "ann", .group = "bird", .user_in_group = false, .herald_in_group = false};
  CHECK(world.told("group") ==
        Checks{"error: user herald is not in group bird", "warning: user ann is not in group bird"});
  CHECK(world.findings().front().fix == "usermod -aG bird herald, then systemctl restart herald");
  world.host = {.user = "ann", .group = "", .user_in_group = true, .herald_in_group = true};
  CHECK(world.told("group").empty());
}

TEST_CASE("an address that is a VIP and has no mark of herald's is a warning with the way out") {
  World world;
  CHECK(world.told("foreign-address").empty());
  world.host.foreign[web_vip] = "lo";
  CHECK(world.told("foreign-address") == Checks{"warning: 10.99.0.1/32 on lo without herald's mark"});
  world.config.services[0].announce.via = Via::vtysh;
  world.config.services[0].announce.manage_vip = false;
  CHECK(world.told("foreign-address").empty());
}

TEST_CASE("a VIP at which nobody listens is told, unless packet rules hand it on") {
  World world;
  world.config.services[0].vips = {web_vip};
  CHECK(world.told("no-listener").empty());
  const std::string line = "nobody listens at TCP port 80 of 10.99.0.1, though somebody does at 127.0.0.1";
  world.host.refused[web_vip] = line;
  CHECK(world.told("no-listener") == Checks{"warning: " + line});
  world.host.packet_rules.emplace();
  CHECK(world.told("no-listener") == Checks{"warning: " + line});
  world.host.packet_rules->translates = true;
  CHECK(world.told("no-listener") == Checks{"note: " + line});
  world.host.packet_rules->names_vip = {web_vip};
  CHECK(world.told("no-listener").empty());
}

}  // namespace herald::host_rules_test
