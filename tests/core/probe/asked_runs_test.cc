#include "sidecar/core/probe/asked_runs.h"

#include <catch2/catch.hpp>

#include "tests/core/controller_bench.h"

namespace herald::asked_runs_test {
namespace {

const ProbeId kFront{0};
const ProbeResult kFail{Verdict::fail, Reason::refused, "no", 1ms};
const ProbeResult kPass{Verdict::pass, Reason::none, "yes", 1ms};

std::vector<effect::Probed> answers(const std::vector<Effect>& effects) {
  return of_kind<effect::Probed>(effects);
}

ControllerBench announced() {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  return bench;
}

RunId start_aside(ControllerBench& bench, std::uint64_t ticket = 7) {
  const auto started = of_kind<effect::StartAside>(bench.tell(event::ProbeNow{kFront, ticket, false}));
  REQUIRE(started.size() == 1);
  CHECK(started[0].probe == kFront);
  return started[0].run;
}

}  // namespace

TEST_CASE("an attempt beside the probe's own is answered at once and changes nothing") {
  ControllerBench bench = announced();
  const TimePoint next = *bench.probe().next_run;
  for (std::uint64_t ticket = 1; ticket <= 5; ++ticket) {
    const RunId run = start_aside(bench, ticket);
    const auto answer = answers(bench.tell(event::ProbeFinished{run, kFail, {}}));
    REQUIRE(answer.size() == 1);
    CHECK(answer[0].ticket == ticket);
    CHECK(answer[0].result == kFail);
    CHECK(bench.tell(event::ProbeFinished{run, kFail, {}}).empty());  // late
  }
  CHECK(bench.probe().failures == 0);
  CHECK(bench.probe().next_run == next);
  CHECK(bench.service().state == ServiceState::announced);
}

TEST_CASE("an attempt beside the probe's own has the same deadline") {
  ControllerBench bench = announced();
  bench.answers_cancels = false;
  const RunId run = start_aside(bench);
  const TimePoint began = bench.now;
  const TimePoint deadline = bench.now + probe_spec("").timing.timeout;
  bench.go_on(deadline - bench.now - 1ms);
  bench.now = deadline;
  SECTION("its stage is told") {
    std::vector<effect::Probed> answer;
    for (const Effect& effect : bench.controller.decide(bench.now)) {
      const auto* cancelled = std::get_if<effect::CancelProbe>(&effect);
      if (cancelled != nullptr && cancelled->run == run)
        answer = answers(bench.tell(event::ProbeStage{run, "connecting", {began, bench.now, {}}}));
    }
    REQUIRE(answer.size() == 1);
    CHECK(answer[0].result.reason == Reason::timeout);
    CHECK(answer[0].result.detail == "no result within 800 ms: connecting");
  }
  SECTION("its stage is lost") {
    CHECK(answers(bench.go_on(1s - 1ns)).empty());
    const auto answer = answers(bench.go_on(1ns));
    REQUIRE(answer.size() == 1);
    CHECK(answer[0].result.verdict == Verdict::inconclusive);
  }
  CHECK(answers(bench.go_on(5s)).empty());
}

TEST_CASE("an attempt that counts is the probe's next one, at once") {
  ControllerBench bench = announced();
  REQUIRE(*bench.probe().next_run > bench.now + 100ms);
  auto effects = bench.tell(event::ProbeNow{kFront, 7, true});
  auto started = of_kind<effect::StartProbe>(effects);
  REQUIRE(started.size() == 1);
  SECTION("idle before") {
    const auto answer = answers(bench.tell(event::ProbeFinished{started[0].run, kFail, {}}));
    REQUIRE(answer.size() == 1);
    CHECK(answer[0].ticket == 7);
    CHECK(bench.probe().failures == 1);
  }
  SECTION("of one in flight the next is meant") {
    effects = bench.tell(event::ProbeNow{kFront, 8, true});
    CHECK(effects.empty());
    effects = bench.tell(event::ProbeFinished{started[0].run, kFail, {}});
    REQUIRE(answers(effects).size() == 1);
    CHECK(answers(effects)[0].ticket == 7);
    started = of_kind<effect::StartProbe>(effects);
    REQUIRE(started.size() == 1);
    effects = bench.tell(event::ProbeFinished{started[0].run, kPass, {}});
    REQUIRE(answers(effects).size() == 1);
    CHECK(answers(effects)[0].ticket == 8);
    CHECK(answers(effects)[0].result == kPass);
  }
}

TEST_CASE("asking again and again does not put off the attempts that come by themselves") {
  ControllerBench bench = announced();
  for (std::uint64_t ticket = 1; ticket <= 20; ++ticket) {
    const auto started = of_kind<effect::StartProbe>(bench.tell(event::ProbeNow{kFront, ticket, true}));
    REQUIRE(started.size() == 1);
    bench.tell(event::ProbeFinished{started[0].run, kPass, {}});
  }
  CHECK(bench.probe().runs == 22);
  REQUIRE(bench.probe().next_run);
  CHECK(*bench.probe().next_run <= bench.now + probe_spec("").timing.interval);
}

TEST_CASE("what is asked for is bounded, and a stop answers all") {
  ControllerBench bench = announced();
  bench.controller.handle(event::ProbeNow{kFront, 1, true}, bench.now);
  std::uint64_t ticket = 1;
  for (std::size_t i = 0; i < AskedRuns::kMost; ++i)
    bench.controller.handle(event::ProbeNow{kFront, ++ticket, false}, bench.now);
  CHECK(answers(bench.turn()).empty());
  const auto refused = answers(bench.tell(event::ProbeNow{kFront, 9999, false}));
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].result.detail == "too many attempts were asked for");
  CHECK(answers(bench.tell(event::ProbeNow{ProbeId{5}, 9998, false})).size() == 1);

  const auto stopped = bench.tell(event::Stop{});
  CHECK(answers(stopped).size() == AskedRuns::kMost + 1);
  CHECK(of_kind<effect::CancelProbe>(stopped).size() >= AskedRuns::kMost);
  CHECK(answers(bench.tell(event::ProbeNow{kFront, 1, false}))[0].result.detail == "herald stops");
}

}  // namespace herald::asked_runs_test
