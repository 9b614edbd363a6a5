#include "tests/doctor/world.h"

namespace herald::bird_rules_test {

TEST_CASE("doctor on BIRD") {
  World sound(Stack::bird);
  each_peer(sound, [](PeerFacts& peer) { peer.families[kIpv4].outbound_list = ""; });
  check_all(sound, {
                       {[](World& w) { w.router.bird.has_direct = false; }, {"error direct"}},
                       {[](World& w) {
                          w.host.present = {web_vip};
                          w.router.vips.clear();
                        },
                        {"error direct"}},
                       {[](World& w) { w.router.bird.has_include = false; }, {}},
                       {[](World& w) {
                          w.router.bird.has_include = false;
                          w.config.services[0].announce.via = Via::birdc;
                        },
                        {"error include"}},
                       {[](World& w) { w.router.peers[0].families[kIpv4].outbound_list = "REJECT"; },
                        {"error outbound-filter"}},
                       {[](World& w) { w.router.peers[0].families[kIpv4].inbound_policy = false; },
                        {"warning inbound-open"}},
                       {[](World& w) { w.router.peers[0].families[kIpv4].outbound_policy = false; },
                        {"warning outbound-policy"}},
                   });
}

TEST_CASE("protocol direct is wanted where VIPs move on an interface, and has to see them") {
  World world(Stack::bird);
  world.router.bird.has_direct = false;
  CHECK(world.told("direct") == Checks{"error: BIRD has no protocol direct that is up"});
  world.config.services[0].announce.via = Via::birdc;
  CHECK(world.told("direct").empty());
  world.config.services[0].announce.via = Via::loopback;
  world.router.bird.has_direct = true;
  world.host.present = {web_vip};
  CHECK(world.told("direct").empty());  // it is in the table
  world.router.vips.clear();
  CHECK(world.told("direct") == Checks{"error: 10.99.0.1/32 on an interface and not in BIRD's table"});
  world.host.present.clear();
  CHECK(world.told("direct").empty());  // a service that is down
}

TEST_CASE("herald's file has to be included where it announces; what is not known is a note") {
  World world(Stack::bird, Via::birdc);
  world.config.router.bird.include = "/etc/bird/herald.conf";
  CHECK(world.told("include").empty());
  world.router.bird = {.has_include = false, .config_file = "/etc/bird/bird.conf"};
  CHECK(world.told("include") == Checks{"error: /etc/bird/bird.conf does not include /etc/bird/herald.conf"});
  world.router.bird.has_include.reset();
  CHECK(world.told("include") == Checks{"note: whether BIRD includes /etc/bird/herald.conf is not known"});
  world.config.services[0].announce.via = Via::loopback;
  CHECK(world.told("include").empty());
}

TEST_CASE("export none is a fault of a family that has VIPs and a channel") {
  World world(Stack::bird, Via::birdc);
  each_peer(world, [](PeerFacts& peer) { peer.families[kIpv4].outbound_list = ""; });
  world.router.peers[0].families[kIpv6] = {.active = true, .outbound_list = "REJECT"};
  CHECK(world.told("outbound-filter").empty());
  world.config.services[0].vips.push_back(web_vip6);
  CHECK(world.told("outbound-filter") == Checks{"error: export none of IPv6 toward 10.1.1.4"});
  world.router.peers[0].families[kIpv6].active = false;
  CHECK(world.told("outbound-filter").empty());
}

TEST_CASE("a policy is never required by BIRD, whose inbound door may be open") {
  World world(Stack::bird);
  each_peer(world, [](PeerFacts& peer) { peer.families[kIpv4].inbound_policy = false; });
  CHECK(world.told("inbound-open") ==
        Checks{"warning: everything of IPv4 is accepted from 10.1.1.4, 10.1.1.132"});
}

TEST_CASE("BIRD's version, and nothing but that it does not answer") {
  World world(Stack::bird);
  CHECK(world.told("version") == Checks{"note: BIRD 2.0.12"});
  world.router.reachable = false;
  world.router.error = "birdc: no answer within 2s";
  world.router.bird = {};
  CHECK(world.checks() == Checks{"error reachable"});
  CHECK(world.told("reachable") == Checks{"error: BIRD does not answer: birdc: no answer within 2s"});
  CHECK(world.told("version").empty());
}

TEST_CASE(
    "what announces a VIP beside herald's file is an error, and what may is a warning until it is there") {
  World world(Stack::bird, Via::birdc);
  CHECK(world.told("two-origins").empty());
  VipFacts& facts = world.router.vips[web_vip];
  facts.import = InterfaceImport{"protocol direct1", false};
  world.host.present.clear();
  CHECK(world.told("two-origins") == Checks{"warning: protocol direct1 may announce 10.99.0.1/32 by itself"});
  facts.import->filtered = true;
  CHECK(world.told("two-origins").empty());
  facts.import->filtered = false;
  world.host.present = {web_vip};  // and not in the table by it
  CHECK(world.told("two-origins").empty());
  facts.others = {{"protocol direct1", true}};
  CHECK(world.told("two-origins") ==
        Checks{"error: 10.99.0.1/32 in BIRD's table by protocol direct1 beside herald's file"});
  world.config.services[0].announce.via = Via::loopback;
  CHECK(world.told("two-origins").empty());
}

}  // namespace herald::bird_rules_test
