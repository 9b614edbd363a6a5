#include "sidecar/announce/dry_run.h"

#include <catch2/catch.hpp>

using namespace herald;

namespace {

const Vip kWeb{"10.99.0.1/32"};
const Vip kOld{"10.99.0.2/32"};
const RouteStep kAnnounce{kWeb, Policy{.name = "HERALD-web-healthy", .attributes = {}}};
const RouteStep kWithdraw{kOld, std::nullopt};

RouterView read_with(OwnedRoutes owned) {
  RouterView view;
  view.reachable = true;
  view.owned = std::move(owned);
  return view;
}

RouteBatch pretended(const DryRunRoutes& dry, RouteBatch planned = {}) {
  dry.add_pretended(planned);
  return planned;
}

}  // namespace

TEST_CASE("a dry run's routes are seen as pretended, and told as what they are") {
  DryRunRoutes dry;
  (void)dry.overlay(read_with({{kOld, "HERALD-old-healthy"}}));
  dry.pretend(kAnnounce);
  dry.pretend(kWithdraw);
  CHECK(dry.overlay(read_with({{kOld, "HERALD-old-healthy"}})).owned ==
        OwnedRoutes{{kWeb, "HERALD-web-healthy"}});
  CHECK(pretended(dry).steps == std::vector{kAnnounce, kWithdraw});
  (void)dry.overlay({});  // no answer says nothing new
  CHECK(pretended(dry).steps == std::vector{kAnnounce, kWithdraw});
  const RouteStep now{kWeb, std::nullopt};
  CHECK(pretended(dry, {.steps = {now}}).steps == std::vector{now, kWithdraw});
  (void)dry.overlay(read_with({{kWeb, "HERALD-web-healthy"}}));
  CHECK(pretended(dry).empty());
}

TEST_CASE("a dry run's fallback is told until the router holds it") {
  DryRunRoutes dry;
  const FallbackStep deny{"10.1.1.4", {.denied = {kWeb}}};
  dry.pretend(deny);
  dry.pretend(FallbackStep{"", {}});
  CHECK(pretended(dry).fallback == std::vector{deny});
  RouterView view = read_with({});
  CHECK(dry.overlay(view).fallback.at("10.1.1.4") == deny.wanted);
  view.fallback["10.1.1.4"] = deny.wanted;
  (void)dry.overlay(view);
  CHECK(pretended(dry).empty());
}
