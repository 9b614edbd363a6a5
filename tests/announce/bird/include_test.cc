// herald's include file for BIRD: what is written, and what is read back. Real BIRD takes these texts, see
// bird_lever_test.cc.
#include "sidecar/announce/bird/include.h"

#include <catch2/catch.hpp>

namespace herald::include_test {
namespace {

const Vip web_vip{"10.99.0.1/32"};
const Vip web_vip6{"fd00:99::1/128"};
constexpr std::uint32_t kAs = 65001;

BirdRoute route_of(const Policy& policy) {
  const auto route = bird_route(policy, kAs);
  REQUIRE(route);
  return *route;
}

Policy degraded() {
  return {"HERALD-web-degraded-1f3a5c7e",
          {.prepend = 2, .med = 200, .communities = {"65001:100", "65001:1:2"}, .local_preference = 50}};
}

TEST_CASE("the file holds a protocol for each route, with a mark of it, and one more") {
  const BirdRoutes routes{{web_vip, route_of(degraded())}, {web_vip6, route_of({"HERALD-dns-healthy", {}})}};
  CHECK(render_bird_include(routes) ==
        R"(# Written by heraldd at every change of a service: do not edit, it would be lost.
# bird.conf includes this file; BIRD reads it when it starts and at `birdc configure`.
protocol static herald {
  ipv4;
}
protocol static herald_10_99_0_1 {
  description "herald 94b3db5f810b8da7";
  ipv4;
  route 10.99.0.1/32 blackhole { bgp_path.prepend(65001); bgp_path.prepend(65001); bgp_med = 200; bgp_community.add((65001,100)); bgp_large_community.add((65001,1,2)); bgp_local_pref = 50; }; # HERALD-web-degraded-1f3a5c7e
}
protocol static herald_fd00_99__1 {
  description "herald 4a175455c740dd48";
  ipv6;
  route fd00:99::1/128 blackhole; # HERALD-dns-healthy
}
)");
}

TEST_CASE("what is written is read back, and no routes are a valid file") {
  const BirdRoutes routes{{web_vip, route_of(degraded())}, {web_vip6, route_of({"HERALD-web-healthy", {}})}};
  CHECK(parse_bird_include(render_bird_include(routes)) == routes);
  CHECK(parse_bird_include(render_bird_include({})).empty());
  CHECK(parse_bird_include("").empty());
}

TEST_CASE("a mark stands for the VIP and all that is set") {
  const BirdRoute plain = route_of({"HERALD-web-healthy", {}});
  CHECK(bird_mark(web_vip, plain) == bird_mark(web_vip, plain));
  CHECK(bird_mark(web_vip, plain) != bird_mark(web_vip, route_of(degraded())));
  CHECK(bird_mark(web_vip, plain) != bird_mark(web_vip6, plain));
}

TEST_CASE("every VIP has a name that BIRD takes for a symbol") {
  CHECK(bird_protocol({"10.99.0.1/32"}) == "herald_10_99_0_1");
  CHECK(bird_protocol({"fd00:99::1/128"}) == "herald_fd00_99__1");
  CHECK(bird_protocol({"::/128"}) == "herald___");
  for (const char* own : {"herald", "herald_10_99_0_1"}) CHECK(is_own_bird_protocol(own));
  for (const char* other : {"heralds", "herald4", "direct1"}) CHECK_FALSE(is_own_bird_protocol(other));
}

TEST_CASE("prepending needs our own AS, nothing else does") {
  CHECK(bird_route(degraded(), std::nullopt).error() == "prepend needs router.bgp.as");
  Policy without = degraded();
  without.attributes.prepend = 0;
  CHECK(bird_route(without, std::nullopt));
}

TEST_CASE("lines that herald would not write are not read back") {
  for (const std::string line : {
           "  route 10.99.0.1/32 blackhole",
           "  route 10.99.0.1/32 blackhole;",
           "  route 10.99.0.1/32 blackhole; # web-healthy",
           "  route 10.99.0.1/32 unreachable; # HERALD-web-healthy",
           "  route 10.99.0.0/24 blackhole; # HERALD-web-healthy",
           "  route 010.99.0.1/32 blackhole; # HERALD-web-healthy",
           "  route fd00:99:0::1/128 blackhole; # HERALD-web-healthy",
           "# route 10.99.0.1/32 blackhole; # HERALD-web-healthy",
           "  route 10.99.0.1/32 blackhole { }; # HERALD-web-healthy",
           "  route 10.99.0.1/32 blackhole {  }; # HERALD-web-healthy",
           "  route 10.99.0.1/32 blackhole { bgp_med = ; }; # HERALD-web-healthy",
           "  route 10.99.0.1/32 blackhole { bgp_med = -1; }; # HERALD-web-healthy",
           "  route 10.99.0.1/32 blackhole { bgp_med = 4294967296; }; # HERALD-web-healthy",
           "  route 10.99.0.1/32 blackhole { bgp_med = 1; accept; }; # HERALD-web-healthy",
           "  route 10.99.0.1/32 blackhole { bgp_med = 1 }; # HERALD-web-healthy",
           "  route 10.99.0.1/32 blackhole { bgp_community.add((1,2)); bgp_med = 1;}; # HERALD-web-healthy",
           "  route 10.99.0.1/32 blackhole; # HERALD-web-healthy and more",
       }) {
    CAPTURE(line);
    CHECK(parse_bird_include("protocol static herald4 {\n" + line + "\n}\n").empty());
  }
}

}  // namespace
}  // namespace herald::include_test
