#include "tests/doctor/world.h"

namespace herald::probe_rules_test {

TEST_CASE(
    "a name that is a VIP of herald's, and a command that names one, are told with what to probe instead") {
  World world;
  ProbeSpec& probe = world.config.services[0].probes.emplace_back();
  probe.name = "front";
  probe.type = "tcp";
  probe.target = "www.example.net:80";
  CHECK(host_of_target(probe) == "www.example.net");
  world.host.names["www.example.net"] = {"192.0.2.1"};
  CHECK(world.told("probe-target").empty());
  world.host.names["www.example.net"] = {"10.99.0.1"};
  CHECK(world.told("probe-target") ==
        Checks{"error: web/front asks www.example.net, which is 10.99.0.1, a VIP of web"});
  probe.socket.bind_device = "lo";
  CHECK(world.told("probe-target").empty());
  for (const char* none : {"10.0.0.1:80", "10.0.0.1", "[fd00::1]:80", "/run/web.sock"}) {
    probe.target = none;
    CHECK(host_of_target(probe).empty());
  }
  probe.type = "exec";
  probe.target.clear();
  probe.settings = R"({"command":["/usr/bin/curl","http://10.99.0.1/"]})";
  CHECK(world.told("probe-target") ==
        Checks{"warning: web/front runs a command that names 10.99.0.1, a VIP of web"});
}

}  // namespace herald::probe_rules_test
