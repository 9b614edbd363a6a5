// The lines that herald writes to bgpd.
#include "sidecar/announce/frr/lines.h"
#include "tests/announce/frr/templates.h"
#include "tests/announce/router/outcomes.h"

#include <catch2/catch.hpp>

namespace herald::lines_test {
namespace {

const Vip kVip{"10.99.0.1/32"};
const Vip kVip6{"fd00:99::1/128"};

using Lines = std::vector<std::string>;

Lines texts(const FrrBatch& batch) {
  Lines lines;
  for (const FrrLine& line : batch.lines) lines.push_back(line.text);
  return lines;
}

TEST_CASE("a batch defines each map once, then sends the networks by family, then deletes") {
  const Policy policy{"HERALD-a", {.med = 5}};
  const std::vector<RouteStep> steps{{kVip, policy}, {kVip6, policy}, {Vip{"10.99.0.2/32"}, std::nullopt}};
  const auto batch = frr_batch(templates(), steps, "router bgp", "",
                               {.defined = {}, .doubtful = {}, .unused = {"HERALD-old"}});
  CHECK(texts_of(batch.outcomes) == Lines(3, "taken"));
  CHECK(texts(batch) == Lines{"configure terminal", "route-map HERALD-a permit 10", "set metric 5", "exit",
                              "router bgp", "address-family ipv4 unicast",
                              "network 10.99.0.1/32 route-map HERALD-a", "no network 10.99.0.2/32",
                              "exit-address-family", "address-family ipv6 unicast",
                              "network fd00:99::1/128 route-map HERALD-a", "exit-address-family", "exit",
                              "no route-map HERALD-old", "end"});
}

TEST_CASE("a map that is there is not sent again; one that may be cut off is made anew") {
  const std::vector<RouteStep> steps{{kVip, Policy{"HERALD-a", {}}}};
  const Lines networks{"router bgp 65001 vrf blue",
                       "address-family ipv4 unicast",
                       "network 10.99.0.1/32 route-map HERALD-a",
                       "exit-address-family",
                       "exit",
                       "end"};
  Lines expected{"configure terminal"};
  expected.insert(expected.end(), networks.begin(), networks.end());
  CHECK(texts(frr_batch(templates(), steps, "router bgp 65001 vrf blue", "", {{"HERALD-a"}, {}, {}})) ==
        expected);
  expected.insert(expected.begin() + 1, {"no route-map HERALD-a", "route-map HERALD-a permit 10", "exit"});
  CHECK(texts(frr_batch(templates(), steps, "router bgp 65001 vrf blue", "", {{}, {"HERALD-a"}, {}})) ==
        expected);
}

TEST_CASE(
    "a map that somebody edited is put right and not deleted; one that somebody deleted is not named again") {
  const std::vector<RouteStep> steps{{kVip, Policy{"HERALD-a", {.med = 5}}}};
  const auto edited = [&](FrrMapShape is) {
    return texts(
        frr_batch(templates(), steps, "router bgp", "",
                  {.defined = {}, .doubtful = {}, .unused = {}, .edited = {{"HERALD-a", std::move(is)}}}));
  };
  const auto whole = [](Lines before) {
    Lines lines{"configure terminal"};
    lines.insert(lines.end(), before.begin(), before.end());
    for (const char* line :
         {"route-map HERALD-a permit 10", "set metric 5", "exit", "router bgp", "address-family ipv4 unicast",
          "network 10.99.0.1/32 route-map HERALD-a", "exit-address-family", "exit", "end"})
      lines.emplace_back(line);
    return lines;
  };
  CHECK(edited({{"permit 10", {"set metric 999", "match tag 7"}}}) ==
        whole({"route-map HERALD-a permit 10", "no match tag 7", "no set metric 999", "exit"}));
  CHECK(edited({{"permit 10", {"set metric 5"}}, {"permit 20", {}}}) ==
        whole({"no route-map HERALD-a permit 20"}));
  CHECK(edited({{"deny 10", {}}}) == whole({}));  // `permit 10` takes its place
  CHECK(texts(frr_batch(templates(), steps, "router bgp", "",
                        {.defined = {}, .doubtful = {}, .unused = {}, .deleted = {"HERALD-a"}})) ==
        Lines{"configure terminal", "route-map HERALD-a permit 10", "set metric 5", "exit", "router bgp",
              "address-family ipv4 unicast", "exit-address-family", "exit", "end"});
}

TEST_CASE("a step whose map cannot be written leaves the others alone") {
  const std::vector<RouteStep> steps{{kVip6, Policy{"HERALD-a", {.prepend = 1}}}, {kVip, std::nullopt}};
  const auto batch = frr_batch(templates(), steps, "router bgp", "", {});
  CHECK(texts_of(batch.outcomes) ==
        Lines{"\"prepend\" needs router.bgp.as: it prepends your own AS", "taken"});
  CHECK(texts(batch) == Lines{"configure terminal", "router bgp", "address-family ipv4 unicast",
                              "no network 10.99.0.1/32", "exit-address-family", "exit", "end"});
  CHECK(frr_batch(templates(), {steps.data(), 1}, "router bgp", "", {}).lines.empty());
}

}  // namespace
}  // namespace herald::lines_test
