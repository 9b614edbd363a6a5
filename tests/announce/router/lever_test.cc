#include "sidecar/announce/router/lever.h"

#include <catch2/catch.hpp>

namespace herald::router_lever_test {
namespace {

// One that leaves to the interface what it may.
class PlainLever final : public RouterLever {
 public:
  void read(OnView) override {}
  void apply(RouteBatch, OnApplied) override {}
  [[nodiscard]] std::vector<std::string> commands(const RouteBatch&) const override { return {}; }
  [[nodiscard]] std::string socket_path() const override { return ""; }
};

TEST_CASE("a router that could not be asked shows nothing but why") {
  const RouterView view = unreachable("birdc: no answer within 2s");
  CHECK_FALSE(view.reachable);
  CHECK(view.error == "birdc: no answer within 2s");
  CHECK(view.peers.empty());
  CHECK(view.routes.empty());
  CHECK(view.owned.empty());
  CHECK(view.fallback.empty());
}

TEST_CASE("what is really still to be done is what is planned, where nothing is pretended") {
  const Vip vip{"10.99.0.1/32"};
  const RouteBatch left = PlainLever().outstanding({.steps = {{vip, std::nullopt}}});
  REQUIRE(left.steps.size() == 1);
  CHECK(left.steps[0].vip == vip);
  CHECK(left.fallback.empty());
}

}  // namespace
}  // namespace herald::router_lever_test
