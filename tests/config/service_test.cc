#include "sidecar/config/service.h"

#include <catch2/catch.hpp>

#include "tests/config/fixture.h"

namespace service_test {

using namespace std::chrono_literals;
using namespace herald;
using namespace config_fixture;

namespace {

ServiceSpec service_of(std::string_view patch) {
  return config_of(service_with(patch)).services.at(0);
}

}  // namespace

TEST_CASE("a service's defaults are the contract's") {
  const ServiceSpec spec = service_of("{}");
  CHECK(spec.announce.interface == "lo");
  CHECK(spec.announce.lease == Duration(30s));
  CHECK(spec.require == Require{});
  CHECK(spec.hold_down == 0s);
  CHECK_FALSE(spec.damping);
  CHECK(spec.adopt_timeout == 30s);
  CHECK_FALSE(spec.unknown_limit);
  CHECK_FALSE(service_of(R"({"unknown_limit": "off"})").unknown_limit);
  CHECK(spec.on_exit == OnExit::withdraw);
}

TEST_CASE("every key of a service arrives") {
  const ServiceSpec spec =
      service_of(R"({"vips": ["10.99.0.1/32", "FD00:0::1/128"], "require": {"at_least": 1},
      "announce": {"interface": "dummy0", "lease": "off"}, "hold_down": "10s", "adopt_timeout": "1m", "on_exit": "keep", "unknown_limit": "2m",
      "damping": {"half_life": "1m", "suppress": 3000, "reuse": 750.5, "max_suppress": "10m"}})");
  CHECK(spec.vips == std::vector<Vip>{{"10.99.0.1/32"}, {"fd00::1/128"}});
  CHECK(spec.require == Require{Require::Kind::at_least, 1});
  CHECK(spec.announce == AnnounceSpec{.interface = "dummy0", .lease = std::nullopt});
  CHECK(spec.hold_down == 10s);
  CHECK(spec.adopt_timeout == 1min);
  CHECK(spec.unknown_limit == 2min);
  CHECK(spec.on_exit == OnExit::keep);
  CHECK(spec.damping == Damping{1min, 3000, 750.5, 10min});
  CHECK(service_of(R"({"require": "any"})").require == Require{Require::Kind::any, 0});
  CHECK(service_of(R"({"damping": {}})").damping == Damping{});
  CHECK_FALSE(service_of(R"({"damping": "off"})").damping);
}

