// `heraldd --withdraw` where nothing goes wrong; where it does: random_test.cc.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/sim/last_words.h"
#include "tests/sim/random_world.h"

namespace herald::sim {
namespace {

void please_all(World& world, const Config& config) {
  for (const ServiceSpec& service : config.services) {
    for (const ProbeSpec& probe : service.probes) {
      Target& target = world.target(fmt::format("{}/{}", service.name, probe.name));
      target.mood = probe.thresholds.invert ? Target::Mood::failing : Target::Mood::up;
    }
  }
}

struct Left {
  std::size_t addresses = 0, routes = 0;

  bool operator==(const Left&) const = default;
};

Left left(const World& world) {
  Left there{0, world.router().configuration.size()};
  for (const auto& [key, entry] : world.kernel().addresses()) there.addresses += entry.ours ? 1 : 0;
  return there;
}

// After a withdrawal.
Left expected(const Config& config, Withdrawal::Vips vips) {
  Left stays;
  if (vips == Withdrawal::Vips::go) return stays;
  for (const ServiceSpec& service : config.services) {
    const bool steered = service.announce.via != Via::loopback;
    const bool kept = service.on_exit == OnExit::keep;
    if (service.announce.manage_vip && (steered || kept)) stays.addresses += service.vips.size();
    if (steered && kept) stays.routes += service.vips.size();
  }
  return stays;
}

}  // namespace

TEST_CASE("after a crash --withdraw is clean within 3 s, and a herald that follows announces anew") {
  constexpr std::uint64_t kWorlds = 100;
  for (std::uint64_t seed = 1; seed <= kWorlds; ++seed) {
    INFO("seed " << seed);
    const LastWords last_words(fmt::format("it died in the withdrawals of seed {}\n", seed));
    Plan plan = draw_plan(seed);
    for (ServiceSpec& service :
         plan.config.services) {  // what is kept for good must not end by its lease meanwhile
      if (service.announce.lease) service.announce.lease = std::max<Duration>(*service.announce.lease, 10s);
    }
    World world(seed, {.look_delay = plan.faults.look_delay, .step_delay = plan.faults.step_delay});
    please_all(world, plan.config);
    Left announced;
    for (const auto vips : {Withdrawal::Vips::stay, Withdrawal::Vips::go}) {
      world.start(plan.config);
      world.run_until(world.now() + 30s);
      if (announced == Left{}) announced = left(world);
      CHECK(left(world) == announced);
      world.crash();
      world.put_address({{"10.99.250.1/32"}, "lo"}, true, std::nullopt);
      world.configure_router({"10.99.250.2/32"}, "HERALD-old-healthy");
      world.withdraw(plan.config, vips);
      world.run_until(world.now() + 3s);
      REQUIRE_FALSE(world.withdraws());
      Left stays = expected(plan.config, vips);
      // Without a router of the configuration's nobody asks.
      if (plan.config.router.stack == Stack::none) ++stays.routes;
      CHECK(left(world) == stays);
      world.configure_router({"10.99.250.2/32"}, std::nullopt);
    }
    std::map<std::string, std::uint64_t> counts = world.counts();
    CHECK(counts["clean withdrawals"] == 2);
  }
}

}  // namespace herald::sim
