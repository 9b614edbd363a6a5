#include "sidecar/ctl/peers.h"

#include <catch2/catch.hpp>

#include "tests/control/snapshot_fixture.h"
#include "tests/ctl/utc.h"

namespace herald::peers_test {

using namespace fixture;

namespace {

std::string peers_of(const Snapshot& snapshot) {
  const Utc utc;
  return "\n" + ctl::render_peers(status_report(snapshot, kClocks), {});
}

bool is_fine(const Snapshot& snapshot) {
  return ctl::are_peers_as_wanted(status_report(snapshot, kClocks));
}

// Both sessions are up and are sent all that is wanted.
Snapshot sound() {
  Snapshot snapshot = two_services();
  for (ServiceSnapshot& service : snapshot.services) {
    for (VipSnapshot& vip : service.vips) {
      vip.wanted = service.state == ServiceState::announced;
      vip.route.missing_from.clear();
    }
  }
  for (RouterPeer& peer : snapshot.router->peers) {
    peer.sent = 3;
    peer.accepted = 0;
    snapshot.peers.push_back({peer.address, kNow - 90s, 0});
  }
  return snapshot;
}

}  // namespace

TEST_CASE("peers: a line each, with what is sent and accepted") {
  const Snapshot snapshot = sound();
  CHECK(is_fine(snapshot));
  const std::string text = peers_of(snapshot);
  CAPTURE(text);
  CHECK(text.contains("frr: 2 of 2 peers established"));
  CHECK(text.contains("  PEER        STATE        SINCE"));
  CHECK(text.contains("  10.1.1.4    Established"));
  CHECK(text.contains("3     0         1 of 1"));
  CHECK_FALSE(text.contains("!"));
}

TEST_CASE("peers: one that is lost, or lacks a VIP, is marked, with how often it was lost") {
  Snapshot snapshot = sound();
  RouterPeer& lost = snapshot.router->peers[1];
  lost = {lost.address, "Active", false};
  snapshot.peers[1].losses = 2;
  CHECK_FALSE(is_fine(snapshot));
  std::string text = peers_of(snapshot);
  CAPTURE(text);
  CHECK(text.contains("! 10.1.1.132"));
  CHECK(text.contains("lost 2 times since heraldd started"));
  CHECK(text.contains("-     -"));  // what it does not tell is not 0

  snapshot = sound();
  VipSnapshot& vip = snapshot.services[0].vips[0];
  REQUIRE(vip.wanted);
  vip.route.advertised_to = {"10.1.1.4"};
  vip.route.missing_from = {"10.1.1.132"};
  CHECK_FALSE(is_fine(snapshot));
  text = peers_of(snapshot);
  CHECK(text.contains("0 of 1, not " + vip.prefix));
}

TEST_CASE("peers: a router that does not answer, or none, has no lines") {
  Snapshot snapshot = sound();
  snapshot.router = RouterView{};
  snapshot.router->error = "bgpd: no answer";
  CHECK_FALSE(is_fine(snapshot));
  CHECK(peers_of(snapshot) == "\nfrr: does not answer: bgpd: no answer\n");
  snapshot.stack = Stack::none;
  CHECK(is_fine(snapshot));
}

}  // namespace herald::peers_test