TEST_CASE("what is wrong with a service is said at its key") {
  const std::vector<std::pair<std::string, Reports>> cases{
      {R"({"name": null})", {": \"name\" is required"}},
      {R"({"name": "a b"})",
       {"/name: must be 1 to 63 letters, digits, '.', '_' or '-', the first a letter or digit, not \"a b\""}},
      {R"({"name": ""})",
       {"/name: must be 1 to 63 letters, digits, '.', '_' or '-', the first a letter or digit, not \"\""}},
      {R"({"name": "-x"})",
       {"/name: must be 1 to 63 letters, digits, '.', '_' or '-', the first a letter or digit, not \"-x\""}},
      {R"({"name": 5})", {"/name: must be a string, not 5"}},
      {R"({"vips": null})", {": \"vips\" is required"}},
      {R"({"vips": []})", {"/vips: must be 1 to 1000 addresses, not 0"}},
      {R"({"vips": "10.99.0.1/32"})", {"/vips: must be an array of strings, not \"10.99.0.1/32\""}},
      {R"({"vips": ["10.99.0.0/24", 5]})", {"/vips/1: must be a string, not 5"}},
      {R"({"vips": ["10.99.0.0/24", "10.99.0.1/32", "10.99.0.1/32"]})",
       {"/vips/0: 10.99.0.0/24 is not a host prefix; this lever announces single addresses, write "
        "10.99.0.1/32",
        "/vips/2: 10.99.0.1/32 is already the VIP at f: /services/0/vips/1"}},
      {R"({"announce": {"via": "birdc"}})",
       {R"(/announce/via: "birdc" steers BIRD, and "router.stack" is "none")"}},
      {R"({"announce": {"via": "vtysh", "lease": "30s", "manage_vip": false, "vip_on_down": "remove"}})",
       {"/announce/lease: only the loopback lever has one: here the address is not the announcement",
        R"(/announce/vip_on_down: with "manage_vip": false the address is not herald's to remove)",
        R"(/announce/via: "vtysh" steers FRR, and "router.stack" is "none")"}},
      {R"({"announce": {"via": "vtysh", "attributes": {"degrded": {}, "healthy": {"prepend": 11, "med": -1},
           "draining": {"prepend": 1, "communities": ["65536:1", "1:2:3:4", "no-exprt", "no-export", "65535:65281", ""]}}}})",
       {"/announce/attributes/healthy/prepend: must be a whole number from 0 to 10, not 11",
        "/announce/attributes/healthy/med: must be a whole number from 0 to 4294967295, not -1",
        R"(/announce/attributes/draining/communities/0: must be "65001:100", "65001:1:2" or a well-known name such as "graceful-shutdown" or "no-export", not "65536:1")",
        R"(/announce/attributes/draining/communities/1: must be "65001:100", "65001:1:2" or a well-known name such as "graceful-shutdown" or "no-export", not "1:2:3:4")",
        R"(/announce/attributes/draining/communities/2: must be "65001:100", "65001:1:2" or a well-known name such as "graceful-shutdown" or "no-export", not "no-exprt")",
        "/announce/attributes/draining/communities/4: 65535:65281 is there already",
        R"(/announce/attributes/draining/communities/5: must be "65001:100", "65001:1:2" or a well-known name such as "graceful-shutdown" or "no-export", not "")",
        R"(/announce/attributes/degrded: unknown key; did you mean "degraded"?)",
        R"(/announce/via: "vtysh" steers FRR, and "router.stack" is "none")",
        R"(/announce/attributes/draining/prepend: needs "router.bgp.as": it is what is prepended)"}},
      {R"({"announce": {"via": "loopbck"}})",
       {R"(/announce/via: must be "loopback", "vtysh" or "birdc", not "loopbck"; did you mean "loopback"?)"}},
      {R"({"announce": {"interface": "0123456789abcdef"}})",
       {"/announce/interface: must be an interface name of 1 to 15 characters, not \"0123456789abcdef\""}},
      {R"({"announce": {"interface": "a b"}})",
       {"/announce/interface: must be an interface name of 1 to 15 characters, not \"a b\""}},
      {R"({"announce": {"interface": ".."}})",
       {"/announce/interface: must be an interface name of 1 to 15 characters, not \"..\""}},
      {R"({"announce": {"lease": "1500ms"}})", {"/announce/lease: must be from 3s to 1h, not \"1500ms\""}},
      {R"({"announce": {"lease": "3500ms"}})",
       {"/announce/lease: must be whole seconds, as the kernel counts them, not 3500ms"}},
      {R"({"announce": {"lease": 30}})",
       {R"(/announce/lease: must be a duration such as "250ms", "1s" or "2m", not 30)"}},
      {R"({"announce": {"lease": "2h"}})", {"/announce/lease: must be from 3s to 1h, not \"2h\""}},
      {R"({"announce": {"manage_vip": false, "vip_on_down": "remove", "attributes": {}, "leese": "3s"}})",
       {R"(/announce/attributes: the loopback lever cannot set attributes; "via": "vtysh" (FRR) and "birdc" (BIRD) can)",
        "/announce/manage_vip: with the loopback lever the address is the announcement, so it is herald's",
        "/announce/vip_on_down: with the loopback lever the withdrawal is the removal of the address",
        "/announce/leese: unknown key; did you mean \"lease\"?"}},
      {R"({"drain": {"delay": "2h", "lingr": "1s"}})",
       {"/drain/delay: must be from 0s to 1h, not \"2h\"",
        "/drain/lingr: unknown key; did you mean \"linger\"?"}},
      {R"({"require": "most"})", {R"(/require: must be "all", "any" or {"at_least": n}, not "most")"}},
      {R"({"require": {"at_least": 2}})", {"/require/at_least: 2 gates are required, and there are 1"}},
      {R"({"require": {"at_least": 0}})", {"/require/at_least: must be a whole number from 1 to 100, not 0"}},
      {R"({"require": {"atleast": 1}})",
       {"/require: \"at_least\" is required", "/require/atleast: unknown key; did you mean \"at_least\"?"}},
      {R"({"probes": null})", {": \"probes\" is required"}},
      {R"({"probes": []})", {"/probes: must be 1 to 100 probes, not 0"}},
      {R"({"probes": {}})", {"/probes: must be an array of objects, not an object"}},
      {R"({"probes": ["tcp"]})", {"/probes/0: must be an object, not \"tcp\""}},
      {R"({"probes": [{"type": "tcp", "address": "127.0.0.1:80", "role": "info"}]})",
       {"/probes: no probe has the role \"gate\", so nothing could take the service down"}},
      {R"({"unknown_limit": "0s"})", {"/unknown_limit: must be from 1s to 1d, not \"0s\""}},
      {R"({"hold_down": "25h", "adopt_timeout": "0s", "on_exit": "stay"})",
       {"/hold_down: must be from 0s to 1d, not \"25h\"", "/adopt_timeout: must be from 1s to 1h, not \"0s\"",
        "/on_exit: must be \"withdraw\" or \"keep\", not \"stay\""}},
      {R"({"damping": {"suppress": 1000}})", {"/damping/reuse: 1000 must be below suppress, which is 1000"}},
      {R"({"damping": {"half_life": "1h", "max_suppress": "1m"}})",
       {"/damping/max_suppress: never suppresses: in 1m with half_life 1h a penalty above reuse 1000 can be "
        "at most "
        "1012, and suppress is 2500; make max_suppress longer"}},
      {R"({"damping": {"half_life": "0s", "reuse": 0, "supress": 1}})",
       {"/damping/half_life: must be from 1s to 1d, not \"0s\"",
        "/damping/reuse: must be a number from 1 to 1000000, not 0",
        "/damping/supress: unknown key; did you mean \"suppress\"?"}},
      {R"({"damping": "on"})", {"/damping: must be an object, not \"on\""}},
      {R"({"holddown": "1s"})", {"/holddown: unknown key; did you mean \"hold_down\"?"}}};
  for (const auto& [patch, expected] : cases) {
    INFO(patch);
    CHECK(service_errors(patch) == expected);
  }
}

