#include "sidecar/announce/route_server.h"

#include <catch2/catch.hpp>

#include "sidecar/announce/frr/template.h"
#include "tests/source_dir.h"

namespace route_server_test {

using namespace herald;

namespace {

using Lines = std::vector<std::string>;
const std::vector<std::filesystem::path> shipped{HERALD_SOURCE_DIR "/frr-templates"};

ServiceSpec service(const std::string& name, std::vector<Vip> vips, Via via,
                    const std::string& interface = "lo") {
  ServiceSpec spec;
  spec.name = name;
  spec.vips = std::move(vips);
  spec.announce.via = via;
  spec.announce.interface = interface;
  return spec;
}

Config config_with(std::vector<ServiceSpec> services, Preset preset = Preset::azure) {
  Config config;
  config.router.as = 65001;
  config.router.router_id = "10.1.0.4";
  config.router.preset = preset;
  config.router.peer_as = 65515;
  config.router.peers = {"10.1.1.4", "10.1.1.132"};
  config.services = std::move(services);
  return config;
}

// Without comments and blank lines.
Lines frr(const Config& config) {
  const auto text = render_route_server(config, Stack::frr, shipped);
  REQUIRE(text);
  return commands_in(*text);
}

Lines bird(const Config& config) {
  const auto text = render_route_server(config, Stack::bird, shipped);
  REQUIRE(text);
  Lines lines = commands_in(*text);
  std::erase_if(lines, [](const std::string& line) { return line.starts_with('#'); });
  return lines;
}

}  // namespace

TEST_CASE("FRR's configuration for services of both levers") {
  const Config config = config_with({service("web", {{"10.99.0.1/32"}}, Via::loopback),
                                     service("dns", {{"10.99.0.53/32"}, {"fd00:99::53/128"}}, Via::vtysh)});
  CHECK(frr(config) == Lines{"frr defaults traditional",
                             "ip nht resolve-via-default",
                             "ipv6 nht resolve-via-default",
                             "ip prefix-list ANYCAST seq 5 permit 10.99.0.1/32",
                             "ip prefix-list ANYCAST seq 10 permit 10.99.0.53/32",
                             "ip prefix-list ANYCAST seq 4294967295 deny any",
                             "ipv6 prefix-list ANYCAST6 seq 5 permit fd00:99::53/128",
                             "ipv6 prefix-list ANYCAST6 seq 4294967295 deny any",
                             "ip prefix-list LOOPBACK seq 5 permit 10.99.0.1/32",
                             "ip prefix-list LOOPBACK seq 4294967295 deny any",
                             "route-map LOOPBACK permit 10",
                             "match ip address prefix-list LOOPBACK",
                             "exit",
                             "route-map NOTHING deny 10",
                             "exit",
                             "router bgp 65001",
                             "bgp router-id 10.1.0.4",
                             "bgp log-neighbor-changes",
                             "no bgp default ipv4-unicast",
                             "no bgp network import-check",
                             "bgp graceful-restart-disable",
                             "neighbor RS peer-group",
                             "neighbor RS remote-as 65515",
                             "neighbor RS ebgp-multihop 2",
                             "neighbor RS timers 10 30",
                             "neighbor RS timers connect 10",
                             "neighbor 10.1.1.4 peer-group RS",
                             "neighbor 10.1.1.132 peer-group RS",
                             "address-family ipv4 unicast",
                             "redistribute connected route-map LOOPBACK",
                             "neighbor RS activate",
                             "neighbor RS route-map NOTHING in",
                             "neighbor RS prefix-list ANYCAST out",
                             "exit-address-family",
                             "address-family ipv6 unicast",
                             "neighbor RS activate",
                             "neighbor RS route-map NOTHING in",
                             "neighbor RS prefix-list ANYCAST6 out",
                             "exit-address-family",
                             "exit"});
  CHECK(render_route_server(config, Stack::frr, shipped)->contains("write memory"));
}

TEST_CASE("FRR's families are those of the VIPs") {
  const Lines none = frr(config_with({}));
  CHECK(std::ranges::count(none, "address-family ipv4 unicast") == 1);
  CHECK(std::ranges::count(none, "ip prefix-list ANYCAST seq 4294967295 deny any") == 1);
  CHECK(std::ranges::count(none, "address-family ipv6 unicast") == 0);
  const Lines ipv6 = frr(config_with({service("web", {{"fd00:99::1/128"}}, Via::loopback)}));
  CHECK(std::ranges::count(ipv6, "address-family ipv4 unicast") == 0);
  CHECK(std::ranges::count(ipv6, "redistribute connected route-map LOOPBACK6") == 1);
  Config vrf = config_with({});
  vrf.router.vrf = "blue";
  CHECK(std::ranges::count(frr(vrf), "router bgp 65001 vrf blue") == 1);
  CHECK(std::ranges::count(frr(vrf), "vrf blue") == 1);
}

TEST_CASE("FRR's place for herald's list, where withdrawals are to be fast") {
  Config config = config_with({service("web", {{"10.99.0.1/32"}, {"fd00:99::1/128"}}, Via::loopback)});
  const auto has = [&](const std::string& line) { return std::ranges::count(frr(config), line); };
  CHECK(has("neighbor RS prefix-list ANYCAST out") == 1);
  CHECK(has("neighbor RS prefix-list HERALD-fast out") == 0);
  config.router.fast_withdraw = true;
  CHECK(has("ip prefix-list HERALD-fast seq 4294967295 permit any") == 1);
  CHECK(has("ipv6 prefix-list HERALD-fast seq 4294967295 permit any") == 1);
  CHECK(has("neighbor RS prefix-list ANYCAST out") == 0);
  CHECK(has("neighbor RS prefix-list HERALD-fast out") == 2);
  CHECK(has("neighbor RS route-map ANYCAST out") == 1);
  CHECK(has("neighbor RS route-map ANYCAST6 out") == 1);
  CHECK(has("match ip address prefix-list ANYCAST") == 1);
  config.services[0].vips.pop_back();
  CHECK(has("ipv6 prefix-list HERALD-fast seq 4294967295 permit any") == 0);
  CHECK(has("neighbor RS prefix-list HERALD-fast out") == 1);
}

TEST_CASE("presets differ in timers and comments") {
  const auto text = [](Preset preset) {
    return render_route_server(config_with({}, preset), Stack::frr, shipped).value();
  };
  CHECK(text(Preset::azure).contains("RouteServerSubnet"));
  CHECK(text(Preset::aws).contains("persist routes"));
  CHECK_FALSE(text(Preset::aws).contains("Azure"));
  CHECK(text(Preset::gcp).contains("neighbor RS timers 20 60\n"));
  CHECK(text(Preset::generic).contains("neighbor RS timers 10 30\n"));
  CHECK_FALSE(text(Preset::generic).contains("Cloud Router"));
}

TEST_CASE("BIRD's configuration for services of both levers") {
  Config config = config_with({service("web", {{"10.99.0.1/32"}}, Via::loopback, "dummy0"),
                               service("db", {{"10.99.0.2/32"}}, Via::loopback),
                               service("dns", {{"fd00:99::53/128"}}, Via::birdc)});
  config.router.vrf = "blue";
  CHECK(bird(config) == Lines{"router id 10.1.0.4;",
                              "protocol device { scan time 10; }",
                              "protocol direct anycast_direct {",
                              "interface \"dummy0\", \"lo\";",
                              "ipv4 { import where net ~ [ 10.99.0.1/32, 10.99.0.2/32 ]; };",
                              "}",
                              "include \"/etc/bird/herald.conf\";",
                              "filter anycast4 {",
                              "if defined(bgp_med) then bgp_med = bgp_med;",
                              "if net = 10.99.0.1/32 then accept;",
                              "if net = 10.99.0.2/32 then accept;",
                              "reject;",
                              "}",
                              "filter anycast6 {",
                              "if defined(bgp_med) then bgp_med = bgp_med;",
                              "if net = fd00:99::53/128 then accept;",
                              "reject;",
                              "}",
                              "template bgp route_server {",
                              "vrf \"blue\";",
                              "local as 65001;",
                              "neighbor as 65515;",
                              "multihop 2;",
                              "hold time 30;",
                              "keepalive time 10;",
                              "connect retry time 10;",
                              "ipv4 { import none; export filter anycast4; next hop self; };",
                              "ipv6 { import none; export filter anycast6; next hop self; };",
                              "}",
                              "protocol bgp route_server1 from route_server { neighbor 10.1.1.4; }",
                              "protocol bgp route_server2 from route_server { neighbor 10.1.1.132; }"});
}

TEST_CASE("what render misses is named by its key, all at once") {
  Config empty;
  const Lines errors = render_route_server(empty, Stack::frr, shipped).error();
  REQUIRE(errors.size() == 4);
  CHECK(errors[0] == "router.bgp.as is missing: your own AS, such as 65001");
  CHECK(errors[1].starts_with("router.bgp.router_id is missing: "));
  CHECK(errors[2].starts_with("router.route_server.as is missing: "));
  CHECK(errors[3].starts_with("router.route_server.peers is missing: "));
  Config config = config_with({service("web", {{"10.99.0.1/32"}}, Via::birdc)});
  CHECK(render_route_server(config, Stack::frr, shipped).error() ==
        Lines{"service web is announced via birdc, which is not for frr"});
  config.services[0].announce.via = Via::vtysh;
  CHECK(render_route_server(config, Stack::bird, shipped).error() ==
        Lines{"service web is announced via vtysh, which is not for bird"});
  config.services[0].announce = {.via = Via::loopback, .interface = "a\"b"};
  CHECK(render_route_server(config, Stack::bird, shipped).error() ==
        Lines{"announce.interface of service web: a\"b cannot be written in bird.conf"});
  CHECK(render_route_server(config, Stack::frr, shipped));
  const std::vector<std::filesystem::path> nowhere{"/nonexistent"};
  CHECK(render_route_server(config, Stack::frr, nowhere).error() ==
        Lines{"route-server.conf: there is no such template in /nonexistent"});
}

}  // namespace route_server_test
