// The fallback in bgpd's words, and read back from bgpd's configuration.
#include "sidecar/announce/frr/fallback.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "sidecar/announce/frr/lines.h"
#include "sidecar/announce/frr/owned.h"
#include "tests/announce/frr/templates.h"

namespace herald::fallback_test {
namespace {

using Lines = std::vector<std::string>;

const Vip kVip{"10.99.0.1/32"};
const Vip kVip6{"fd00:99::1/128"};
const std::string kPeer = "10.1.1.4";

FrrFilters filters_in(const std::string& lines) {
  const auto owned = parse_frr_owned("router bgp 65001\n" + lines, RouterSpec{}, {});
  REQUIRE(owned);
  return owned->filters;
}

Lines commands_for(const FallbackStep& step, const FrrFilters& filters) {
  const std::vector<FrrFallbackLines> fallback{frr_fallback_lines(step, filters, templates())};
  Lines lines;
  for (const FrrLine& line : frr_batch(templates(), {}, "router bgp", "", {}, fallback).lines)
    lines.push_back(line.text);
  return lines;
}

const std::string kGroup =
    " neighbor RS peer-group\n neighbor 10.1.1.4 peer-group RS\n address-family ipv4 unicast\n"
    "  neighbor RS route-map GROUP out\n  neighbor RS route-map DENY in\n";

}  // namespace

TEST_CASE("fallback: in front of the map of the peer-group, and gone again") {
  const FrrFilters before = filters_in(kGroup);
  CHECK(fallbacks_in(before).empty());
  const Lines deny = commands_for({kPeer, {{kVip}}}, before);
  REQUIRE(deny.size() == 14);
  const std::string map = deny[2].substr(10, kFallbackPrefix.size() + 13);
  CHECK(map.starts_with("HERALD-fallback:ipv4:"));
  CHECK(deny == Lines{"configure terminal", "ip prefix-list " + map + " seq 5 permit 10.99.0.1/32",
                      "route-map " + map + " deny 10", "match ip address prefix-list " + map, "exit",
                      "route-map " + map + " permit 20", "call GROUP", "exit", "router bgp",
                      "address-family ipv4 unicast", "neighbor 10.1.1.4 route-map " + map + " out",
                      "exit-address-family", "exit", "end"});
  const std::string objects = "ip prefix-list " + map + " seq 5 permit 10.99.0.1/32\nroute-map " + map +
                              " deny 10\nroute-map " + map + " permit 20\n";
  const FrrFilters during = filters_in(kGroup + "  neighbor 10.1.1.4 route-map " + map + " out\n" + objects);
  CHECK(fallbacks_in(during) == PeerFallbacks{{kPeer, {{kVip}}}});
  CHECK_FALSE(has_remains(during));
  CHECK(commands_for({kPeer, {}}, during) ==
        Lines{"configure terminal", "router bgp", "address-family ipv4 unicast",
              "no neighbor 10.1.1.4 route-map " + map + " out", "exit-address-family", "exit", "end"});
  const FrrFilters after = filters_in(kGroup + objects);
  CHECK(fallbacks_in(after).empty());
  CHECK(has_remains(after));
  CHECK(commands_for({}, after) == Lines{"configure terminal", "router bgp", "exit", "no route-map " + map,
                                         "no ip prefix-list " + map, "end"});
}

TEST_CASE("fallback: in the place of the neighbor's own map, which comes back") {
  const std::string config = " address-family ipv4 unicast\n  neighbor 10.1.1.4 route-map OUT out\n";
  const Lines deny = commands_for({kPeer, {{kVip}}}, filters_in(config));
  REQUIRE(deny.size() == 14);
  CHECK(deny[6] == "call OUT");
  const std::string map = deny[2].substr(10, deny[2].find(" deny") - 10);
  CHECK(map.ends_with(":OUT"));
  const std::string list = map.substr(0, map.size() - 4);
  CHECK(deny[3] == "match ip address prefix-list " + list);
  const std::string during = " address-family ipv4 unicast\n  neighbor 10.1.1.4 route-map " + map +
                             " out\nip prefix-list " + list + " seq 5 permit 10.99.0.1/32\nroute-map " + map +
                             " deny 10\n";
  CHECK(fallbacks_in(filters_in(during)) == PeerFallbacks{{kPeer, {{kVip}}}});
  CHECK_FALSE(has_remains(filters_in(during)));
  CHECK(commands_for({kPeer, {}}, filters_in(during)).at(3) == "neighbor 10.1.1.4 route-map OUT out");
  // More VIPs are another map, which calls the same.
  const Lines more = commands_for({kPeer, {{kVip, Vip{"10.99.0.2/32"}}}}, filters_in(during));
  CHECK(more.at(7) == "call OUT");
  CHECK(more.at(3) != deny[2]);
}

TEST_CASE("fallback: each family has a filter, and the session goes last and comes first") {
  const Lines lines = commands_for({kPeer, {{kVip, kVip6}, true}}, filters_in(kGroup));
  CHECK(std::ranges::count_if(lines, [](const auto& line) { return line.ends_with(" out"); }) == 2);
  REQUIRE(lines.size() > 3);
  CHECK(lines[lines.size() - 3].starts_with("neighbor 10.1.1.4 shutdown message HERALD-fallback: "));
  const FrrFilters shut = filters_in(
      " neighbor 10.1.1.4 shutdown message HERALD-fallback: it\n neighbor 10.1.1.5 shutdown message mine\n"
      " neighbor 10.1.1.6 shutdown\n");
  CHECK(fallbacks_in(shut) == PeerFallbacks{{kPeer, {{}, true}}});
  CHECK(commands_for({kPeer, {}}, shut).at(2) == "no neighbor 10.1.1.4 shutdown");
}

TEST_CASE("fallback: what somebody has deleted a part of is not whole") {
  const FrrFilters filters = filters_in(
      " address-family ipv4 unicast\n  neighbor 10.1.1.4 route-map HERALD-fallback:ipv4:0123abcd out\n");
  CHECK(fallbacks_in(filters) == PeerFallbacks{{kPeer, {{}, false, false}}});
}

}  // namespace herald::fallback_test
