// What the controller counts of its own doing, and that it costs next to nothing.
#include "sidecar/core/counts.h"

#include <catch2/catch.hpp>
#include <chrono>

#include "tests/core/controller_bench.h"

namespace counts_test {

using namespace herald;

namespace {

CoreCounts counts_of(const ControllerBench& bench) {
  return bench.controller.snapshot(bench.now).counts;
}

TEST_CASE("counts: each word of an enumeration has its own") {
  CountBy<Verdict> verdicts;
  verdicts.count(Verdict::fail);
  verdicts.count(Verdict::fail);
  CHECK(verdicts.of(Verdict::fail) == 2);
  CHECK(verdicts.of(Verdict::pass) == 0);
  CHECK(result_of(true) == CommandResult::done);
  CHECK(result_of(false) == CommandResult::failed);
}

TEST_CASE("counts: attempts of a probe, by what they came to") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 3);
  bench.finish_next(Verdict::inconclusive, Reason::local);
  bench.finish_next(Verdict::fail, Reason::status);
  bench.finish_next(Verdict::fail, Reason::refused, 2);
  const AttemptCounts counts = bench.probe().counts;
  CHECK(counts.verdicts.of(Verdict::pass) == 3);
  CHECK(counts.verdicts.of(Verdict::inconclusive) == 1);
  CHECK(counts.verdicts.of(Verdict::fail) == 3);
  CHECK(counts.failures.of(Reason::refused) == 2);
  CHECK(counts.failures.of(Reason::status) == 1);
  CHECK(counts.failures.of(Reason::local) == 0);
  CHECK(counts.took.count() == 6);
  CHECK(counts.took.sum() == 6ms);
  CHECK(bench.probe().up == false);
}

TEST_CASE("counts: they go on over a reload, also where the probe asks another target from then on") {
  Config config = one_service({probe_spec("front")});
  ControllerBench bench(config);
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 3);
  const auto turned = bench.service().turned;
  CHECK(turned.of(ServiceState::announced) == 1);
  config.services[0].probes[0].thresholds.fall = 7;
  bench.controller.configure(config, bench.now);
  bench.turn();
  CHECK(bench.probe().counts.verdicts.of(Verdict::pass) == 3);
  config.services[0].probes[0].settings = "{\"other\": true}";
  bench.controller.configure(config, bench.now);
  bench.turn();
  CHECK(bench.probe().state == ProbeState::unknown);
  CHECK(bench.probe().up == std::nullopt);
  CHECK(bench.probe().counts.verdicts.of(Verdict::pass) == 3);
  CHECK(bench.service().turned.of(ServiceState::announced) >= 1);
  CHECK(counts_of(bench).addresses[0].of(CommandResult::done) == 1);
}

TEST_CASE("counts: from the first failed attempt to the decision, and from that to its proof") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.finish_next(Verdict::fail, Reason::refused);
  bench.finish_next(Verdict::pass);  // which was no outage
  CHECK(counts_of(bench).detection.count() == 0);
  const RunId first = bench.next_start();
  const TimePoint began = bench.now;
  bench.now += 40ms;
  bench.tell(event::ProbeFinished{first, {Verdict::fail, Reason::refused, "", 40ms}, {began, bench.now, {}}});
  bench.finish_next(Verdict::fail, Reason::refused);
  CHECK(bench.kernel.empty());
  CHECK(counts_of(bench).detection.count() == 1);
  CHECK(counts_of(bench).detection.sum() == bench.now - began);
  bench.finish_next(Verdict::fail, Reason::refused, 3);
  CHECK(counts_of(bench).detection.count() == 1);
  const CoreCounts counts = counts_of(bench);
  CHECK(counts.carrying_out_of(Via::loopback, Direction::announce).count() == 1);
  CHECK(counts.carrying_out_of(Via::loopback, Direction::withdraw).count() == 1);
  CHECK(counts.carrying_out_of(Via::vtysh, Direction::withdraw).count() == 0);
  CHECK(counts.addresses[0].of(CommandResult::done) == 1);
  CHECK(counts.addresses[2].of(CommandResult::done) == 1);
}

TEST_CASE("counts: of several gates, the one that failed last has tipped it") {
  Config config = one_service({probe_spec("front"), probe_spec("back")});
  config.services[0].require.kind = Require::Kind::any;
  ControllerBench bench(config);
  bench.turn();
  bench.live(5s);
  bench.live(1min, {{"front", Verdict::fail}});
  CHECK(counts_of(bench).detection.count() == 0);
  bench.live(5s, {{"front", Verdict::fail}, {"back", Verdict::fail}});
  REQUIRE(counts_of(bench).detection.count() == 1);
  CHECK(counts_of(bench).detection.sum() < 5s);
}

TEST_CASE("counts: an operator's word is no outage, and an end that is there already is not waited for") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.live(3s);
  bench.tell(event::Administer{"web", {AdminState::drain, "", "root", bench.now, std::nullopt}});
  CHECK(bench.kernel.empty());
  CHECK(counts_of(bench).detection.count() == 0);
  CHECK(counts_of(bench).carrying_out_of(Via::loopback, Direction::withdraw).count() == 1);

  ControllerBench adopted(one_service({probe_spec("front")}));
  adopted.kernel[{kVip, "lo"}] = {{kVip, "lo"}, true, std::nullopt};
  adopted.turn();
  adopted.live(3s);
  CHECK(adopted.service().state == ServiceState::announced);
  CHECK(counts_of(adopted).carrying_out_of(Via::loopback, Direction::announce).count() == 0);
}

// 1 µs an attempt is what is allowed; 20 times as much would be a mistake of another kind, on any machine.
TEST_CASE("counts: an attempt's cost") {
  constexpr int kTimes = 100'000;
  AttemptCounts counts;
  const auto begun = std::chrono::steady_clock::now();
  for (int time = 0; time < kTimes; ++time) {
    counts.verdicts.count(Verdict::fail);
    counts.failures.count(Reason::refused);
    counts.took.record(Duration{time * 1000});
  }
  const auto each = (std::chrono::steady_clock::now() - begun) / kTimes;
  CHECK(counts.took.count() == kTimes);
  INFO(std::chrono::nanoseconds(each).count() << " ns");
  CHECK(each < std::chrono::microseconds(20));
}

}  // namespace
}  // namespace counts_test
