#include "tests/doctor/world.h"

namespace herald::session_rules_test {

TEST_CASE("doctor on the sessions with a Route Server") {
  check_all(
      World(),
      {
          {[](World& w) { w.router.peers[1] = {.address = "10.1.1.132", .state = "not configured"}; },
           {"error peers"}},
          {[](World& w) { w.router.peers[1].established = false; }, {"warning sessions"}},
          {[](World& w) { each_peer(w, [](PeerFacts& p) { p.established = false; }); }, {"error sessions"}},
          {[](World& w) { w.config.router.peers.pop_back(); }, {"error peers"}},
          {[](World& w) { w.config.router.peers.clear(); }, {}},
          {[](World& w) { w.router.peers[0].next_hop_resolved = false; }, {"warning next-hop"}},
          {[](World& w) {
             w.router.peers[0].next_hop_resolved = false;
             w.router.peers[0].established = false;
           },
           {"error next-hop", "warning sessions"}},
          {[](World& w) { w.router.peers[0].graceful_restart = GracefulRestart::restart; },
           {"error graceful-restart"}},
          {[](World& w) { w.router.peers[0].graceful_restart = GracefulRestart::helper; },
           {"warning graceful-restart"}},
          {[](World& w) { w.router.peers[0].advertisement_interval_ms = 5000; },
           {"warning advertisement-interval"}},
          {[](World& w) { w.router.peers[0].remote_as = 65514; }, {"error peer-as"}},
          {[](World& w) { w.router.peers[0].local_as = 65002; }, {"error as"}},
          {[](World& w) { w.router.peers[0].hold_seconds = 180; }, {}},
      });
}

TEST_CASE("doctor on AS numbers") {
  const auto with = [](Preset preset, std::uint32_t as) {
    World world;
    world.config.router.preset = preset;
    world.config.router.as = as;
    for (PeerFacts& peer : world.router.peers) peer.local_as = as;
    return world.checks();
  };
  for (const std::uint32_t as :
       {8074U, 8075U, 12076U, 65517U, 65520U, 23456U, 64496U, 64511U, 65535U, 65536U, 4200000000U})
    CHECK(with(Preset::azure, as) == Checks{"error as"});
  CHECK(with(Preset::azure, 65515) == Checks{"error as", "error peer-as", "error peer-as"});
  for (const std::uint32_t as : {1U, 8073U, 64495U, 64512U, 65514U, 65516U, 65521U})
    CHECK(with(Preset::azure, as).empty());
  for (const Preset preset : {Preset::aws, Preset::gcp, Preset::generic}) {
    CHECK(with(preset, 4200000000U).empty());
    CHECK(with(preset, 65520).empty());
    CHECK(with(preset, 64500) == Checks{"warning as"});
  }
}

TEST_CASE("doctor on Azure's limits") {
  World world;
  world.config.services[0].vips.clear();
  for (int i = 0; i < 501; ++i)
    world.config.services[0].vips.push_back(
        {"10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250) + "/32"});
  CHECK(world.checks() == Checks{"warning limit"});
  world.router.peers[0].families[kIpv4].sent = 1001;
  CHECK(world.checks() == Checks{"error limit"});
  world.config.router.preset = Preset::generic;
  CHECK(world.checks().empty());
}

TEST_CASE("one peer is a fault of Azure's alone, and none configured is a note") {
  World world;
  CHECK(world.told("peers").empty());
  world.config.router.peers = {"10.1.1.4"};
  world.router.peers.pop_back();
  CHECK(world.told("peers") == Checks{"error: 10.1.1.4 is the only peer"});
  world.config.router.preset = Preset::aws;
  CHECK(world.told("peers").empty());
  world.config.router.peers.clear();
  CHECK(world.told("peers") == Checks{"note: router.route_server.peers is not set"});
}

TEST_CASE(
    "a peer that is not configured is no session that is down, and the only session that is up is said") {
  World world;
  world.router.peers[1] = {.address = "10.1.1.132", .state = "not configured"};
  CHECK(world.told("peers") == Checks{"error: bgpd has no neighbor 10.1.1.132"});
  CHECK(world.told("sessions").empty());
  world.router.peers[0].established = false;
  CHECK(world.told("sessions") == Checks{"error: no session is established"});
  world.router.peers[1] = sound_peer("10.1.1.132");
  world.router.peers[0].state = "Active";
  CHECK(world.told("sessions") == Checks{"warning: 10.1.1.4 is not established: Active"});
}

TEST_CASE("our own AS is the configuration's, or else what the router says") {
  World world;
  world.config.router.as.reset();
  CHECK(world.told("as").empty());
  for (PeerFacts& peer : world.router.peers) peer.local_as = 65520;
  CHECK(world.told("as") == Checks{"error: AS 65520 is reserved by Azure"});
  world.config.router.as = 65001;
  CHECK(world.told("as") == Checks{"error: toward 10.1.1.4 bgpd is AS 65520, and router.bgp.as is 65001",
                                   "error: toward 10.1.1.132 bgpd is AS 65520, and router.bgp.as is 65001"});
  for (PeerFacts& peer : world.router.peers) peer.local_as.reset();  // not known
  CHECK(world.told("as").empty());
  world.config.router.as.reset();
  world.router.peers.clear();
  CHECK(world.told("as").empty());
}

TEST_CASE("a peer's AS is wrong against the configuration, or when it is our own") {
  World world;
  world.router.peers[0].remote_as = 65514;
  CHECK(world.told("peer-as") ==
        Checks{"error: bgpd takes 10.1.1.4 for AS 65514, and router.route_server.as is 65515"});
  world.config.router.peer_as.reset();
  CHECK(world.told("peer-as").empty());
  world.router.peers[0].remote_as = 65001;
  CHECK(world.told("peer-as") == Checks{"error: 10.1.1.4 has our own AS 65001"});
  world.router.peers[0].remote_as.reset();
  world.router.peers[0].local_as.reset();
  CHECK(world.told("peer-as").empty());
}

TEST_CASE("the edges of Azure's limit: half of it is sound, all of it is not yet beyond it") {
  World world;
  const auto with = [&](std::uint32_t sent4, std::uint32_t sent6) {
    world.router.peers[1].families[kIpv4].sent = sent4;
    world.router.peers[1].families[kIpv6].sent = sent6;
    return world.told("limit");
  };
  CHECK(with(500, 0).empty());
  CHECK(with(250, 251) == Checks{"warning: 501 routes, of 1000 that Azure takes from a peer"});
  CHECK(with(1000, 0) == Checks{"warning: 1000 routes, of 1000 that Azure takes from a peer"});
  CHECK(with(1001, 0) == Checks{"error: 1001 routes, of 1000 that Azure takes from a peer"});
}

TEST_CASE("a hold time is a note from 31 s on, with the longest and whose it is") {
  World world;
  CHECK(world.told("hold-time").empty());  // 30 s
  world.router.peers[0].hold_seconds = 31;
  CHECK(world.told("hold-time") == Checks{"note: hold time of 31 s with 10.1.1.4"});
  world.router.peers[1].hold_seconds = 180;
  CHECK(world.told("hold-time") == Checks{"note: hold time of 180 s with 10.1.1.4, 10.1.1.132"});
  each_peer(world, [](PeerFacts& peer) { peer.hold_seconds.reset(); });
  CHECK(world.told("hold-time").empty());
}

TEST_CASE("IPv6 VIPs are a warning with Azure alone") {
  World world;
  CHECK(world.told("ipv6").empty());
  world.config.services[0].vips.push_back(web_vip6);
  CHECK(world.told("ipv6") == Checks{"warning: there are IPv6 VIPs"});
  world.config.router.preset = Preset::gcp;
  CHECK(world.told("ipv6").empty());
}

TEST_CASE("a peer that is a router away needs ebgp-multihop, and no other advice") {
  World world;
  PeerFacts& peer = world.router.peers[0];
  peer.established = false;
  peer.state = "Active";
  peer.next_hop_resolved = false;
  CHECK(world.told("ebgp-multihop").empty());
  CHECK(world.told("next-hop").size() == 1);
  peer.must_be_connected = true;
  CHECK(world.told("ebgp-multihop") == Checks{"error: 10.1.1.4 is on no network of this machine"});
  CHECK(world.told("next-hop").empty());
  peer.next_hop_resolved = true;
  CHECK(world.told("ebgp-multihop").empty());
}

TEST_CASE("IPv6 VIPs over a session that has no next hop for them") {
  World world;
  world.config.router.preset = Preset::generic;
  world.config.services[0].vips.push_back(web_vip6);
  each_peer(world, [](PeerFacts& peer) {
    peer.families[kIpv6] = peer.families[kIpv4];
    peer.no_ipv6_next_hop = true;
  });
  world.router.peers[1].address = "fd00:1::4";
  CHECK(world.told("ipv6-next-hop") ==
        Checks{"error: IPv6 routes are sent to 10.1.1.4 without an IPv6 next hop"});
  world.router.frr.sets_ipv6_next_hop = true;
  CHECK(world.told("ipv6-next-hop").empty());
  world.router.frr.sets_ipv6_next_hop = false;
  world.config.services[0].vips.pop_back();
  CHECK(world.told("ipv6-next-hop").empty());
}

TEST_CASE("what is not known of next hops and graceful restart is held against nobody") {
  World world;
  each_peer(world, [](PeerFacts& peer) {
    peer.next_hop_resolved.reset();
    peer.graceful_restart = GracefulRestart::unknown;
  });
  CHECK(world.checks().empty());
}

}  // namespace herald::session_rules_test
