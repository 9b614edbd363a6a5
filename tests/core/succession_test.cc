// Another configuration while it runs.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/core/controller_bench.h"

namespace herald::succession_test {
namespace {

const Vip kOther{"10.99.0.2/32"};

ServiceSpec named(const std::string& name, const Vip& vip) {
  ServiceSpec service = one_service({probe_spec("front")}).services.front();
  service.name = name;
  service.vips = {vip};
  return service;
}

Config two_services() {
  Config config;
  config.services = {named("web", kVip), named("shop", kOther)};
  return config;
}

// Both announced.
ControllerBench announced(Config config) {
  ControllerBench bench(std::move(config));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 8);
  REQUIRE(bench.kernel.size() == 2);
  bench.applied.clear();
  return bench;
}

ServiceSnapshot shown(ControllerBench& bench, std::size_t index) {
  return bench.controller.snapshot(bench.now).services.at(index);
}

}  // namespace

TEST_CASE("reload: what is not mentioned keeps its counters, its times and its attempt in flight") {
  ControllerBench bench = announced(two_services());
  RunId running{};
  ProbeId probe{};
  while (shown(bench, 1).probes.front().next_run) {
    for (const auto& start : of_kind<effect::StartProbe>(bench.turn())) {
      running = start.run;
      probe = start.probe;
    }
    bench.now = std::max(bench.now, bench.controller.next_wakeup());
  }
  Config next = two_services();
  next.services.erase(next.services.begin());
  const ProbeSnapshot before = shown(bench, 1).probes.front();
  const auto done = bench.controller.configure(next, bench.now);
  CHECK(done.remade.empty());
  CHECK_FALSE(done.rewired);
  REQUIRE(bench.controller.probe_count() == 1);
  CHECK(bench.controller.probe_id(0) == probe);
  CHECK(shown(bench, 0).name == "shop");
  CHECK(shown(bench, 0).probes.front().passes == before.passes);
  bench.turn();
  CHECK(bench.kernel.size() == 1);  // the other one is a leftover
  bench.tell(event::ProbeFinished{running, {Verdict::pass, Reason::none, "", 1ms}});
  CHECK(shown(bench, 0).probes.front().passes == before.passes + 1);
  CHECK(shown(bench, 0).state == ServiceState::announced);
}

TEST_CASE("reload: other thresholds judge what was counted; another target is unknown, and holds") {
  ControllerBench bench = announced(two_services());
  Config next = two_services();
  next.services[0].probes[0].thresholds.fall = 1;
  next.services[1].probes[0].settings = "another";
  const auto done = bench.controller.configure(next, bench.now);
  REQUIRE(done.remade == std::vector{bench.controller.probe_id(1)});
  const auto told = of_kind<effect::Transition>(bench.turn());
  REQUIRE(told.size() == 2);
  CHECK(to_string(told[0]) == "shop/front: up -> unknown: it has another target");
  CHECK(to_string(told[1]) ==
        "shop: announced -> adopting: found announced; waiting for front: no result yet");
  CHECK(shown(bench, 0).probes.front().passes > 0);
  CHECK(bench.applied.empty());
  SECTION("until adopt_timeout at most") {
    while (shown(bench, 1).state == ServiceState::adopting)
      bench.tell(event::ProbeFinished{bench.next_start(), {Verdict::inconclusive, Reason::resolve, "", 1ms}});
    CHECK(shown(bench, 1).state == ServiceState::withdrawn);
    CHECK(std::ranges::any_of(shown(bench, 1).transitions, [](const auto& transition) {
      return transition.reason.starts_with("nothing conclusive within adopt_timeout");
    }));
  }
  SECTION("one failure is enough by the new thresholds") {
    bench.finish_next(Verdict::fail, Reason::refused, 1);
    bench.finish_next(Verdict::fail, Reason::refused, 1);
    CHECK(shown(bench, 0).state == ServiceState::withdrawn);
  }
}

TEST_CASE("reload: a VIP that another service takes over is adopted, not moved") {
  ControllerBench bench = announced(two_services());
  Config next = two_services();
  next.services[1].name = "store";
  bench.controller.configure(next, bench.now);
  bench.turn();
  CHECK(shown(bench, 1).name == "store");
  CHECK(shown(bench, 1).state == ServiceState::adopting);
  bench.finish_next(Verdict::pass, Reason::none, 8);
  CHECK(shown(bench, 1).state == ServiceState::announced);
  CHECK(bench.applied.empty());
}

TEST_CASE("reload: a lease that is shorter now is renewed at once") {
  Config config = two_services();
  for (ServiceSpec& service : config.services) service.announce.lease = 1h;
  ControllerBench bench = announced(config);
  config.services[0].announce.lease = 30s;
  bench.controller.configure(config, bench.now);
  bench.turn();
  REQUIRE(bench.applied.size() == 1);
  CHECK(to_string(bench.applied[0]) == "refresh 10.99.0.1/32 on lo, lease 30 s");
}

TEST_CASE("reload: a drain that was kept for a name is in force before anything is decided") {
  ControllerBench bench = announced(two_services());
  Config next = two_services();
  next.services[1].name = "store";
  bench.controller.configure(next, bench.now);
  bench.tell(event::Administer{"store", {AdminState::drain, "", "root", bench.now - 1h, std::nullopt}});
  CHECK(shown(bench, 1).admin.state == AdminState::drain);
  CHECK(shown(bench, 1).state == ServiceState::withdrawn);
  CHECK(bench.kernel.size() == 1);
}

TEST_CASE("reload: a new interval does not wait for the old one") {
  Config config = two_services();
  for (ServiceSpec& service : config.services) service.probes[0].timing.interval = 1h;
  ControllerBench bench = announced(config);
  config.services[0].probes[0].timing.interval = 2s;
  bench.controller.configure(config, bench.now);
  REQUIRE(shown(bench, 0).probes.front().next_run);
  CHECK(*shown(bench, 0).probes.front().next_run <= bench.now + 2s);
  CHECK(bench.controller.next_wakeup() >= TimePoint{});
}

}  // namespace herald::succession_test
