// Who the probes are, when they are due, and what an end of an attempt means to others.
#include "sidecar/core/probe/probe_fleet.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace herald::probe_fleet_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};
const ProbeResult kPass{Verdict::pass, Reason::none, "yes", 1ms};
const ProbeResult kFail{Verdict::fail, Reason::refused, "no", 1ms};
const ProbeResult kTimeout{Verdict::fail, Reason::timeout, "nothing", 1ms};

ProbeSpec spec(const std::string& name, std::string target = "10.0.0.1:80") {
  ProbeSpec probe;
  probe.name = name;
  probe.type = "tcp";
  probe.timing.jitter = 0;
  probe.thresholds = {.rise = 1, .fall = 1};
  probe.target = std::move(target);
  probe.settings = probe.target;
  return probe;
}

template <typename Kind>
std::vector<Kind> of_kind(const std::vector<Effect>& effects) {
  std::vector<Kind> all;
  for (const Effect& effect : effects) {
    if (const auto* one = std::get_if<Kind>(&effect)) all.push_back(*one);
  }
  return all;
}

// One probe a service.
class Bench {
 public:
  explicit Bench(std::vector<ProbeSpec> probes) { configure(std::move(probes), {}); }

  ProbeFleet::Reconfigured configure(std::vector<ProbeSpec> probes,
                                     const std::vector<std::optional<std::size_t>>& before) {
    fleet.finish_expired(now);
    specs = std::move(probes);
    std::vector<ProbeFleet::Wanted> wanted;
    std::vector<std::string> services;
    for (std::size_t index = 0; index < specs.size(); ++index) {
      wanted.push_back({&specs[index], index, before.empty() ? std::nullopt : before[index]});
      services.push_back("service" + std::to_string(index));
    }
    return fleet.reconfigure(wanted, services, now);
  }
  // Goes on until an attempt of that probe starts.
  RunId next_start(ProbeId probe = ProbeId{0}) {
    for (int turn = 0; turn < 1000; ++turn) {
      now = std::max(now, *fleet.next_due());
      for (const auto& start : of_kind<effect::StartProbe>(fleet.due(now))) {
        if (start.probe == probe) return start.run;
      }
    }
    FAIL("no attempt of it starts");
    return {};
  }

  ProbeFleet::Outcome finish(RunId run, const ProbeResult& result) {
    return fleet.finish({run, result, {now, now, {}}}, now);
  }
  // It had all the time until now.
  ProbeFleet::Outcome finish_cancelled(RunId run) {
    return fleet.finish_cancelled({run, "connecting", {TimePoint{}, now, {}}}, now);
  }

  std::vector<ProbeSpec> specs;
  TimePoint now = kStart;
  ProbeFleet fleet{1};
};

}  // namespace

TEST_CASE("an end of an attempt is told once, and only what changes something is news") {
  Bench bench({spec("front")});
  RunId run = bench.next_start();
  auto outcome = bench.finish(run, kPass);
  CHECK(outcome.news == std::vector<std::size_t>{0});
  auto turned = of_kind<effect::Transition>(outcome.effects);
  REQUIRE(turned.size() == 1);
  CHECK(to_string(turned[0]) == "service0/front: unknown -> up: yes");
  CHECK(bench.finish(run, kFail).effects.empty());  // late: that run is over
  CHECK(bench.fleet.run(0).tracker().output() == HealthTracker::Output::up);

  run = bench.next_start();
  outcome = bench.finish(run, kPass);
  CHECK(outcome.news.empty());
  CHECK(outcome.answered.empty());
  CHECK(outcome.effects.empty());

  outcome = bench.finish(bench.next_start(), kFail);
  CHECK(outcome.answered == std::vector<std::size_t>{0});
  turned = of_kind<effect::Transition>(outcome.effects);
  REQUIRE(turned.size() == 1);
  CHECK(to_string(turned[0]) == "service0/front: up -> down: refused: no");
  CHECK(bench.finish(bench.next_start(), kTimeout).answered.empty());
}

TEST_CASE("past its deadline an attempt is cancelled, and ends by its word or without one") {
  Bench bench({spec("front")});
  const RunId run = bench.next_start();
  const TimePoint deadline = bench.now + bench.specs[0].timing.timeout;
  while (bench.now < deadline) {  // in between only the pulse beats
    bench.now = *bench.fleet.next_due();
    if (bench.now < deadline) CHECK(bench.fleet.due(bench.now).empty());
  }
  CHECK(bench.now == deadline);
  const auto cancelled = of_kind<effect::CancelProbe>(bench.fleet.due(bench.now));
  REQUIRE(cancelled.size() == 1);
  CHECK(cancelled[0].run == run);
  CHECK(bench.fleet.finish_expired(bench.now).effects.empty());
  SECTION("by its word") {
    const auto outcome = bench.finish_cancelled(run);
    REQUIRE(outcome.effects.size() == 1);
    CHECK(bench.fleet.run(0).last().detail.ends_with(": connecting"));
    CHECK(bench.fleet.run(0).last().reason == Reason::timeout);
  }
  SECTION("by its result, where it had just ended") {
    CHECK(bench.finish(run, kPass).effects.size() == 1);
    CHECK(bench.fleet.run(0).last() == kPass);
    CHECK(bench.finish_cancelled(run).effects.empty());
  }
  SECTION("without one") {
    bench.now += ProbeRun::kWordAwaited;
    CHECK(bench.fleet.finish_expired(bench.now).news.size() == 1);
    CHECK(bench.finish_cancelled(run).effects.empty());
    CHECK(bench.fleet.run(0).last().reason == Reason::late);
  }
  SECTION("the word is awaited across a reload") {
    bench.configure({spec("front"), spec("new")}, {0, std::nullopt});
    CHECK(bench.finish_cancelled(run).effects.size() == 1);
    CHECK(bench.fleet.run(0).last().reason == Reason::timeout);
  }
  SECTION("not of another target") {
    const auto done = bench.configure({spec("front", "10.0.0.2:80")}, {0});
    CHECK(of_kind<effect::CancelProbe>(done.effects).empty());  // it was cancelled already
    CHECK(bench.finish_cancelled(run).effects.empty());
    bench.next_start();
  }
  bench.now += ProbeRun::kWordAwaited;
  CHECK(bench.fleet.finish_expired(bench.now).effects.empty());
}

