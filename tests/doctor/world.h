// A sound world for doctor's rules, of which a test breaks something.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/doctor/rules.h"

namespace herald {

inline const Vip web_vip{"10.99.0.1/32"};
inline const Vip web_vip6{"fd00:99::1/128"};

inline ServiceSpec service(std::vector<Vip> vips, Via via) {
  ServiceSpec spec;
  spec.name = "web";
  spec.vips = std::move(vips);
  spec.announce.via = via;
  return spec;
}

inline PeerFacts sound_peer(const std::string& address) {
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
  // What one rule says: "note: hold time of 31 s with 10.1.1.4".
  [[nodiscard]] std::vector<std::string> told(const std::string& check) const {
    std::vector<std::string> told;
    for (const Finding& each : findings()) {
      if (each.check == check) told.push_back(std::string(name_of(each.severity)) + ": " + each.what);
    }
    return told;
  }
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

inline void each_peer(World& world, const std::function<void(PeerFacts&)>& change) {
  for (PeerFacts& peer : world.router.peers) change(peer);
}

inline void check_all(const World& sound, const std::vector<std::pair<Break, Checks>>& cases) {
  REQUIRE(sound.checks().empty());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO("case " << i);
    World world = sound;
    cases[i].first(world);
    CHECK(world.checks() == cases[i].second);
    for (const Finding& each : world.findings()) CHECK_FALSE((each.what.empty() || each.why.empty()));
  }
}

}  // namespace herald
