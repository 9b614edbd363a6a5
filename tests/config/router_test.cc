#include "sidecar/config/router.h"

#include <catch2/catch.hpp>

#include "tests/config/fixture.h"

namespace router_test {

using namespace std::chrono_literals;
using namespace herald;
using namespace config_fixture;

TEST_CASE("the router section") {
  const std::vector<std::pair<std::string, Reports>> cases{
      {R"({"stack": "fr"})",
       {R"(f: /router/stack: must be "frr", "bird" or "none", not "fr"; did you mean "frr"?)"}},
      {R"({"bgp": {"as": 0, "router_id": "10.1.0", "vrf": "a/b", "asn": 1}})",
       {"f: /router/bgp/as: must be a whole number from 1 to 4294967295, not 0",
        "f: /router/bgp/router_id: must look like an IPv4 address, not \"10.1.0\"",
        "f: /router/bgp/vrf: must be an interface name of 1 to 15 characters, not \"a/b\"",
        "f: /router/bgp/asn: unknown key; did you mean \"as\"?"}},
      {R"({"bgp": {"as": 4294967296, "router_id": "fd00::1"}})",
       {"f: /router/bgp/as: must be a whole number from 1 to 4294967295, not 4294967296",
        "f: /router/bgp/router_id: must look like an IPv4 address, not \"fd00::1\""}},
      {R"({"route_server": {"preset": "azur", "as": "65515", "peers": ["10.1.1.4", "nva", "010.1.1.5", "10.1.1.4",
           "::ffff:10.1.1.4", "224.0.0.5"]}})",
       {R"(f: /router/route_server/preset: must be "azure", "aws", "gcp" or "generic", not "azur"; did you mean "azure"?)",
        "f: /router/route_server/as: must be a whole number from 1 to 4294967295, not \"65515\"",
        "f: /router/route_server/peers/1: must be the literal address of a peer, not \"nva\"",
        "f: /router/route_server/peers/2: must be the literal address of a peer, not \"010.1.1.5\"",
        "f: /router/route_server/peers/3: 10.1.1.4 is a peer already",
        "f: /router/route_server/peers/4: 10.1.1.4 is a peer already",
        "f: /router/route_server/peers/5: must be the literal address of a peer, not \"224.0.0.5\""}},
      {R"({"vtysh": {"path": "vtysh", "pathspace": "../x", "transport": "sockt", "timeout": "10ms"}})",
       {"f: /router/vtysh/path: must be an absolute path, not \"vtysh\"",
        "f: /router/vtysh/pathspace: must be a name as FRR's -N takes it, not \"../x\"",
        R"(f: /router/vtysh/transport: must be "vtysh" or "socket", not "sockt"; did you mean "socket"?)",
        "f: /router/vtysh/timeout: must be from 100ms to 1m, not \"10ms\""}},
      {R"({"stack": "bird", "fallback": "deny", "fallback_after": "0s"})",
       {"f: /router/fallback_after: must be from 1s to 1h, not \"0s\"",
        R"(f: /router/fallback: needs the stack "frr": herald has no such lever on BIRD)"}},
      {R"({"stack": "bird", "fast_withdraw": true, "fast_withdraw_max_routes": 0})",
       {"f: /router/fast_withdraw_max_routes: must be a whole number from 1 to 1000, not 0",
        R"(f: /router/fast_withdraw: needs the stack "frr": BIRD withdraws in 2 ms anyhow)"}},
      {R"({"stack": "none", "fast_withdraw": true})",
       {R"(f: /router/fast_withdraw: needs the stack "frr": there is no router to tell)"}},
      {R"({"stack": "frr", "fast_withdraw": true})",
       {R"(f: /router/fast_withdraw: needs "vtysh": {"transport": "socket"}: by vtysh it would be slower than without it)"}},
      {R"({"stack": "frr", "fast_withdraw": "yes"})",
       {R"(f: /router/fast_withdraw: must be true or false, not "yes")"}},
      {R"({"stack": "none", "fallback": "deni"})",
       {R"(f: /router/fallback: must be "off", "deny" or "shutdown", not "deni"; did you mean "deny"?)"}},
      {R"({"bird": {"birdc": "", "socket": 5, "include": "herald.conf", "sockt": ""}})",
       {"f: /router/bird/birdc: must be an absolute path, not \"\"",
        "f: /router/bird/socket: must be a string, not 5",
        "f: /router/bird/include: must be an absolute path, not \"herald.conf\"",
        "f: /router/bird/sockt: unknown key; did you mean \"socket\"?"}},
      {R"({"bird": {"include": "/a\"b", "timeout": "0s"}, "vtysh": {"socket_dir": "frr"}})",
       {"f: /router/vtysh/socket_dir: must be an absolute path, not \"frr\"",
        "f: /router/bird/include: must be a path without quotes and control characters, not \"/a\\\"b\"",
        "f: /router/bird/timeout: must be from 100ms to 1m, not \"0s\""}}};
  for (const auto& [router, expected] : cases) {
    INFO(router);
    CHECK(errors_of(document_with(R"({"router": )" + router + "}")) == expected);
  }
  const Config config = config_of(document_with(R"({"router": {"stack": "bird", "bgp": {"vrf": "vrf-blue"},
      "route_server": {"peers": ["FD00:0::4"]},
      "vtysh": {"pathspace": "nva1", "timeout": "5s", "socket_dir": "/tmp/frr"},
      "bird": {"socket": "/tmp/bird.ctl", "include": "/tmp/herald.conf", "timeout": "3s"}}})"));
  CHECK(config.router.stack == Stack::bird);
  CHECK(config.router.vrf == "vrf-blue");
  CHECK(config.router.peers == std::vector<std::string>{"fd00::4"});
  CHECK(config.router.preset == Preset::generic);
  CHECK_FALSE(config.router.as);
  CHECK_FALSE(config.router.peer_as);
  CHECK(config.router.vtysh == VtyshSpec{.pathspace = "nva1", .socket_dir = "/tmp/frr", .timeout = 5s});
  CHECK_FALSE(config.router.fast_withdraw);
  CHECK(config.router.fast_withdraw_max_routes == 100);
  const Config fast = config_of(document_with(
      R"({"router": {"stack": "frr", "vtysh": {"transport": "socket"}, "fast_withdraw": true, "fast_withdraw_max_routes": 7}})"));
  CHECK(fast.router.fast_withdraw);
  CHECK(fast.router.fast_withdraw_max_routes == 7);
  CHECK(config.router.bird ==
        BirdSpec{.socket = "/tmp/bird.ctl", .include = "/tmp/herald.conf", .timeout = 3s});
  // Azure's AS is always the same; the others let their operator choose.
  const auto peer_as = [](const std::string& route_server) {
    return config_of(document_with(R"({"router": {"route_server": )" + route_server + "}}")).router.peer_as;
  };
  CHECK(peer_as(R"({"preset": "azure"})") == 65515U);
  CHECK(peer_as(R"({"preset": "azure", "as": 65510})") == 65510U);
  CHECK_FALSE(peer_as(R"({"preset": "aws"})"));
}

