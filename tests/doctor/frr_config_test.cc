// The fixtures are what a real bgpd printed (their names say which).
#include <catch2/catch.hpp>

#include "sidecar/doctor/frr_facts.h"
#include "tests/announce/fixture.h"

namespace herald::frr_config_test {
namespace {

using Lines = std::vector<std::string>;
const Vip web_vip{"10.99.0.1/32"};
const Vip web_vip6{"fd00:99::1/128"};

TEST_CASE("the lines of a running configuration that rules ask for") {
  FrrFacts facts;
  const std::string release = GENERATE(from_range(kFrrReleases));
  parse_frr_config(frr_fixture(release, "running-config.txt"), "default", facts);
  FrrFacts expected;
  expected.has_instance = true;
  expected.import_check = false;
  expected.maps = facts.maps;  // below
  expected.redistribute = {Redistribution{true, "CONNECTED"}, Redistribution{true, "CONNECTED6"}};
  CHECK(facts == expected);
}

TEST_CASE("instances, families and profiles of a configuration") {
  constexpr std::string_view kConfig = R"(frr defaults datacenter
bgp suppress-fib-pending
router bgp 65001
 network 10.0.0.1/32
exit
router bgp 65001 vrf blue
 bgp ebgp-requires-policy
 update-delay 20
 network 10.99.0.1/32 route-map HERALD-a
 address-family ipv6 unicast
  network fd00:99::1/128
  redistribute connected
 exit-address-family
route-map network permit 10
)";
  FrrFacts facts;
  parse_frr_config(kConfig, "blue", facts);
  CHECK(facts.profile == "datacenter");
  CHECK(facts.ebgp_requires_policy);
  CHECK(facts.import_check);
  CHECK(facts.suppress_fib_pending);
  CHECK(facts.update_delay);
  CHECK(facts.networks == std::map<Vip, std::string>{{web_vip, "HERALD-a"}, {web_vip6, ""}});
  CHECK_FALSE(facts.redistribute[kIpv4].on);
  CHECK(facts.redistribute[kIpv6] == Redistribution{true, ""});
  FrrFacts other;
  parse_frr_config(kConfig, "default", other);
  CHECK_FALSE(other.ebgp_requires_policy);  // as the profile has it
  CHECK(other.networks.size() == 1);
  FrrFacts none;
  parse_frr_config(kConfig, "red", none);
  CHECK_FALSE(none.has_instance);
}

TEST_CASE("route-maps, as far as prefix-lists decide them, and views that are not the instance") {
  FrrFacts facts;
  parse_frr_config(R"(router bgp 65002 view lab
 network 10.0.0.9/32
 no bgp network import-check
exit
route-map OUT deny 5
 match ip address prefix-list BAD
exit
route-map OUT permit 10
 match ip address prefix-list VIPS
 match community ANY
 set ipv6 next-hop global fd00:1::4
exit
route-map OUT permit 20
exit
)",
                   "default", facts);
  CHECK_FALSE(facts.has_instance);
  CHECK(facts.networks.empty());
  CHECK(facts.import_check);
  CHECK(facts.sets_ipv6_next_hop);
  CHECK(facts.maps == decltype(facts.maps){
                          {"OUT", {{5, {false, {"BAD"}, false}}, {10, {true, {"VIPS"}, true}}, {20, {}}}}});
}

TEST_CASE("saved lines that announce or assign a VIP") {
  const std::string text = R"(interface lo
 ip address 10.99.0.1/32
 ip address 10.0.0.1/32
!
router bgp 65001
 ! network 10.99.0.1/32
 network 10.99.0.1/32   route-map X
 address-family ipv6 unicast
  network fd00:99::1/128
  network fd00:98::1/128 route-map HERALD-old-healthy
  network fd00:97::1/128
router ospf
 network 10.99.0.1/32 area 0
)";
  CHECK(saved_frr_lines(text, {web_vip, web_vip6}) ==
        Lines{"interface lo: ip address 10.99.0.1/32", "network 10.99.0.1/32 route-map X",
              "network fd00:99::1/128", "network fd00:98::1/128 route-map HERALD-old-healthy"});
  CHECK(saved_frr_lines(text, {}) == Lines{"network fd00:98::1/128 route-map HERALD-old-healthy"});
}

TEST_CASE("saved denials of fast withdrawals, and for how long zebra holds a change back") {
  CHECK(saved_frr_denials("ip prefix-list HERALD-fast seq 4294967295 permit any\n"
                          "ip prefix-list HERALD-fast seq 1 deny 10.99.0.1/32\n"
                          "ip prefix-list HERALD-fast\nip prefix-list X seq 1 deny any\n"
                          "! ip prefix-list HERALD-fast seq 2 deny 10.99.0.2/32\n") ==
        Lines{"ip prefix-list HERALD-fast seq 1 deny 10.99.0.1/32"});
  CHECK(parse_zebra_work_queue("frr version 8.4.4\n") == 10);
  CHECK(parse_zebra_work_queue("zebra work-queue 0\n") == 0);
  CHECK(parse_zebra_work_queue("zebra work-queue x\n") == 10);
}

}  // namespace
}  // namespace herald::frr_config_test
