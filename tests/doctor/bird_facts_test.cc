// The fixture is what a real BIRD printed (its name says which).
#include "sidecar/doctor/bird_facts.h"

#include <catch2/catch.hpp>

#include "tests/announce/fixture.h"

namespace herald::bird_facts_test {
namespace {

RouterSpec spec_with(std::vector<std::string> peers) {
  RouterSpec spec;
  spec.stack = Stack::bird;
  spec.peers = std::move(peers);
  return spec;
}

TEST_CASE("BIRD's version is in its greeting") {
  CHECK(parse_bird_version("BIRD 2.0.12 ready.\n") == "2.0.12");
  CHECK(parse_bird_version("BIRD v3.1.7 ready.\n") == "v3.1.7");
  CHECK(parse_bird_version("Unable to connect to server control socket (/x): No such file or directory\n")
            .empty());
}

TEST_CASE("the protocols that doctor judges") {
  const BirdProtocolFacts all =
      parse_bird_facts(fixture("bird-2.0.12-doctor.txt"), spec_with({"10.1.1.4", "10.9.9.8"}));
  CHECK(all.has_direct);
  CHECK_FALSE(all.has_herald);
  CHECK(all.names == std::vector<std::string>{"rs1", ""});
  REQUIRE(all.peers.size() == 2);
  const PeerFacts& peer = all.peers.front();
  CHECK(peer.established);
  CHECK(peer.local_as == 65001U);
  CHECK(peer.remote_as == 65515U);
  CHECK(peer.hold_seconds == 30U);
  CHECK(peer.graceful_restart == GracefulRestart::off);  // it knows it, and asks for nothing
  CHECK(peer.families[kIpv4].active);
  CHECK(peer.families[kIpv4].inbound_policy == true);
  CHECK(peer.families[kIpv4].outbound_policy == true);
  CHECK(peer.families[kIpv4].sent == 1);
  CHECK(peer.families[kIpv6].active);
  CHECK(all.peers.back().state == "not configured");
  // "gr" imports and exports nothing it was told not to: `import all; export none`.
  const BirdProtocolFacts others = parse_bird_facts(fixture("bird-2.0.12-doctor.txt"), spec_with({}));
  REQUIRE(others.names == std::vector<std::string>{"rs1", "rs2", "gr"});
  CHECK(others.peers[2].state == "Active");
  CHECK(others.peers[2].families[kIpv4].inbound_policy == false);
  CHECK(others.peers[2].families[kIpv4].outbound_list == "REJECT");
  CHECK_FALSE(others.peers[2].families[kIpv6].active);
}

TEST_CASE("graceful restart that is on names its families") {
  const std::string text = R"(BIRD 2.0.12 ready.
Name       Proto      Table      State  Since         Info
herald    Static     master4    up     10:00:00
rs1        BGP        ---        up     10:00:00      Established
  BGP state:          Established
    Neighbor address: fe80::1%eth0
    Local capabilities
      Graceful restart
        Restart time: 120
        AF supported: ipv4
    Neighbor capabilities
      Graceful restart
)";
  const BirdProtocolFacts found = parse_bird_facts(text, spec_with({}));
  CHECK(found.has_herald);
  REQUIRE(found.peers.size() == 1);
  CHECK(found.peers[0].address == "fe80::1");
  CHECK(found.peers[0].graceful_restart == GracefulRestart::restart);
  CHECK(parse_bird_facts("", spec_with({})).peers.empty());
}

TEST_CASE("whether a bird.conf includes herald's file") {
  const std::string file = "/etc/bird/herald.conf";
  CHECK(includes("router id 1.2.3.4;\ninclude \"/etc/bird/herald.conf\";\n", file));
  CHECK(includes("  include \"herald.conf\";", file));
  CHECK(includes("include \"/etc/bird/*.conf\";", file));
  CHECK_FALSE(includes("# include \"/etc/bird/herald.conf\";", file));
  CHECK_FALSE(includes("include \"/etc/bird/*/herald.conf\";", file));
  CHECK_FALSE(includes("include \"/etc/bird/other.conf\";", file));
  CHECK_FALSE(includes("include \"herald.conf", file));
  CHECK_FALSE(includes("", file));
}

}  // namespace
}  // namespace herald::bird_facts_test
