// The fixtures are what a real bgpd printed (their names say which).
#include "sidecar/doctor/frr_facts.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/announce/fixture.h"
#include "tests/announce/type_swap.h"

namespace herald::frr_facts_test {
namespace {

using Lines = std::vector<std::string>;
const Vip web_vip{"10.99.0.1/32"};
const Vip web_vip6{"fd00:99::1/128"};

RouterSpec spec_with(Lines peers) {
  RouterSpec spec;
  spec.peers = std::move(peers);
  return spec;
}

TEST_CASE("versions of FRR and vtysh") {
  CHECK(parse_frr_version("FRRouting 8.4.4 (vm) on Linux(6.18).\nCopyright") == "8.4.4");
  CHECK(parse_frr_version("Exiting: failed to connect to any daemons.").empty());
  CHECK(parse_vtysh_version("Integrated shell for FRR (version 8.4.4). \n") == "8.4.4");
  CHECK(parse_vtysh_version("").empty());
}

TEST_CASE("the neighbors that doctor judges") {
  const std::string release = GENERATE(from_range(kFrrReleases));
  const auto peers =
      parse_frr_neighbors(frr_fixture(release, "neighbors.json"), spec_with({"10.1.1.132", "10.9.9.9"}));
  REQUIRE(peers);
  REQUIRE(peers->size() == 2);
  const PeerFacts& peer = peers->front();
  CHECK(peer.established);
  CHECK(peer.local_as == 65001U);
  CHECK(peer.remote_as == 65515U);
  CHECK(peer.hold_seconds == 30U);
  CHECK(peer.advertisement_interval_ms == 0);
  CHECK(peer.graceful_restart == GracefulRestart::off);
  const FamilyFacts ipv4{.active = true,
                         .inbound_policy = true,
                         .outbound_policy = true,
                         .outbound_list = "ANYCAST",
                         .outbound_empty = false,
                         .outbound_slot = "prefix-list ANYCAST",
                         .accepted = 0,
                         .sent = 1};
  CHECK(peer.families[kIpv4] == ipv4);
  CHECK(peers->back() == PeerFacts{.address = "10.9.9.9", .state = "not configured"});
  CHECK(parse_frr_neighbors(frr_fixture(release, "neighbors.json"), spec_with({}))->size() == 2);
  CHECK(parse_frr_neighbors("% Unknown command\n", spec_with({})).error() == "bgpd: % Unknown command");
}

TEST_CASE("prefix-lists, as each release wraps them, and as one does that wraps nothing") {
  const std::string release = GENERATE(from_range(kFrrReleases));
  PrefixLists lists;
  CHECK(parse_frr_prefix_lists(frr_fixture(release, "prefix-list.json"), lists));
  PrefixLists unwrapped;
  CHECK(parse_frr_prefix_lists(nlohmann::json::parse(fixture("frr-8.4.4-prefix-list.json")).at("BGP").dump(),
                               unwrapped));
  CHECK(lists == unwrapped);
  const std::vector<PrefixListEntry>& list = lists.at("ANYCAST");
  CHECK(permits(list, web_vip));
  CHECK_FALSE(permits(list, {"10.98.0.1/32"}));
  CHECK_FALSE(permits(list, web_vip6));
}

TEST_CASE("how an entry matches") {
  const auto permitted = [](const PrefixListEntry& entry, const std::string& vip) {
    return permits({entry}, {vip});
  };
  CHECK(permitted({true, "10.99.0.1/32", 32, 32}, "10.99.0.1/32"));
  CHECK_FALSE(permitted({true, "10.99.0.1/32", 32, 32}, "10.99.0.2/32"));
  CHECK_FALSE(permitted({true, "10.99.0.0/24", 24, 24}, "10.99.0.1/32"));  // without "ge"
  CHECK(permitted({true, "10.99.0.0/25", 32, 32}, "10.99.0.127/32"));
  CHECK_FALSE(permitted({true, "10.99.0.0/25", 32, 32}, "10.99.0.128/32"));
  CHECK(permitted({true, "0.0.0.0/0", 0, 32}, "10.99.0.1/32"));
  CHECK(permitted({true, "fd00:99::/64", 128, 128}, "fd00:99::1/128"));
  CHECK_FALSE(permitted({true, "::/0", 0, 128}, "10.99.0.1/32"));
  CHECK(permits({}, web_vip));  // as FRR has it
}

TEST_CASE("next hops that zebra tracks") {
  std::vector<PeerFacts> peers{{.address = "10.1.1.4", .state = ""},
                               {.address = "10.1.1.132", .state = ""},
                               {.address = "fd00::4", .state = ""}};
  parse_frr_nht(
      "10.1.1.4\n unresolved\n Client list: bgp(fd 24)\n10.1.1.132(Connected)\n resolved via kernel\n via "
      "10.1.0.1, eth0\n"
      "10.9.9.9\n unresolved\n",
      peers);
  CHECK(peers[0].next_hop_resolved == false);
  CHECK(peers[1].next_hop_resolved == true);
  CHECK_FALSE(peers[2].next_hop_resolved);
}

TEST_CASE("VIPs in bgpd's table, whence and where to") {
  std::vector<PeerFacts> peers{{.address = "10.1.1.4", .state = "Established", .established = true},
                               {.address = "10.1.1.132", .state = "Active"}};
  for (PeerFacts& peer : peers) peer.families[kIpv4].active = true;
  const std::string path = R"({"sourced": true, "bestpath": {"overall": true}})";
  const std::string invalid = R"({"sourced": true})";
  const auto facts = [&](const std::string& paths, const std::string& advertised) {
    return parse_frr_vips(R"({"prefix": "10.99.0.1/32", "advertisedTo": {)" + advertised +
                              R"(}, "paths": [)" + paths + "]}",
                          {web_vip}, peers)
        .value()
        .at(web_vip);
  };
  CHECK(facts(path, R"("10.1.1.4": {})") ==
        VipFacts{.in_rib = true, .origins = 1, .advertised_to = {"10.1.1.4"}});
  CHECK(facts(path + "," + invalid, "") ==
        VipFacts{.in_rib = true, .origins = 2, .advertised_to = {}, .missing_from = {"10.1.1.4"}});
  CHECK(facts(invalid, "") == VipFacts{.in_rib = false, .origins = 1});
  CHECK(facts("{}", "") == VipFacts{});
  VipFacts onward;
  onward.learned_from = {"10.1.1.4"};
  onward.onward_to = {"10.1.1.132"};
  const std::string learned = R"({"bestpath": {"overall": true}, "peer": {"peerId": "10.1.1.4"}})";
  CHECK(facts(learned, R"("10.1.1.132": {})") == onward);
  CHECK(parse_frr_vips("{} {}", {web_vip, web_vip6}, peers)->size() == 2);
  CHECK(parse_frr_vips("% no table", {web_vip}, peers)->empty());
  CHECK(parse_frr_vips("junk { cut off", {web_vip}, peers).error() ==
        "bgpd: what it printed is not JSON: junk { cut off");
}

// What is read, or else it is as it was.
TEST_CASE("answers of another shape than expected are errors, or do not matter") {
  const std::string release = GENERATE(from_range(kFrrReleases));
  const auto neighbors = nlohmann::json::parse(frr_fixture(release, "neighbors.json"));
  const RouterSpec spec = spec_with({});
  const auto whole = parse_frr_neighbors(neighbors.dump(), spec);
  std::size_t errors = 0;
  each_type_swap(neighbors, [&](const std::string& place, const std::string& text, bool is_deep) {
    INFO(place << ": " << text.substr(0, 2000));
    const auto peers = parse_frr_neighbors(text, spec);
    errors += peers ? 0 : 1;
    if (peers) CHECK(*peers == *whole);
    if (!peers && !is_deep) CHECK(peers.error().starts_with("bgpd does not answer as expected: 10.1.1."));
  });
  CHECK(errors > 400);

  PrefixLists lists;
  const auto printed = nlohmann::json::parse(frr_fixture(release, "prefix-list.json"));
  CHECK(parse_frr_prefix_lists(printed.dump(), lists));
  each_type_swap(printed, [&](const std::string& place, const std::string& text, bool /*is_deep*/) {
    INFO(place << ": " << text.substr(0, 2000));
    PrefixLists changed;
    const auto taken = parse_frr_prefix_lists(text, changed);
    if (taken) CHECK(changed == lists);
  });
}

}  // namespace
}  // namespace herald::frr_facts_test
