// What a reload moves, takes away or makes doubtful, while the router announces it.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/core/controller_bench.h"

namespace herald::controller_moves_test {
namespace {

const Vip kOther{"10.99.0.2/32"};

ServiceSpec by_address(const std::string& name, const Vip& vip, const std::string& probe) {
  ServiceSpec service = one_service({probe_spec(probe)}).services.front();
  service.name = name;
  service.vips = {vip};
  service.announce.lease = 30s;
  return service;
}

ServiceSpec by_route(const std::string& name, const Vip& vip, const std::string& probe) {
  ServiceSpec service = by_address(name, vip, probe);
  service.announce.via = Via::vtysh;
  service.announce.lease.reset();
  service.drain = {.delay = 0s, .linger = 30s};
  return service;
}

Config with(std::vector<ServiceSpec> services, Stack stack = Stack::frr) {
  Config config;
  config.router.stack = stack;
  config.services = std::move(services);
  return config;
}

Admin said(AdminState state, TimePoint now) {
  return {state, "", "root", now, std::nullopt};
}

bool removes(const std::vector<Effect>& effects, const Vip& vip) {
  const auto steps = of_kind<effect::Apply>(effects);
  return std::ranges::any_of(steps, [&](const effect::Apply& apply) {
    return apply.step.kind == Step::Kind::remove && apply.step.key.vip == vip;
  });
}

}  // namespace

TEST_CASE("reload: no order reaches a service that is leaving") {
  ControllerBench bench(with({by_route("web", kVip, "front"), by_route("shop", kOther, "back")}));
  bench.live(10s);
  REQUIRE(bench.router.size() == 2);
  bench.controller.configure(with({by_route("shop", kOther, "back")}), bench.now);
  bench.live(5s);
  REQUIRE(bench.router.size() == 1);
  bench.tell(event::Administer{"web (removed)", said(AdminState::force, bench.now)});
  bench.live(5s);
  CHECK(bench.router.size() == 1);
  bench.live(60s);
  CHECK(bench.kernel.size() == 1);
  CHECK(bench.controller.snapshot(bench.now).services.size() == 1);
}

TEST_CASE("reload: the old address keeps its lease until the new one is seen") {
  Config config = with({by_address("web", kVip, "front")}, Stack::none);
  ControllerBench bench(config);
  bench.live(10s);
  config.services[0].announce.interface = "dummy0";
  const auto lease_left = [&] {
    const auto found = bench.kernel.find({kVip, "lo"});
    return found == bench.kernel.end() ? Duration{} : *found->second.expires - bench.now;
  };
  SECTION("which may not be possible yet") {
    bench.missing_interface = "dummy0";
    bench.controller.configure(config, bench.now);
    for (int tens = 0; tens < 6; ++tens) {
      bench.live(10s);
      CHECK(lease_left() > 15s);
    }
    bench.missing_interface.clear();
    bench.live(10s);
    CHECK(bench.kernel.contains({kVip, "dummy0"}));
    CHECK_FALSE(bench.kernel.contains({kVip, "lo"}));
  }
  SECTION("which waits until the health is known again") {
    config.services[0].adopt_timeout = 5min;
    config.services[0].probes[0].settings = "another";
    bench.controller.configure(config, bench.now);
    for (int tens = 0; tens < 6; ++tens) {
      bench.live(10s, {{"front", Verdict::inconclusive}});
      CHECK(lease_left() > 15s);
    }
    bench.live(10s);
    CHECK(bench.kernel.contains({kVip, "dummy0"}));
    CHECK_FALSE(bench.kernel.contains({kVip, "lo"}));
  }
}

TEST_CASE("reload: what the fallback denies stays denied when its service is taken away, and is shown") {
  Config config = with({by_address("web", kVip, "front"), by_address("shop", kOther, "back")});
  config.router.fallback = FallbackLevel::deny;
  ControllerBench bench(config);
  bench.redistributed = {kVip, kOther};
  bench.live(10s);
  bench.live(20s, {{"front", Verdict::fail}});  // zebra was restarted alone: bgpd keeps what it has
  REQUIRE(bench.denied == std::set{kVip});
  config.services.erase(config.services.begin());
  bench.controller.configure(config, bench.now);
  bench.live(30min);
  CHECK(bench.denied == std::set{kVip});
  const ServiceSnapshot leaving = bench.controller.snapshot(bench.now).services.back();
  CHECK(leaving.name == "web (removed)");
  CHECK(leaving.leaving);
  CHECK(leaving.problem.value_or("").find("FALLBACK: denied to the peers") != std::string::npos);
  bench.redistributed = {kOther};
  bench.live(11s);
  CHECK(bench.denied.empty());
  CHECK(bench.controller.snapshot(bench.now).services.size() == 1);
}

TEST_CASE("reload: a removed service that the router goes on announcing is told of for a while") {
  ControllerBench bench(with({by_address("web", kVip, "front")}));
  bench.redistributed = {kVip};
  bench.live(10s);
  bench.controller.configure(with({}), bench.now);
  bench.live(9min);
  REQUIRE(bench.controller.snapshot(bench.now).services.size() == 1);
  CHECK(bench.service().problem.value_or("").find("still in frr's BGP table, advertised to 10.1.1.4") !=
        std::string::npos);
  bench.live(2min);
  CHECK(bench.controller.snapshot(bench.now).services.empty());
}

TEST_CASE("reload: a VIP that moves to a withdrawn service of which nothing is known is adopted") {
  Config config = with({by_address("web", kVip, "front"), by_address("new", kOther, "back")}, Stack::none);
  ControllerBench bench(config);
  bench.live(10s, {{"back", Verdict::fail}});
  REQUIRE(bench.kernel.size() == 1);
  config.services.erase(config.services.begin());
  config.services[0].vips = {kVip, kOther};
  config.services[0].probes[0].settings = "mended";
  bench.controller.configure(config, bench.now);
  CHECK_FALSE(removes(bench.live(10s), kVip));
  CHECK(bench.kernel.size() == 2);
  CHECK(bench.service().state == ServiceState::announced);
}

TEST_CASE("a grade that is not known any more, or not yet, stays on the wire as it is") {
  ServiceSpec web = by_route("web", kVip, "front");
  ProbeSpec cache = probe_spec("cache");
  cache.role = Role::degrade;
  cache.thresholds = {.rise = 5, .fall = 5};
  web.probes.push_back(cache);
  web.announce.attributes[1] = Attributes{.prepend = 2};
  Config config = with({web});
  ControllerBench bench(config);
  const std::map<std::string, Verdict> no_cache{{"cache", Verdict::fail}};
  bench.live(20s, no_cache);
  REQUIRE(bench.service().grade == Grade::degraded);
  bench.sent.clear();
  SECTION("after a reload that has its probe ask something else") {
    config.services[0].probes[1].settings = "another";
    bench.controller.configure(config, bench.now);
    bench.live(10s, no_cache);
    CHECK(bench.sent.empty());
    CHECK(bench.service().grade == Grade::degraded);
  }
  SECTION("after a restart") {
    ControllerBench next(config);
    next.kernel = bench.kernel;
    next.router = bench.router;
    next.live(10s, no_cache);
    CHECK(next.sent.empty());
    CHECK(next.service().grade == Grade::degraded);
  }
  SECTION("for adopt_timeout at most") {
    config.services[0].probes[1].settings = "another";
    bench.controller.configure(config, bench.now);
    bench.live(29s, {{"cache", Verdict::inconclusive}});
    CHECK(bench.sent.empty());
    CHECK(bench.service().state == ServiceState::adopting);
    CHECK(bench.service().reason == "the gate is up; its grade stays as it is until cache is known");
    bench.live(2s, {{"cache", Verdict::inconclusive}});
    CHECK(bench.service().grade == Grade::healthy);
    CHECK(bench.sent.size() == 1);
  }
}

TEST_CASE("reload: a VIP that moves to another service and another lever is adopted by its address") {
  Config config = with({by_address("web", kVip, "front")});
  config.router.fallback = FallbackLevel::deny;
  ControllerBench bench(config);
  bench.redistributed = {kVip};
  bench.live(10s);
  config.services = {by_route("www", kVip, "front")};
  bench.controller.configure(config, bench.now);
  bench.live(8s, {{"front", Verdict::inconclusive}});
  CHECK(bench.service().state == ServiceState::adopting);
  CHECK(bench.denied.empty());
  bench.live(5s);
  CHECK(bench.service().state == ServiceState::announced);
  CHECK(bench.router.contains(kVip));
}

TEST_CASE("reload: a second one during a change of lever does not forget that the address announces it") {
  Config config = with({by_address("web", kVip, "front")});
  ControllerBench bench(config);
  bench.redistributed = {kVip};
  bench.live(10s);
  config.services = {by_route("web", kVip, "front")};
  config.services[0].announce.manage_vip = false;
  bench.route_error = "bgpd refused";
  for (const std::uint32_t med : {100U, 200U}) {
    config.services[0].announce.attributes[0] = Attributes{.med = med};
    bench.controller.configure(config, bench.now);
    bench.live(3s);
    CHECK(bench.kernel.contains({kVip, "lo"}));
  }
  bench.route_error.clear();
  bench.live(10s);
  CHECK(bench.router.contains(kVip));
  CHECK(bench.kernel.empty());  // it is not herald's to manage any more
}

TEST_CASE("reload: a drain that the new lever cannot show ends, and what is dead is not announced by it") {
  Config config = with({by_route("web", kVip, "front")});
  config.services[0].announce.attributes[static_cast<std::size_t>(Grade::draining)] =
      Attributes{.prepend = 3};
  config.services[0].drain.delay = 30s;
  ControllerBench bench(config);
  bench.live(10s);
  REQUIRE(bench.service().state == ServiceState::announced);
  bench.tell(event::Administer{"web", said(AdminState::drain, bench.now)});
  bench.live(5s, {{"front", Verdict::fail}});
  REQUIRE(bench.service().state == ServiceState::draining);
  bench.controller.configure(with({by_address("web", kVip, "front")}), bench.now);
  const std::size_t steps = bench.applied.size();
  bench.live(10s, {{"front", Verdict::fail}});
  CHECK(bench.service().state == ServiceState::withdrawn);
  CHECK(bench.router.empty());
  CHECK(bench.kernel.empty());
  for (std::size_t step = steps; step < bench.applied.size(); ++step)
    CHECK(bench.applied[step].kind == Step::Kind::remove);
}

TEST_CASE("the end of a force is no withdrawal of the service's own") {
  Config config = with({by_address("web", kVip, "front")}, Stack::none);
  config.services[0].damping = Damping{};
  config.services[0].hold_down = 60s;
  ControllerBench bench(config);
  const std::map<std::string, Verdict> down{{"front", Verdict::fail}};
  bench.live(10s);
  bench.live(5s, down);
  const double penalty = bench.service().penalty;
  CHECK(penalty > 900);
  bench.tell(event::Administer{"web", said(AdminState::force, bench.now)});
  bench.live(5min, down);
  REQUIRE(bench.kernel.size() == 1);
  bench.tell(event::Administer{"web", said(AdminState::automatic, bench.now)});
  CHECK(bench.kernel.empty());
  CHECK(bench.service().penalty < penalty);
  bench.live(10s);
  CHECK(bench.service().state == ServiceState::announced);
}

namespace {

constexpr std::size_t kSharers = 6;

// The gates of all ask one target.
Config who_share_a_target() {
  Config config = with({}, Stack::none);
  config.brake = BrakeSpec{};
  for (std::size_t index = 0; index < kSharers; ++index) {
    config.services.push_back(by_address(fmt::format("s{}", index), {fmt::format("10.99.0.{}/32", index + 1)},
                                         fmt::format("p{}", index)));
    config.services.back().probes[0].target = "127.0.0.1:80";
  }
  return config;
}

// Nobody answers for so long, or until the brake holds.
void hang(ControllerBench& bench, Duration duration, bool until_held = false) {
  const TimePoint end = bench.now + duration;
  while (bench.controller.next_wakeup() <= end && !(until_held && bench.controller.brake().until())) {
    bench.now = std::max(bench.now, bench.controller.next_wakeup());
    bench.turn();
  }
}

}  // namespace

TEST_CASE("brake: a service that was refused long ago does not speak for a target that hangs now") {
  ControllerBench bench(who_share_a_target());
  bench.live(10s, {{"p5", Verdict::fail}});
  REQUIRE(bench.kernel.size() == kSharers - 1);
  hang(bench, 20s);
  CHECK(bench.controller.brake().until().has_value());
  CHECK(bench.kernel.size() == kSharers - 1);
}

TEST_CASE("brake: a hold ends in its time in a handover that lasts, too") {
  ControllerBench bench(who_share_a_target());
  bench.live(10s);
  hang(bench, 20s, true);
  REQUIRE(bench.controller.brake().until());
  const TimePoint until = *bench.controller.brake().until();
  hang(bench, until - 2s - bench.now);
  REQUIRE(bench.kernel.size() == kSharers);
  bench.step_error = "refresh: Operation not permitted";
  CHECK(of_kind<effect::Exit>(bench.tell(event::Handover{})).empty());
  bench.go_on(until - 1ns - bench.now);
  CHECK(bench.controller.brake().until());
  CHECK(std::ranges::count(bench.applied, Step::Kind::remove, &Step::kind) == 0);
  bench.step_error.clear();
  bench.go_on(1ns);
  CHECK_FALSE(bench.controller.brake().until());
  CHECK(bench.kernel.empty());
}

}  // namespace herald::controller_moves_test