TEST_CASE("everything that is wrong is reported at once") {
  CHECK(service_errors(R"({"name": "a/b", "vips": ["127.0.0.1/32"], "announce": {"lease": "1s"}, "require": 5,
                           "hold_down": 1, "probes": [{"type": "htp"}], "on_exit": 0, "x": 1})")
            .size() == 8);
}

TEST_CASE("no probe may depend on an address that herald removes") {
  const std::string target =
      "the target 10.99.0.1 is a VIP that herald itself removes (f: /services/0/vips/0): once removed, the "
      "probe would "
      "hear another site; probe 127.0.0.1 or the node's own address, or set \"bind_device\": \"lo\"";
  const std::string probe = R"({"probes": [{"type": "tcp", "address": ")";
  CHECK(service_errors(probe + "10.99.0.1:80\"}]}") == Reports{"/probes/0: " + target});
  CHECK(service_errors(probe + "[::ffff:10.99.0.1]:80\"}]}") == Reports{"/probes/0: " + target});
  CHECK(service_errors(probe + "10.99.0.1:80\", \"bind_device\": \"eth0\"}]}") ==
        Reports{"/probes/0: " + target});
  CHECK(service_errors(probe + "10.99.0.1:80\", \"bind_device\": \"lo\"}]}") == no_errors);
  CHECK(service_errors(probe + "10.99.0.2:80\"}]}") == no_errors);
  CHECK(service_errors(probe + "web.example.net:80\"}]}") == no_errors);
  CHECK(
      service_errors(probe + "127.0.0.1:80\", \"source\": \"10.99.0.1\"}]}") ==
      Reports{
          "/probes/0: the source 10.99.0.1 is a VIP that herald itself removes (f: /services/0/vips/0): once "
          "removed, the probe could never pass again; use the node's own address"});
  // The VIP of a service that comes later, in another file.
  const auto result =
      parse(service_with(R"({"probes": [{"type": "tcp", "address": "[fd00::5]:80"}]})"),
            {{"b.json", R"({"name": "b", "vips": ["fd00::5/128"], "announce": {"via": "loopback"},
                            "probes": [{"type": "tcp", "address": "[::1]:80"}]})"}});
  REQUIRE(result.errors.size() == 1);
  CHECK(to_string(result.errors[0])
            .starts_with("f: /services/0/probes/0: the target fd00::5 is a VIP that herald "
                         "itself removes (b.json: /vips/0)"));
}

