#include "sidecar/announce/frr/map_shape.h"

#include <catch2/catch.hpp>

namespace herald::map_shape_test {
namespace {

const std::string kMap = "HERALD-web-healthy";

FrrMapShape shape_of(std::vector<std::string> definition) {
  return frr_map_shape(definition, kMap);
}

TEST_CASE("a line is the same in herald's words and in bgpd's") {
  CHECK(frr_map_line(" set community 65001:100 graceful-shutdown") == "set community 65001:100 65535:0");
  CHECK(frr_map_line("set community 65535:0 65001:100") == "set community 65001:100 65535:0");
  CHECK(frr_map_line("set large-community 65001:1:3 65001:1:2") == "set large-community 65001:1:2 65001:1:3");
  CHECK(frr_map_line(" set community no-export local-AS additive") ==
        "set community 65535:65281 65535:65283 additive");
  CHECK(frr_map_line("  set  metric 200 ") == "set metric 200");
  CHECK(frr_map_line("set") == "set");
}

TEST_CASE("the entries of one map, and nothing around them") {
  CHECK(shape_of({"ip prefix-list L seq 5 permit 10.0.0.0/8", "route-map HERALD-web-healthy permit 10",
                  "set metric 200", "exit", "set metric 1", "route-map OTHER deny 10", "set metric 2",
                  "route-map HERALD-web-healthy deny 20"}) ==
        FrrMapShape{{"permit 10", {"set metric 200"}}, {"deny 20", {}}});
}

TEST_CASE("what a map has and lacks") {
  const FrrMapShape should{{"permit 10", {"set metric 200", "set community 65001:7"}}};
  CHECK(frr_map_difference(should, should).empty());
  CHECK(frr_map_difference(should, {{"permit 10", {"set metric 999", "set community 65001:7"}}}) ==
        "has `set metric 999`, lacks `set metric 200`");
  CHECK(frr_map_difference(should, {{"deny 10", {}}}) == "has `deny 10`, lacks `permit 10`");
  CHECK(frr_map_difference(should, {{"deny 5", {}}, *should.begin()}) == "has `deny 5`");
  CHECK(frr_map_difference(should, {{"permit 10", {"set metric 200"}}}) == "lacks `set community 65001:7`");
}

TEST_CASE("a map is changed when it is neither as herald would define it nor as bgpd showed it then") {
  const FrrMapShape mine{{"permit 10", {"set metric 200"}}};
  const FrrMapShape worded{{"permit 10", {"set metric +200"}}};
  const FrrMapShape edited{{"permit 10", {"set metric 999"}}};
  const auto should = [&](const std::string& map) {
    return map == kMap ? std::optional(mine) : std::nullopt;
  };
  FrrMapWatch watch;
  CHECK(watch.changed({{kMap, mine}, {"HERALD-unknown", edited}}, should).empty());
  CHECK(watch.changed({{kMap, edited}}, should) ==
        std::map<std::string, std::string>{{kMap, "has `set metric 999`, lacks `set metric 200`"}});
  watch.defined({kMap});
  CHECK(watch.changed({{kMap, worded}}, should).empty());
  CHECK(watch.changed({{kMap, worded}}, should).empty());
  CHECK(watch.changed({{kMap, edited}}, should).at(kMap) == "has `set metric 999`, lacks `set metric +200`");
  CHECK(watch.changed({{kMap, mine}}, should).empty());
  CHECK(watch.changed({}, should).empty());  // deleted: what it looked like is forgotten
  CHECK(watch.changed({{kMap, worded}}, should).size() == 1);
}

}  // namespace
}  // namespace herald::map_shape_test
