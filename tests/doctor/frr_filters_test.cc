#include "sidecar/doctor/frr_filters.h"

#include "tests/doctor/world.h"

namespace herald::frr_filters_test {
namespace {

using Lines = std::vector<std::string>;

const PrefixLists kLists{{"VIPS", {{true, "10.99.0.0/24", 32, 32}}}, {"NONE", {{false, "0.0.0.0/0", 0, 32}}}};

}  // namespace

TEST_CASE("what outbound lists do to VIPs") {
  RouterFacts facts;
  PeerFacts peer{.address = "10.1.1.4", .state = "Established"};
  peer.families[kIpv4].outbound_list = "A";
  peer.families[kIpv6].outbound_list = "B";
  facts.peers = {peer};
  judge_outbound_lists({{"A", {{true, "10.99.0.1/32", 32, 32}}}, {"C", {}}},
                       {web_vip, {"10.99.0.2/32"}, web_vip6}, facts);
  CHECK(facts.vips[web_vip].held_back_by.empty());
  CHECK(facts.vips[{"10.99.0.2/32"}].held_back_by == Lines{"prefix-list A"});
  CHECK(facts.vips[web_vip6].held_back_by == Lines{"prefix-list B"});  // there is none of this name
  facts.peers[0].families[kIpv4].outbound_list = "C";
  judge_outbound_lists({{"C", {}}}, {}, facts);
  CHECK(facts.peers[0].families[kIpv4].outbound_empty);
}

TEST_CASE("a route-map's first entry that matches decides, and none denies") {
  FrrFacts frr;
  frr.maps["OUT"] = {{10, {false, {"NONE"}}}, {20, {true, {"VIPS"}}}};
  frr.maps["EMPTY"] = {{10, {}}};
  frr.maps["NOT"] = {{10, {false, {"VIPS"}}}, {20, {}}};
  frr.maps["BOTH"] = {{10, {true, {"VIPS", "NONE"}}}};
  frr.maps["GONE"] = {{10, {true, {"NOWHERE"}}}};
  frr.maps["ASKS"] = {{10, {true, {}, true}}, {20, {true, {"VIPS"}}}};
  frr.maps["LATE"] = {{10, {true, {"VIPS"}}}, {20, {true, {}, true}}};
  const auto permitted = [&](const std::string& map, const Vip& vip = web_vip) {
    return map_permits(frr, kLists, map, vip);
  };
  CHECK(permitted("OUT") == true);
  CHECK(permitted("OUT", {"10.98.0.1/32"}) == false);
  CHECK(permitted("EMPTY") == true);
  CHECK(permitted("NOT") == false);
  CHECK(permitted("NOT", {"10.98.0.1/32"}) == true);
  CHECK(permitted("BOTH") == false);
  CHECK(permitted("GONE") == false);
  CHECK(permitted("ASKS") == std::nullopt);
  CHECK(permitted("LATE") == true);
  CHECK(permitted("LATE", {"10.98.0.1/32"}) == std::nullopt);
  CHECK(permitted("NOWHERE") == std::nullopt);
}

TEST_CASE("what route-maps do to VIPs: toward peers, and of what is redistributed") {
  World world;
  RouterFacts& facts = world.router;
  facts.frr.maps["OUT"] = {{10, {false, {"VIPS"}}}, {20, {}}};
  facts.frr.maps["LOOPBACK"] = {{10, {true, {"VIPS"}}}};
  each_peer(world, [](PeerFacts& peer) { peer.families[kIpv4].outbound_map = "OUT"; });
  judge_maps(kLists, {web_vip, {"10.98.0.1/32"}, web_vip6}, facts);
  CHECK(facts.vips[web_vip].held_back_by == Lines{"route-map OUT"});  // once, of two peers
  CHECK(facts.vips[{"10.98.0.1/32"}].held_back_by.empty());
  CHECK(facts.vips[web_vip].redistributed == true);
  CHECK(facts.vips[{"10.98.0.1/32"}].redistributed == false);
  CHECK(facts.vips[web_vip6].redistributed == std::nullopt);  // nothing is, of that family
  facts.frr.redistribute[kIpv4].route_map = "";
  judge_maps(kLists, {{"10.98.0.1/32"}}, facts);
  CHECK(facts.vips[{"10.98.0.1/32"}].redistributed == true);
}

TEST_CASE("herald's own fallback is no fault of the operator's") {
  World world;
  world.router.frr.maps["HERALD-fallback-deny"] = {{10, {false, {}}}};
  each_peer(world, [](PeerFacts& peer) { peer.families[kIpv4].outbound_map = "HERALD-fallback-deny"; });
  judge_maps(kLists, {web_vip}, world.router);
  CHECK(world.router.vips[web_vip].held_back_by.empty());
}

TEST_CASE(
    "what herald denies by its own list is no fault of the operator's, and a list that is not there is") {
  World world;
  each_peer(world, [](PeerFacts& peer) { peer.families[kIpv4].outbound_list = "HERALD-fast"; });
  const PrefixLists lists{
      {"HERALD-fast",
       {{false, web_vip.prefix, 32, 32}, {.permit = true, .prefix = "0.0.0.0/0", .least = 0, .most = 32}}}};
  judge_outbound_lists(lists, {web_vip}, world.router);
  CHECK(world.router.vips[web_vip].held_back_by.empty());
  judge_fast_list(lists, world.router);
  CHECK(world.router.frr.fast_list_permits == true);
  judge_fast_list({{"HERALD-fast", {{false, web_vip.prefix, 32, 32}}}}, world.router);
  CHECK(world.router.frr.fast_list_permits == false);
  judge_outbound_lists({}, {web_vip}, world.router);
  CHECK(world.router.vips[web_vip].held_back_by == std::vector<std::string>{"prefix-list HERALD-fast"});
}

}  // namespace herald::frr_filters_test
