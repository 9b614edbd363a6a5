#include "sidecar/config/changes.h"

#include <catch2/catch.hpp>

namespace changes_test {

using namespace herald;

namespace {

Config with(const std::vector<std::string>& names) {
  Config config;
  for (const std::string& name : names) config.services.emplace_back().name = name;
  return config;
}

}  // namespace

TEST_CASE("reload: what a configuration changes is told by name") {
  const Config running = with({"a", "b", "c"});
  CHECK(to_string(changes_between(running, running)) == "nothing");
  Config next = with({"c", "b", "d"});
  next.services[1].hold_down = 5s;
  next.router.vtysh.timeout = 1s;
  CHECK(to_string(changes_between(running, next)) == "1 changed (b), 1 added (d), 1 removed (a), the router");
  CHECK(to_string(changes_between(running, with({"a", "b", "c", "1", "2", "3", "4", "5", "6"}))) ==
        "6 added (1, 2, 3, 4, 5, ...)");
  Config seen = running;
  seen.http.listen = {"127.0.0.1:9476"};
  CHECK(to_string(changes_between(running, seen)) == "where it is seen by HTTP");
  CHECK(unchangeable(running, seen).empty());
}

TEST_CASE("reload: what only a restart can change is named, all of it") {
  Config next;
  CHECK(unchangeable({}, next).empty());
  next.router.vtysh.timeout = 1s;
  next.router.peers = {"10.1.1.4"};
  next.router.preset = Preset::azure;
  next.router.as = 65001;
  CHECK(unchangeable({}, next).empty());
  next.control.socket = next.control.group = next.state_dir = next.router.vrf = "x";
  next.router.stack = Stack::bird;
  next.router.vtysh.pathspace = next.router.vtysh.socket_dir = "x";
  next.router.bird.socket = next.router.bird.include = "x";
  next.workers.processes = 2;
  const auto problems = unchangeable({}, next);
  REQUIRE(problems.size() == 10);
  CHECK(problems[0] == "control.socket cannot change at a reload: restart heraldd for it");
}

}  // namespace changes_test
