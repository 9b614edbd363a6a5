// Which of bgpd's running configuration is herald's. The fixtures are what FRR 8.4.4 printed.
#include "sidecar/announce/frr/owned.h"

#include <catch2/catch.hpp>

#include "tests/announce/fixture.h"

namespace herald::owned_test {
namespace {

const std::set<Vip> kVips{Vip{"10.99.0.1/32"}, Vip{"10.99.0.2/32"}, Vip{"10.99.0.3/32"}, Vip{"10.99.0.4/32"}};
const std::string kHealthy = "HERALD-web-healthy";
const std::string kDegraded = "HERALD-web-degraded-1f3a5c7e";

std::set<std::string> names_of(const std::map<std::string, FrrMapShape>& maps) {
  std::set<std::string> names;
  for (const auto& [name, shape] : maps) names.insert(name);
  return names;
}

FrrOwned owned_in(const std::string& text, const std::string& vrf = "default") {
  RouterSpec spec;
  spec.vrf = vrf;
  const auto owned = parse_frr_owned(text, spec, kVips);
  REQUIRE(owned);
  return *owned;
}

// .1 as it should be; .2 without a map; .3 with a map that is not defined; .4 with a foreign one; .5 and .7 of nobody, with
// a map of ours; .6 the operator's own.
const std::map<Vip, std::string> kExpected{
    {Vip{"10.99.0.1/32"}, kHealthy},    {Vip{"10.99.0.2/32"}, ""},       {Vip{"10.99.0.3/32"}, ""},
    {Vip{"10.99.0.4/32"}, ""},          {Vip{"10.99.0.5/32"}, kHealthy}, {Vip{"10.99.0.7/32"}, kHealthy},
    {Vip{"fd00:99::1/128"}, kDegraded},
};

TEST_CASE("networks of our VIPs and networks with our maps are ours") {
  const std::string release = GENERATE(from_range(kFrrReleases));
  const FrrOwned owned = owned_in(frr_fixture(release, "config-one.txt"));
  CHECK(owned.routes == kExpected);
  CHECK(names_of(owned.maps) == std::set{kHealthy, kDegraded});
  CHECK(owned.used_maps == std::set{kHealthy, kDegraded});
  CHECK(owned.router_line == "router bgp");
  CHECK(owned.as == "65001");
}

TEST_CASE("another instance and another address family are not ours, but their maps are in use") {
  const FrrOwned owned = owned_in(fixture("frr-8.4.4-config-two.txt"));
  CHECK(owned.routes == kExpected);
  CHECK(names_of(owned.maps) ==
        std::set<std::string>{kHealthy, kDegraded, "HERALD-blue-healthy", "HERALD-leftover"});
  CHECK(owned.used_maps == std::set<std::string>{kHealthy, kDegraded, "HERALD-blue-healthy"});
  CHECK(owned.router_line == "router bgp 65001");
}

TEST_CASE("the instance of a VRF") {
  const FrrOwned owned = owned_in(fixture("frr-8.4.4-config-two.txt"), "blue");
  CHECK(owned.routes == std::map<Vip, std::string>{{Vip{"10.99.0.1/32"}, "HERALD-blue-healthy"}});
  CHECK(owned.router_line == "router bgp 65002 vrf blue");
  CHECK(owned.as == "65002");
  CHECK(owned_in(fixture("frr-8.4.4-config-two.txt"), "red").router_line.empty());
}

TEST_CASE("a bgpd without configuration has nothing of ours") {
  CHECK(owned_in("").router_line.empty());
  CHECK(owned_in("").routes.empty());
}

TEST_CASE("a network line with more than a map, and lines that are none") {
  const FrrOwned owned = owned_in(
      "router bgp 65001\n address-family ipv4 unicast\n"
      "  network 10.99.0.1/32 label-index 7 route-map HERALD-a \r\n  network \n  network\n  network "
      "10.99.0.2/32 route-map\n"
      "route-map HERALD-a permit 10\nroute-map HERALD-a deny 20\nroute-map\nrouter bgp \n junk\n");
  CHECK(owned.routes ==
        std::map<Vip, std::string>{{Vip{"10.99.0.1/32"}, "HERALD-a"}, {Vip{"10.99.0.2/32"}, ""}});
}

TEST_CASE("what is in herald's maps, and in no other's") {
  const FrrOwned owned = owned_in(
      "router bgp 65001\n address-family ipv4 unicast\n  network 10.99.0.1/32 route-map HERALD-a\n"
      "  network 10.99.0.2/32 route-map HERALD-gone\n"
      "route-map HERALD-a permit 10\n set metric 20\n set community 65001:7 graceful-shutdown\nroute-map OUT "
      "permit 5\n"
      " set metric 999\nroute-map HERALD-a deny 20\n match ip address X\n");
  CHECK(owned.maps.at("HERALD-a") ==
        FrrMapShape{{"permit 10", {"set metric 20", "set community 65001:7 65535:0"}},
                    {"deny 20", {"match ip address X"}}});
  CHECK(owned.missing_maps == std::map<Vip, std::string>{{Vip{"10.99.0.2/32"}, "HERALD-gone"}});
}

TEST_CASE("an instance that is a view is none of ours") {
  CHECK(owned_in("router bgp 65001 view default\n").router_line.empty());
}

TEST_CASE("a bgpd that refuses the question says so") {
  CHECK(parse_frr_owned("% Unknown command: show\n", RouterSpec{}, kVips).error() ==
        "bgpd: Unknown command: show");
}

}  // namespace
}  // namespace herald::owned_test
