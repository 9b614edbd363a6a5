#include "tests/doctor/world.h"

namespace herald::policy_rules_test {

TEST_CASE("doctor on what may leave and come in") {
  check_all(World(),
            {
                {[](World& w) { w.router.peers[0].families[kIpv4].outbound_policy = false; },
                 {"error outbound-policy"}},
                {[](World& w) {
                   w.router.peers[0].families[kIpv4].outbound_policy = false;
                   w.router.frr.ebgp_requires_policy = false;
                 },
                 {"warning outbound-policy"}},
                {[](World& w) { w.router.peers[0].families[kIpv4].outbound_empty = true; },
                 {"warning outbound-policy"}},
                {[](World& w) { w.router.peers[0].families[kIpv4].inbound_policy = false; }, {}},
                {[](World& w) {
                   w.router.peers[0].families[kIpv4].inbound_policy = false;
                   w.router.frr.ebgp_requires_policy = false;
                 },
                 {"warning inbound-open"}},
                {[](World& w) { w.router.peers[0].families[kIpv4].accepted = 3; }, {"warning inbound-open"}},
                {[](World& w) { each_peer(w, [](PeerFacts& p) { p.families[kIpv4].active = false; }); },
                 {"error family"}},
                {[](World& w) {
                   w.config.router.preset = Preset::generic;
                   w.config.services.push_back(service({web_vip6}, Via::vtysh));
                 },
                 {"error family"}},
            });
}

TEST_CASE("policies are judged by family, and what is not known is held against nobody") {
  World world;
  each_peer(world, [](PeerFacts& peer) {
    peer.families[kIpv4].outbound_policy.reset();
    peer.families[kIpv4].inbound_policy.reset();
  });
  CHECK(world.checks().empty());
  world.router.peers[1].families[kIpv6] = {.active = true, .outbound_policy = false};
  CHECK(world.told("outbound-policy") == Checks{"error: no outbound policy of IPv6 toward 10.1.1.132"});
  world.router.peers[1].families[kIpv6].active = false;  // it carries none of it
  CHECK(world.told("outbound-policy").empty());
}

TEST_CASE("a list without entries lets everything out, also where a policy is required") {
  World world;
  world.router.peers[0].families[kIpv4].outbound_empty = true;
  CHECK(world.told("outbound-policy") == Checks{"warning: everything of IPv4 may leave toward 10.1.1.4"});
  CHECK(world.findings().front().why == "FRR takes a prefix-list without entries for \"all\"");
}

TEST_CASE("an open door is told once: by its policy, or by what came in") {
  World world;
  world.router.peers[0].families[kIpv4].accepted = 1;
  CHECK(world.told("inbound-open") == Checks{"warning: routes of IPv4 have been accepted from 10.1.1.4"});
  world.router.frr.ebgp_requires_policy = false;
  world.router.peers[0].families[kIpv4].inbound_policy = false;
  CHECK(world.told("inbound-open") == Checks{"warning: everything of IPv4 is accepted from 10.1.1.4"});
  world.router.vips[web_vip].learned_from = {"10.1.1.4"};
  CHECK(world.told("inbound-open") == Checks{"error: 10.99.0.1/32 accepted from a peer"});
}

TEST_CASE("the fix for an open door cuts off no machine that needs its peers' routes") {
  World world;
  world.router.frr.ebgp_requires_policy = false;
  each_peer(world, [](PeerFacts& peer) { peer.families[kIpv4].inbound_policy = false; });
  const auto findings = world.findings();
  REQUIRE(!findings.empty());
  CHECK(findings.front().fix ==
        "neighbor RS route-map IN in, with an entry that denies the VIPs first; one that denies everything "
        "(`heraldctl render frr` prints it) only where this machine needs no route of its peers");
}

TEST_CASE("a session lacks a family only where there are VIPs of it, and a peer to carry it") {
  World world;
  CHECK(world.told("family").empty());  // no IPv6 VIP, and no IPv6 session
  world.config.services[0].vips.push_back(web_vip6);
  CHECK(world.told("family") == Checks{"error: the session with 10.1.1.4, 10.1.1.132 does not carry IPv6"});
  world.router.peers[1] = {.address = "10.1.1.132", .state = "not configured"};
  CHECK(world.told("family") == Checks{"error: the session with 10.1.1.4 does not carry IPv6"});
  world.router.peers[0].families[kIpv6].active = true;
  CHECK(world.told("family").empty());
}

TEST_CASE("a session over IPv6 may carry what the one over IPv4 does not") {
  World world;
  world.config.router.preset = Preset::generic;
  world.config.services[0].vips.push_back(web_vip6);
  world.router.frr.redistribute[kIpv6] = {true, "LOOPBACK"};
  PeerFacts six = sound_peer("fd00:1::4");
  std::swap(six.families[kIpv4], six.families[kIpv6]);
  world.router.peers.push_back(six);
  CHECK(world.told("family").empty());
  world.router.peers.back().families[kIpv6].active = false;  // then nobody carries it
  CHECK(world.told("family") ==
        Checks{"error: the session with 10.1.1.4, 10.1.1.132, fd00:1::4 does not carry IPv6"});
}

}  // namespace herald::policy_rules_test
