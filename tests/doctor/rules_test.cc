#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>

#include "sidecar/doctor/rules.h"

namespace herald {
namespace {

const Vip web_vip{"10.99.0.1/32"};
const Vip web_vip6{"fd00:99::1/128"};

ServiceSpec service(std::vector<Vip> vips, Via via) {
  ServiceSpec spec;
  spec.name = "web";
  spec.vips = std::move(vips);
  spec.announce.via = via;
  return spec;
}

PeerFacts sound_peer(const std::string& address) {
  PeerFacts peer{.address = address, .state = "Established", .established = true};
  peer.local_as = 65001;
  peer.remote_as = 65515;
  peer.hold_seconds = 30;
  peer.graceful_restart = GracefulRestart::off;
  peer.next_hop_resolved = true;
  peer.families[kIpv4] = {.active = true,
                          .inbound_policy = true,
                          .outbound_policy = true,
                          .outbound_list = "ANYCAST",
                          .outbound_empty = false,
                          .accepted = 0,
                          .sent = 1};
  return peer;
}

// A sound world of one VIP; each test breaks something of it.
struct World {
  Config config;
  RouterFacts router;
  HostFacts host{.user = "root", .group = "frrvty", .herald_in_group = true};

  explicit World(Stack stack = Stack::frr, Via via = Via::loopback) {
    config.router.stack = stack;
    config.router.as = 65001;
    config.router.preset = Preset::azure;
    config.router.peer_as = 65515;
    config.router.peers = {"10.1.1.4", "10.1.1.132"};
    config.services = {service({web_vip}, via)};
    router.reachable = true;
    router.version = stack == Stack::frr ? "8.4.4" : "2.0.12";
    router.client_version = stack == Stack::frr ? "8.4.4" : "";
    router.peers = {sound_peer("10.1.1.4"), sound_peer("10.1.1.132")};
    router.vips[web_vip] = {.in_rib = true, .origins = 1, .advertised_to = {"10.1.1.4", "10.1.1.132"}};
    router.frr.has_instance = true;
    router.frr.import_check = false;
    if (via == Via::loopback) router.frr.redistribute[kIpv4] = {true, "LOOPBACK"};
    if (via == Via::vtysh) router.frr.networks[web_vip] = "HERALD-web-healthy";
    router.bird.has_direct = true;
    router.bird.has_include = true;
  }

  [[nodiscard]] std::vector<Finding> findings() const { return examine(config, router, host); }
  // "error outbound-filter", without the notes.
  [[nodiscard]] std::vector<std::string> checks() const {
    std::vector<std::string> checks;
    for (const Finding& each : findings()) {
      if (each.severity != Severity::note)
        checks.push_back(std::string(name_of(each.severity)) + " " + each.check);
    }
    return checks;
  }
};

using Checks = std::vector<std::string>;
using Break = std::function<void(World&)>;

void each_peer(World& world, const std::function<void(PeerFacts&)>& change) {
  for (PeerFacts& peer : world.router.peers) change(peer);
}

void check_all(const World& sound, const std::vector<std::pair<Break, Checks>>& cases) {
  REQUIRE(sound.checks().empty());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO("case " << i);
    World world = sound;
    cases[i].first(world);
    CHECK(world.checks() == cases[i].second);
    for (const Finding& each : world.findings()) CHECK_FALSE((each.what.empty() || each.why.empty()));
  }
}

}  // namespace

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
                 {"error inbound-open"}},
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
                                       .held_back_by = {"ANYCAST"}};
           },
           {"error outbound-filter"}},
          {[](World& w) { w.router.vips.clear(); }, {}},
      });
}

TEST_CASE("doctor on FRR") {
  check_all(
      World(),
      {
          {[](World& w) { w.router.frr.redistribute[kIpv4] = {}; }, {"error redistribute"}},
          {[](World& w) { w.router.frr.redistribute[kIpv4].route_map = ""; }, {"warning redistribute"}},
          {[](World& w) { w.router.frr.networks[web_vip] = ""; }, {"error two-origins"}},
          {[](World& w) { w.router.frr.suppress_fib_pending = true; }, {"warning suppress-fib-pending"}},
          {[](World& w) { w.router.frr.update_delay = true; }, {"warning update-delay"}},
          {[](World& w) { w.router.frr.import_check = true; }, {}},
          {[](World& w) { w.router.frr.has_instance = false; }, {"error instance"}},
          {[](World& w) { w.router.saved = {{"/etc/frr/frr.conf", "network 10.99.0.1/32"}}; },
           {"error saved"}},
          {[](World& w) { w.router.unreadable = {{"/etc/frr/frr.conf", "Permission denied"}}; }, {}},
          {[](World& w) { w.router.client_version = "10.3"; }, {"warning version"}},
          {[](World& w) { w.router.reachable = false; }, {"error reachable"}},
          {[](World& w) { w.router.error = "vtysh: no answer within 2s"; }, {"warning reachable"}},
      });
  check_all(World(Stack::frr, Via::vtysh),
            {
                {[](World& w) { w.router.frr.import_check = true; }, {}},
                {[](World& w) {
                   w.router.frr.import_check = true;
                   w.config.services[0].announce.vip_on_down = VipOnDown::remove;
                 },
                 {"warning import-check"}},
                {[](World& w) {
                   w.router.frr.import_check = true;
                   w.router.vips[web_vip] = {.in_rib = false, .origins = 1};
                 },
                 {"error import-check"}},
                {[](World& w) { w.router.vips[web_vip].origins = 2; }, {"error two-origins"}},
                {[](World& w) { w.router.frr.networks.clear(); }, {"error two-origins"}},
                {[](World& w) { w.router.frr.redistribute[kIpv4] = {true, ""}; }, {"error redistribute"}},
                {[](World& w) { w.router.frr.redistribute[kIpv4] = {true, "OTHERS"}; }, {}},
            });
}

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
                        {"error inbound-open"}},
                       {[](World& w) { w.router.peers[0].families[kIpv4].outbound_policy = false; },
                        {"warning outbound-policy"}},
                   });
}

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

TEST_CASE("many VIPs make one finding") {
  World world(Stack::frr, Via::vtysh);
  world.config.services[0].vips = {
      {"10.99.0.1/32"}, {"10.99.0.2/32"}, {"10.99.0.3/32"}, {"10.99.0.4/32"}, {"10.99.0.5/32"}};
  for (const Vip& vip : world.config.services[0].vips)
    world.router.vips[vip] = {.in_rib = true, .origins = 2};
  CHECK(world.findings().front().what ==
        "10.99.0.1/32, 10.99.0.2/32, 10.99.0.3/32 and 2 more by `network` and by redistribution");
}

}  // namespace herald