TEST_CASE("ids outlast a reload, and new probes get the lowest that are free") {
  Bench bench({spec("a"), spec("b"), spec("c")});
  REQUIRE(bench.fleet.id_limit() == 3);
  const RunId run = bench.next_start(ProbeId{2});
  const auto done = bench.configure({spec("c"), spec("new"), spec("d")}, {2, std::nullopt, std::nullopt});
  CHECK(bench.fleet.id(0) == ProbeId{2});
  CHECK(bench.fleet.id(1) == ProbeId{0});
  CHECK(bench.fleet.id(2) == ProbeId{1});
  CHECK(bench.fleet.place(ProbeId{2}) == 0);
  CHECK(done.remade == std::vector{ProbeId{0}, ProbeId{1}});
  CHECK(done.doubted == std::vector<bool>{false, true, true});
  const auto outcome = bench.finish(run, kPass);  // begun before, and goes on
  const auto turned = of_kind<effect::Transition>(outcome.effects);
  REQUIRE(turned.size() == 1);
  CHECK(turned[0].service == "service0");
}

TEST_CASE("a reload that asks another target cancels the attempt and forgets what was known") {
  Bench bench({spec("front")});
  bench.finish(bench.next_start(), kPass);
  const RunId run = bench.next_start();
  const auto done = bench.configure({spec("front", "10.0.0.2:80")}, {0});
  CHECK(done.doubted == std::vector<bool>{true});
  CHECK(done.remade == std::vector{ProbeId{0}});
  REQUIRE(done.effects.size() == 2);
  CHECK(std::get<effect::CancelProbe>(done.effects[0]).run == run);
  CHECK(to_string(std::get<effect::Transition>(done.effects[1])) ==
        "service0/front: up -> unknown: it has another target");
  CHECK(bench.finish(run, kPass).effects.empty());
}

TEST_CASE("after a stall, what is known of a service that has lapsed is forgotten") {
  Bench bench({spec("a"), spec("b")});
  bench.finish(bench.next_start(ProbeId{0}), kPass);
  bench.finish(bench.next_start(ProbeId{1}), kPass);
  const auto outcome = bench.fleet.forget_old({false, true}, "it slept", bench.now);
  CHECK(outcome.news == std::vector<std::size_t>{1});
  REQUIRE(outcome.effects.size() == 1);
  CHECK(to_string(std::get<effect::Transition>(outcome.effects[0])) == "service1/b: up -> unknown: it slept");
  CHECK(bench.fleet.run(0).tracker().output() == HealthTracker::Output::up);
}

TEST_CASE("who asks for an attempt is answered once, also when there is none to be had") {
  Bench bench({spec("front")});
  const auto started = of_kind<effect::StartAside>(bench.fleet.ask({ProbeId{0}, 7, false}, bench.now));
  REQUIRE(started.size() == 1);
  CHECK(bench.fleet.is_asked());
  auto answers = of_kind<effect::Probed>(bench.finish(started[0].run, kFail).effects);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].ticket == 7);
  CHECK_FALSE(bench.fleet.is_asked());
  CHECK(bench.fleet.run(0).snapshot().runs == 0);

  answers = of_kind<effect::Probed>(bench.fleet.ask({ProbeId{5}, 8, false}, bench.now));
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].result.verdict == Verdict::inconclusive);

  CHECK(bench.fleet.ask({ProbeId{0}, 9, true}, bench.now).empty());
  CHECK(*bench.fleet.next_due() == bench.now);
  answers = of_kind<effect::Probed>(bench.finish(bench.next_start(), kPass).effects);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].ticket == 9);
}

TEST_CASE("a nudged attempt begins in the same turn, and the transition says by what it was nudged") {
  Bench bench({spec("front")});
  bench.finish(bench.next_start(), kPass);
  bench.now += 50ms;
  REQUIRE(*bench.fleet.next_due() > bench.now);
  bench.fleet.nudge({ProbeId{0}, Nudge::listener_gone}, bench.now);
  bench.fleet.nudge({ProbeId{7}, Nudge::listener_gone}, bench.now);  // no such probe
  const auto started = of_kind<effect::StartProbe>(bench.fleet.due(bench.now));
  REQUIRE(started.size() == 1);
  const auto told = of_kind<effect::Transition>(bench.finish(started[0].run, kFail).effects);
  REQUIRE(told.size() == 1);
  CHECK(told[0].reason == "refused: no; nudged: listener gone");
}

TEST_CASE("stopped, it cancels what is in flight, answers who has asked, and starts nothing any more") {
  Bench bench({spec("front")});
  const RunId run = bench.next_start();
  bench.fleet.ask({ProbeId{0}, 7, false}, bench.now);
  const auto effects = bench.fleet.stop();
  const auto cancelled = of_kind<effect::CancelProbe>(effects);
  REQUIRE(cancelled.size() == 2);
  CHECK(cancelled[1].run == run);
  CHECK(of_kind<effect::Probed>(effects).size() == 1);
  CHECK(bench.fleet.due(bench.now + 1h).empty());
  CHECK_FALSE(bench.fleet.next_due());
  CHECK(bench.finish(run, kPass).news.empty());
}

}  // namespace herald::probe_fleet_test
