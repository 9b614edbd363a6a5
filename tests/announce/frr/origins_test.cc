// Which of bgpd's own paths are herald's, and the words for the others.
#include "sidecar/announce/frr/origins.h"

#include <catch2/catch.hpp>
#include <utility>

#include "sidecar/announce/frr/view.h"

namespace herald::origins_test {
namespace {

const Vip kVip{"10.99.0.1/32"};

// As FRR 8.4.4 tells them: a `network` line's is "local" as well.
constexpr std::string_view kNetwork = R"({"sourced": true, "local": true, "bestpath": {"overall": true}})";
constexpr std::string_view kRedistributed = R"({"sourced": true})";
constexpr std::string_view kHeard = R"({"valid": true})";

RouterRoute route(const std::vector<std::string_view>& paths, const FrrOwned& owned,
                  const std::set<Vip>& own) {
  std::string text = R"({"prefix": "10.99.0.1/32", "paths": [)";
  for (const std::string_view path : paths) text += (text.ends_with('[') ? "" : ", ") + std::string(path);
  auto routes = parse_frr_routes(text + "]}", {kVip}, {}, {});
  REQUIRE(routes);
  name_frr_origins(*routes, owned, own);
  return routes->at(kVip);
}

}  // namespace

TEST_CASE("a network line of a steered service is herald's, and of any other somebody else's") {
  CHECK(route({kNetwork}, {}, {kVip}).others.empty());
  FrrOwned marked;
  marked.routes[kVip] = "HERALD-web-healthy";
  CHECK(route({kNetwork}, marked, {}).others.empty());
  CHECK(route({kNetwork, kHeard}, {}, {}).others == std::vector<OtherOrigin>{{"a `network` line", true}});
  FrrOwned unchecked;  // it stays when the address has gone
  unchecked.import_check = false;
  CHECK(route({kNetwork}, unchecked, {}).others == std::vector<OtherOrigin>{{"a `network` line", false}});
}

TEST_CASE("what is redistributed has the names of the lines, and is of an address where one is about these") {
  FrrOwned owned;
  CHECK(route({kRedistributed}, owned, {kVip}).others == std::vector<OtherOrigin>{{"redistribution", false}});
  owned.redistribute[0] = {"redistribute kernel"};
  CHECK_FALSE(route({}, owned, {kVip}).import);
  CHECK(route({kRedistributed}, owned, {kVip}).others ==
        std::vector<OtherOrigin>{{"redistribute kernel", false}});
  owned.redistribute[0].push_back("redistribute connected route-map X");
  const RouterRoute mixed = route({kNetwork, kRedistributed}, owned, {kVip});
  CHECK(mixed.import == InterfaceImport{"redistribute connected route-map X", true});
  CHECK(mixed.others ==
        std::vector<OtherOrigin>{{"redistribute kernel or redistribute connected route-map X", true}});
  owned.redistribute[0] = {"redistribute connected"};
  CHECK(route({}, owned, {kVip}).import == InterfaceImport{"redistribute connected", false});
  owned.redistribute[1] = std::exchange(owned.redistribute[0], {});  // of the other family
  CHECK_FALSE(route({}, owned, {kVip}).import);
}

}  // namespace herald::origins_test
