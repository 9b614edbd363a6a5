#include "tests/doctor/world.h"

namespace herald::fast_rules_test {
namespace {

World fast_world() {
  World world;
  world.config.router.fast_withdraw = true;
  world.router.frr.fast_list_permits = true;
  world.router.frr.work_queue_ms = 0;
  for (PeerFacts& peer : world.router.peers) {
    peer.families[kIpv4].outbound_list.clear();
    peer.families[kIpv4].outbound_map = "ANYCAST";
    peer.families[kIpv4].outbound_slot = "prefix-list HERALD-fast";
  }
  return world;
}

}  // namespace

TEST_CASE("doctor on router.fast_withdraw") {
  check_all(
      fast_world(),
      {{[](World& w) { w.router.peers[0].families[kIpv4].outbound_slot = "prefix-list ANYCAST"; },
        {"warning fast-withdraw"}},
       {[](World& w) { w.router.peers[0].families[kIpv4].outbound_slot = ""; }, {"warning fast-withdraw"}},
       {[](World& w) { w.router.peers[0].families[kIpv4].active = false; }, {"error family"}},
       {[](World& w) { w.router.frr.fast_list_permits.reset(); }, {"error fast-withdraw"}},
       {[](World& w) { w.router.frr.fast_list_permits = false; }, {"error fast-withdraw"}},
       {[](World& w) {
          w.router.saved_denials = {
              {"/etc/frr/frr.conf", "ip prefix-list HERALD-fast seq 1 deny 10.99.0.1/32"}};
        },
        {"warning fast-withdraw"}},
       {[](World& w) {
          w.router.peers[0].families[kIpv4].outbound_map.clear();
          w.router.peers[0].families[kIpv4].outbound_list = "HERALD-fast";
        },
        {"warning outbound-policy"}}});
}

TEST_CASE("doctor names who does not take part, and with whose list") {
  World world = fast_world();
  world.router.peers[1].families[kIpv4].outbound_slot = "distribute-list 10";
  CHECK(world.told("fast-withdraw") ==
        std::vector<std::string>{
            "warning: router.fast_withdraw does nothing toward 10.1.1.132 (distribute-list 10)"});
}

TEST_CASE(
    "doctor: herald's list without the key is a note, and the queue of zebra is one for the loopback lever") {
  World world = fast_world();
  world.config.router.fast_withdraw = false;
  CHECK(world.told("fast-withdraw") ==
        std::vector<std::string>{"note: 10.1.1.4, 10.1.1.132 have the outbound prefix-list HERALD-fast"});
  CHECK(world.told("work-queue").empty());
  world.router.frr.work_queue_ms = 10;
  CHECK(world.told("work-queue") ==
        std::vector<std::string>{"note: zebra holds each change of an address back for 10 ms"});
  World steered(Stack::frr, Via::vtysh);
  steered.router.frr.work_queue_ms = 10;
  CHECK(steered.told("work-queue").empty());
}

}  // namespace herald::fast_rules_test
