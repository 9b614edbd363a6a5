#include "sidecar/announce/frr/objects.h"

#include <catch2/catch.hpp>

#include "tests/source_dir.h"

namespace objects_test {

using namespace herald;

namespace {

using Lines = std::vector<std::string>;
const std::vector<std::filesystem::path> shipped{HERALD_SOURCE_DIR "/frr-templates"};

FrrObjects objects() {
  auto loaded = FrrObjects::load(shipped);
  REQUIRE(loaded);
  return *std::move(loaded);
}

}  // namespace

TEST_CASE("a route-map with every attribute and with none") {
  const Attributes all{.prepend = 2,
                       .med = 200,
                       .communities = {"65001:100", "65535:0", "65001:1:2", "65001:1:3"},
                       .local_preference = 0};
  CHECK(objects().route_map({"HERALD-web-draining-0a", all}, "65001").value() ==
        Lines{"route-map HERALD-web-draining-0a permit 10", "set as-path prepend 65001 65001",
              "set metric 200", "set community 65001:100 65535:0", "set large-community 65001:1:2 65001:1:3",
              "set local-preference 0", "exit"});
  CHECK(objects().route_map({"HERALD-web-healthy", {}}, "").value() ==
        Lines{"route-map HERALD-web-healthy permit 10", "exit"});
  CHECK(objects().route_map({"M", {.prepend = 1}}, "").error() ==
        "\"prepend\" needs router.bgp.as: it prepends your own AS");
}

TEST_CASE("network lines") {
  CHECK(objects().network({"10.99.0.1/32"}, "M") == Lines{"network 10.99.0.1/32 route-map M"});
  CHECK(objects().no_network({"fd00:99::1/128"}, "M") == Lines{"no network fd00:99::1/128"});
}

TEST_CASE("the filter of the fallback") {
  CHECK(objects().fallback({{"10.99.0.1/32"}, {"10.99.0.2/32"}}, "M", "L", "OUT") ==
        Lines{"ip prefix-list L seq 5 permit 10.99.0.1/32", "ip prefix-list L seq 10 permit 10.99.0.2/32",
              "route-map M deny 10", "match ip address prefix-list L", "exit", "route-map M permit 20",
              "call OUT", "exit"});
  CHECK(objects().fallback({{"fd00:99::1/128"}}, "M", "L", "") ==
        Lines{"ipv6 prefix-list L seq 5 permit fd00:99::1/128", "route-map M deny 10",
              "match ipv6 address prefix-list L", "exit", "route-map M permit 20", "exit"});
}

TEST_CASE("templates of objects that are not there are all told") {
  const std::vector<std::filesystem::path> nowhere{"/nonexistent"};
  CHECK(FrrObjects::load(nowhere).error().size() == 4);
}

}  // namespace objects_test
