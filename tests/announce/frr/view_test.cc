// Parsing bgpd's JSON. The fixtures are what real releases printed (their names say which).
#include "sidecar/announce/frr/view.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "sidecar/announce/router/json_member.h"
#include "tests/announce/fixture.h"
#include "tests/announce/type_swap.h"

namespace herald::frr_view_test {
namespace {

const Vip kVip{"10.99.0.1/32"};
const Vip kVip6{"fd00:99::1/128"};
const Vip kAbsent{"10.99.0.7/32"};

const std::string kFirst = "1 established, 0 dropped";

RouterSpec spec_with(std::vector<std::string> peers) {
  RouterSpec spec;
  spec.stack = Stack::frr;
  spec.peers = std::move(peers);
  return spec;
}

TEST_CASE("a session over IPv4 without an IPv6 next hop: its Route Server is not told of IPv6 VIPs") {
  const RouterSpec spec = spec_with({"10.1.1.4", "fd00:1::4"});
  CHECK(frr_next_hop_peers(spec, {Vip{"10.99.0.1/32"}}).empty());
  CHECK(frr_next_hop_peers(spec, {Vip{"fd00:99::1/128"}}) == std::vector<std::string>{"10.1.1.4"});
  CHECK(frr_next_hop_command(spec, "10.1.1.4") == "show bgp neighbors 10.1.1.4 json");
  const auto next_hop = [](std::string_view text) { return parse_frr_next_hop(text, "10.1.1.4"); };
  CHECK(next_hop(R"({"10.1.1.4":{"nexthopGlobal":"::"}})") == true);
  CHECK(next_hop(R"({"10.1.1.4":{"nexthopGlobal":"::ffff:a01:4"}})") == true);
  CHECK(next_hop(R"({"10.1.1.4":{"nexthopGlobal":"fd00:1::9"}})") == false);
  CHECK(next_hop(R"({"10.1.1.4":{"bgpState":"Active"}})") == false);
  CHECK(next_hop(R"({"bgpNoSuchNeighbor":true})") == false);
  CHECK_FALSE(next_hop(R"({"10.1.1.4":7})"));
  CHECK_FALSE(next_hop(R"({"10.1.1.4":{"nexthopGlobal":7}})"));
  CHECK_FALSE(next_hop(""));

  FrrPeers peers{.peers = {}, .ipv4 = {"10.1.1.4"}, .ipv6 = {"10.1.1.4", "10.1.1.132"}};
  peers.ipv6_nowhere = {"10.1.1.4"};
  const std::string answer =
      R"({"prefix":"fd00:99::1/128","paths":[{"sourced":true,"local":true,"bestpath":{"overall":true}}],)"
      R"("advertisedTo":{"10.1.1.4":{},"10.1.1.132":{}}})";
  const auto routes =
      parse_frr_routes(answer, {Vip{"fd00:99::1/128"}}, peers, spec_with({"10.1.1.4", "10.1.1.132"}));
  REQUIRE(routes);
  const RouterRoute& route = routes->begin()->second;
  CHECK(route.advertised_to == std::vector<std::string>{"10.1.1.132"});
  CHECK(route.missing_from == std::vector<std::string>{"10.1.1.4"});
  CHECK(route.no_next_hop == std::vector<std::string>{"10.1.1.4"});
}

TEST_CASE("the peers of a summary, configured ones first and in their order") {
  const std::string release = GENERATE(from_range(kFrrReleases));
  const auto peers =
      parse_frr_summary(frr_fixture(release, "summary.json"), spec_with({"10.1.1.132", "10.9.9.9"}));
  REQUIRE(peers);
  CHECK(peers->peers == std::vector<RouterPeer>{{"10.1.1.132", "Established", true, kFirst, 2, 0},
                                                {"10.9.9.9", "not configured", false},
                                                {"10.1.1.4", "Established", true, kFirst, 2, 0}});
  CHECK(peers->ipv4.size() == 2);
  CHECK(peers->ipv6.size() == 2);
}

TEST_CASE("which routes are in the table, and to whom they went") {
  const std::string release = GENERATE(from_range(kFrrReleases));
  const RouterSpec spec = spec_with({"10.1.1.4", "10.1.1.132"});
  const auto peers = parse_frr_summary(frr_fixture(release, "summary.json"), spec);
  REQUIRE(peers);
  const auto routes =
      parse_frr_routes(frr_fixture(release, "routes.json"), {kVip, kVip6, kAbsent}, *peers, spec);
  REQUIRE(routes);
  for (const Vip& vip : {kVip, kVip6}) {
    CHECK(routes->at(vip).in_rib);
    CHECK(routes->at(vip).advertised_to.size() == 2);
    CHECK(routes->at(vip).missing_from.empty());
  }
  CHECK_FALSE(routes->at(kAbsent).in_rib);
}

TEST_CASE("a route that one Route Server was not sent is missing there") {
  const RouterSpec spec = spec_with({"10.1.1.4", "10.1.1.132"});
  const FrrPeers peers{.peers = {}, .ipv4 = {"10.1.1.132", "10.1.1.4"}, .ipv6 = {}};
  const std::string text =
      R"({"prefix":"10.99.0.1/32","advertisedTo":{"10.1.1.4":{}},"paths":[{"sourced":true,"bestpath":{"overall":true}}]})";
  const auto routes = parse_frr_routes(text, {kVip}, peers, spec);
  REQUIRE(routes);
  CHECK(routes->at(kVip).in_rib);
  CHECK(routes->at(kVip).advertised_to == std::vector<std::string>{"10.1.1.4"});
  CHECK(routes->at(kVip).missing_from == std::vector<std::string>{"10.1.1.132"});
  // With no Route Servers configured, one peer that has it is enough.
  CHECK(parse_frr_routes(text, {kVip}, peers, spec_with({}))->at(kVip).missing_from.empty());
}

TEST_CASE("a Route Server without a session is missed by VIPs of its families alone") {
  const RouterSpec spec = spec_with({"10.1.1.4", "10.1.1.132", "fd00::4", "10.1.1.9"});
  const std::string up = R"({"state":"Established","connectionsEstablished":1,"connectionsDropped":0})";
  const std::string down = R"({"state":"Active","connectionsEstablished":1,"connectionsDropped":1})";
  const auto peers = parse_frr_summary(R"({"ipv4Unicast":{"peers":{"10.1.1.4":)" + up + R"(,"10.1.1.132":)" +
                                           down + R"(,"10.1.1.200":)" + down +
                                           R"(}},"ipv6Unicast":{"peers":{"fd00::4":)" + down + "}}}",
                                       spec);
  REQUIRE(peers);
  const auto routes = parse_frr_routes(R"({"prefix":"10.99.0.1/32","advertisedTo":{"10.1.1.4":{}},)"
                                       R"("paths":[{"sourced":true,"bestpath":{"overall":true}}]}{})",
                                       {kVip, kVip6}, *peers, spec);
  REQUIRE(routes);
  const RouterRoute wanted{true, {"10.1.1.4"}, {}, {"10.1.1.132", "10.1.1.9"}, {{"redistribution"}}};
  CHECK(routes->at(kVip) == wanted);
  CHECK(routes->at(kVip6).without_session == std::vector<std::string>{"fd00::4", "10.1.1.9"});
}

TEST_CASE("a path that is not settled or not ours does not count") {
  const FrrPeers peers;
  const auto in_rib = [&](const std::string& path) {
    const auto routes =
        parse_frr_routes(R"({"prefix":"10.99.0.1/32","paths":[)" + path + "]}", {kVip}, peers, spec_with({}));
    REQUIRE(routes);
    return routes->at(kVip).in_rib;
  };
  CHECK(in_rib(R"({"sourced":true,"bestpath":{"overall":true}})"));
  CHECK_FALSE(in_rib(R"({"sourced":true,"processScheduled":true})"));
  CHECK_FALSE(in_rib(R"({"valid":true,"bestpath":{"overall":true},"peer":{"peerId":"10.1.1.4"}})"));
}

TEST_CASE("vtysh talking before its answer does not matter") {
  const std::string chatter =
      "% Can't open configuration file /etc/frr/vtysh.conf due to 'Permission denied'.\n";
  CHECK(parse_frr_summary(chatter + fixture("frr-8.4.4-summary.json"), spec_with({})));
}

TEST_CASE("what is no answer is an error that says what came instead") {
  const RouterSpec spec = spec_with({});
  CHECK(parse_frr_summary("vtysh: failed to connect to any daemons\n", spec).error() ==
        "bgpd: vtysh: failed to connect to any daemons");
  CHECK(parse_frr_summary("", spec).error() == "bgpd: no output");
  CHECK(parse_frr_summary("{}", spec).error() == "bgpd has no BGP instance in vrf default");
  CHECK(parse_frr_summary(R"({"warning":"no such vrf"})", spec).error() == "no such vrf");
  CHECK(parse_frr_summary("{ \"ipv4Unicast\": ", spec).error() ==
        "bgpd: what it printed is not JSON: { \"ipv4Unicast\": ");
  CHECK_FALSE(parse_frr_routes("{}", {kVip, kAbsent}, {}, spec));
  CHECK_FALSE(parse_frr_routes(R"({"prefix":"10.0.0.9/32"})", {kVip}, {}, spec));
}

TEST_CASE("a summary of another shape than expected is an error and no missing peer") {
  const RouterSpec spec = spec_with({"10.1.1.4"});
  const std::string release = GENERATE(from_range(kFrrReleases));
  const auto summary = nlohmann::json::parse(frr_fixture(release, "summary.json"));
  const auto whole = parse_frr_summary(summary.dump(), spec);
  REQUIRE(whole);
  std::size_t errors = 0;
  each_type_swap(summary, [&](const std::string& place, const std::string& text, bool is_deep) {
    INFO(place << ": " << text.substr(0, 2000));
    const auto peers = parse_frr_summary(text, spec);
    const std::string name = place.substr(place.rfind('/') + 1);
    const bool is_read = name.ends_with("Unicast") || name == "peers" || name == "state" ||
                         name == "connectionsEstablished" || name == "connectionsDropped" ||
                         place.ends_with("peers/" + name);
    CHECK(peers.has_value() == !(is_read || is_deep));
    if (peers) {
      if (!name.starts_with("pfx")) CHECK(peers->peers == whole->peers);  // counts are for people
      CHECK(peers->ipv4 == whole->ipv4);
      CHECK(peers->ipv6 == whole->ipv6);
    } else {
      ++errors;
      CHECK(peers.error().starts_with(is_deep ? "bgpd: what it printed is not JSON"
                                              : "bgpd does not answer as expected: ipv"));
    }
  });
  CHECK(errors > 100);
}

TEST_CASE("a route of another shape than expected is an error and no missing route") {
  const RouterSpec spec = spec_with({"10.1.1.4", "10.1.1.132"});
  const FrrPeers peers{.peers = {}, .ipv4 = {"10.1.1.132", "10.1.1.4"}, .ipv6 = {}};
  const std::string release = GENERATE(from_range(kFrrReleases));
  const auto documents = json_documents(frr_fixture(release, "routes.json"));
  REQUIRE(documents);
  const nlohmann::json& document = documents->front();
  const auto whole = parse_frr_routes(document.dump(), {kVip}, peers, spec);
  REQUIRE(whole);
  CHECK(whole->at(kVip).in_rib);
  std::size_t errors = 0;
  each_type_swap(document, [&](const std::string& place, const std::string& text, bool is_deep) {
    INFO(place << ": " << text.substr(0, 2000));
    const auto routes = parse_frr_routes(text, {kVip}, peers, spec);
    const bool is_read = place == "/prefix" || place == "/paths" || place == "/paths/0" ||
                         place == "/paths/0/sourced" || place == "/paths/0/bestpath" ||
                         place == "/advertisedTo";
    CHECK(routes.has_value() == !(is_read || is_deep));
    if (routes) {
      CHECK(*routes == *whole);
    } else {
      ++errors;
      CHECK(routes.error().starts_with(is_deep ? "bgpd: what it printed is not JSON"
                                               : "bgpd does not answer as expected: of 10.99.0.1/32, "));
    }
  });
  CHECK(errors > 40);
}

TEST_CASE("what is wrong with an answer is said with its place") {
  const RouterSpec spec = spec_with({});
  const auto problem = [&](const char* text) { return parse_frr_routes(text, {kVip}, {}, spec).error(); };
  const std::string head = "bgpd does not answer as expected: of 10.99.0.1/32, ";
  CHECK(problem(R"({"prefix":"10.99.0.1/32","paths":[{"sourced":"yes"}]})") ==
        head + "paths.0.sourced is no true or false");
  CHECK(problem(R"({"prefix":"10.99.0.1/32","paths":[7]})") == head + "paths.0 is no object");
  CHECK(problem(R"({"prefix":5,"paths":"x","advertisedTo":[]})") == head + "prefix is no text");
  CHECK(problem(R"({"warning":"busy"})") == head + "has no paths");
  CHECK(parse_frr_summary(R"({"ipv4Unicast":{"peers":{"10.1.1.4":{}}}})", spec).error() ==
        "bgpd does not answer as expected: ipv4Unicast.peers.10.1.1.4 has no state");
}

TEST_CASE("a description in Latin-1 does not hide the peers") {
  std::string text = fixture("frr-10.3-summary.json");
  text.replace(text.find("n/a"), 3, "Z\xfcrich");
  const auto peers = parse_frr_summary(text, spec_with({}));
  REQUIRE(peers);
  CHECK(peers->ipv4.size() == 2);
}

TEST_CASE("the questions name the address family and the VRF") {
  RouterSpec spec = spec_with({});
  CHECK(frr_summary_commands(spec) == std::vector<std::string>{"show bgp summary json"});
  CHECK(frr_route_command(spec, kVip) == "show bgp ipv4 unicast 10.99.0.1/32 json");
  spec.vrf = "blue";
  CHECK(frr_summary_commands(spec) == std::vector<std::string>{"show bgp vrf blue summary json"});
  CHECK(frr_route_command(spec, kVip6) == "show bgp vrf blue ipv6 unicast fd00:99::1/128 json");
}

}  // namespace
}  // namespace herald::frr_view_test