TEST_CASE("the control section") {
  CHECK(config_of(document_with(R"({"control": {"socket": "/tmp/c", "group": "netops"}})")).control ==
        ControlSpec{"/tmp/c", "netops"});
  const std::string longest = "/" + std::string(106, 'x');
  CHECK(config_of(document_with(R"({"control": {"socket": ")" + longest + "\"}}")).control.socket == longest);
  CHECK(errors_of(document_with(R"({"control": {"socket": ")" + longest + "x\"}}")) ==
        Reports{"f: /control/socket: must be a path of at most 107 bytes, not \"/" + std::string(59, 'x') +
                "...\""});
  CHECK(errors_of(document_with(R"({"control": {"socket": "c.sock", "group": "", "grp": 1}})")) ==
        Reports{"f: /control/socket: must be an absolute path, not \"c.sock\"",
                "f: /control/group: must be the name of a group, not \"\"", "f: /control/grp: unknown key"});
  CHECK(errors_of(document_with(R"({"control": {"socket": "/run/\u0000x"}})")) ==
        Reports{"f: /control/socket: must be an absolute path, not \"/run/\\u0000x\""});
}

TEST_CASE("the brake section") {
  CHECK(config_of(document_with("{}")).brake == Config{}.brake);
  CHECK(config_of(document_with(R"({"brake": "off"})")).brake == std::nullopt);
  CHECK(config_of(document_with(R"({"brake": {}})")).brake ==
        BrakeSpec{.share = 0.5, .least = 3, .hold = 30s});
  CHECK(config_of(document_with(R"({"brake": {"share": 0.8, "least": 5, "hold": "1m"}})")).brake ==
        BrakeSpec{.share = 0.8, .least = 5, .hold = 60s});
  CHECK(errors_of(document_with(R"({"brake": "on"})")) ==
        Reports{R"(f: /brake: must be "off" or an object, such as {"hold": "30s"}, not "on")"});
  CHECK(errors_of(document_with(R"({"brake": {"share": 1, "least": 0, "hold": "1h", "holds": 1}})")).size() ==
        4);
}

TEST_CASE("a misspelt stack is one error, and the levers are not compared with it") {
  const Reports wrong = errors_of(R"({"router": {"stack": "fr", "fallback": "deny"}, "services": [
    {"name": "web", "vips": ["10.99.0.1/32"], "announce": {"via": "vtysh"},
     "probes": [{"type": "tcp", "address": "127.0.0.1:80"}]}]})");
  CHECK(wrong ==
        Reports{R"(f: /router/stack: must be "frr", "bird" or "none", not "fr"; did you mean "frr"?)"});
}

}  // namespace router_test