TEST_CASE("a command that names an address which herald removes is warned of") {
  const auto warnings = [](const std::string& more, const std::string& word) {
    return parse(service_with(R"({)" + more + R"("probes": [{"type": "exec", "command": ["/bin/true", ")" +
                              word + R"("]}]})"))
        .warnings;
  };
  CHECK(warnings("", "http://10.99.0.1/") ==
        std::vector<std::string>{
            "f: /services/0/probes/0/command: names 10.99.0.1, a VIP that herald itself removes (f: "
            "/services/0/vips/0): once removed, another site would answer; have it ask 127.0.0.1 or the "
            "node's own "
            "address"});
  CHECK(warnings("", "http://10.99.0.11/").empty());
  CHECK(warnings(R"("announce": {"via": "vtysh"}, )", "10.99.0.1").empty());
  CHECK(warnings(R"("announce": {"via": "vtysh", "vip_on_down": "remove"}, )", "10.99.0.1").size() == 1);
}

TEST_CASE("numbers of services, VIPs and probes have limits") {
  json service = json::parse(service_with("{}")).at("services").at(0);
  json document = {{"router", {{"stack", "none"}}}, {"services", json::array()}};
  for (std::size_t i = 0; i <= kMostServices; ++i) {
    service["name"] = "s" + std::to_string(i);
    service["vips"] = {"10." + std::to_string(i >> 16U) + "." + std::to_string((i >> 8U) & 255U) + "." +
                       std::to_string(i & 255U) + "/32"};
    document["services"].push_back(service);
  }
  CHECK(errors_of(document.dump()) == Reports{"f: /services/10000: more than 10000 services"});

  json vips = json::array();
  for (std::size_t i = 0; i <= kMostVips; ++i) vips.push_back("10.99.0.1/32");
  CHECK(service_errors(json{{"vips", vips}}.dump()) ==
        Reports{"/vips: must be 1 to 1000 addresses, not 1001"});
  json probes = json::array();
  for (std::size_t i = 0; i <= kMostProbes; ++i)
    probes.push_back({{"type", "tcp"}, {"address", "127.0.0.1:80"}});
  CHECK(service_errors(json{{"probes", probes}}.dump()) ==
        Reports{"/probes: must be 1 to 100 probes, not 101"});
}

TEST_CASE("a hostile file cannot make an endless report") {
  std::string services;
  for (int i = 0; i < 100'000; ++i) services += i == 0 ? "{}" : ",{}";
  const Reports reports = errors_of(R"({"router": {"stack": "none"}, "services": [)" + services + "]}");
  // The last service that is read may bring a few more than the limit.
  CHECK(reports.size() >= 1001);
  CHECK(reports.size() <= 1010);
  CHECK(reports.back().ends_with(": too many errors; what follows is not checked"));
}

}  // namespace service_test
