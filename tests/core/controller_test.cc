#include "sidecar/core/controller.h"

#include <catch2/catch.hpp>

#include "tests/core/controller_bench.h"

namespace herald::controller_test {

TEST_CASE("a service is announced after rise passes and withdrawn after fall failures, in the same turn") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.finish_next(Verdict::pass);
  CHECK(bench.kernel.empty());
  const auto up = bench.finish_next(Verdict::pass);
  CHECK(of_kind<effect::Apply>(up).size() == 1);
  CHECK(bench.kernel.contains({kVip, "lo"}));
  CHECK(bench.service().state == ServiceState::announced);
  bench.finish_next(Verdict::fail, Reason::refused);
  CHECK(bench.service().state == ServiceState::announced);
  const auto down = bench.finish_next(Verdict::fail, Reason::refused);
  CHECK(bench.kernel.empty());
  const auto told = of_kind<effect::Transition>(down);
  REQUIRE(told.size() == 3);
  CHECK(told[0].probe == "front");
  CHECK(told[0].reason == "refused: fail");
  CHECK(told[1].to == "withdrawing");
  CHECK(told[2].to == "withdrawn");
}

TEST_CASE("a transition says how long it was as before, and whose word has ended") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  const auto up = of_kind<effect::Transition>(bench.finish_next(Verdict::pass, Reason::none, 2));
  REQUIRE_FALSE(up.empty());
  CHECK(up[0].subject == Subject::probe);
  const TimePoint turned = bench.now;
  bench.go_on(300ms);
  const Admin admin{AdminState::drain, "update", "root", bench.now, bench.now + 200ms};
  const auto drained = of_kind<effect::Transition>(bench.tell(event::Administer{"web", admin}));
  REQUIRE(drained.size() >= 2);
  CHECK(to_string(drained[0]) == "web: admin auto -> drain: by root: update");
  CHECK(drained[0].lasted == bench.now - kStart);
  CHECK(drained[1].subject == Subject::state);
  CHECK(drained[1].lasted == bench.now - turned);

  const auto over = of_kind<effect::Transition>(bench.go_on(200ms));
  REQUIRE_FALSE(over.empty());
  CHECK(to_string(over[0]) == "web: admin drain -> auto: its time is over; it was by root: update");
  CHECK(over[0].lasted == 200ms);
  CHECK(bench.service().transitions.back().to == "announced");
}

TEST_CASE("a word of before this start is no transition, unless its time is over") {
  const Admin drain{AdminState::drain, "update", "root", kStart - 1h, std::nullopt};
  ControllerBench bench(one_service({probe_spec("front")}));
  const auto told = bench.tell(event::Administer{"web", drain});
  CHECK(of_kind<effect::Notice>(told)[0].text == "admin is still drain, by root: update");
  CHECK(of_kind<effect::Transition>(told)[0].subject == Subject::state);

  Admin over = drain;
  over.expires = kStart - 30min;
  ControllerBench other(one_service({probe_spec("front")}));
  const auto ended = of_kind<effect::Transition>(other.tell(event::Administer{"web", over}));
  CHECK(to_string(ended[0]) == "web: admin drain -> auto: its time is over; it was by root: update");
  CHECK(ended[0].lasted == 1h);
}

TEST_CASE("what turns without having been pending acts in the same turn too: rise 1, fall 1, hard_fail") {
  ProbeSpec one = probe_spec("front");
  one.thresholds = {.rise = 1, .fall = 1};
  ControllerBench single(one_service({one}));
  single.turn();
  single.finish_next(Verdict::pass);
  CHECK(single.kernel.size() == 1);
  single.finish_next(Verdict::fail, Reason::refused);
  CHECK(single.kernel.empty());
  single.finish_next(Verdict::pass);
  CHECK(single.kernel.size() == 1);

  ProbeSpec hard = probe_spec("front");
  hard.thresholds.hard_fail = {Reason::status};
  ControllerBench bench(one_service({hard}));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  CHECK(bench.kernel.size() == 1);
  bench.finish_next(Verdict::fail, Reason::status);
  CHECK(bench.kernel.empty());
}

TEST_CASE("a late answer changes nothing") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  const RunId first = bench.next_start();
  bench.tell(event::ProbeFinished{first, {Verdict::pass, Reason::none, "200", 1ms}});
  CHECK(bench.probe().passes == 1);
  const auto unchanged = [&](RunId run) {
    const ProbeSnapshot before = bench.probe();
    CHECK(bench.tell(event::ProbeFinished{run, {Verdict::fail, Reason::refused, "late", 1ms}, {}}).empty());
    CHECK(bench.tell(event::ProbeStage{run, "late", {}}).empty());
    CHECK(bench.probe().passes == before.passes);
    CHECK(bench.probe().failures == before.failures);
    CHECK(bench.probe().last == before.last);
  };
  unchanged(first);  // told twice
  const RunId second = bench.next_start();
  unchanged(first);  // while another is in flight
  CHECK(bench.tell(event::ProbeStage{second, "not asked for", {}}).empty());
  unchanged(RunId{0});
  unchanged(RunId{~0ULL});
  unchanged(RunId{static_cast<std::uint64_t>(second) + 1});
  bench.tell(event::ProbeFinished{second, {Verdict::pass, Reason::none, "200", 1ms}});
  CHECK(bench.probe().passes == 2);
}

TEST_CASE("the deadline has two phases: the attempt is cancelled, and its worker says how it went") {
  ProbeSpec probe = probe_spec("front");
  probe.thresholds.fall = 1;
  ControllerBench bench(one_service({probe}));
  bench.answers_cancels = false;
  bench.turn();
  const RunId run = bench.next_start();
  const Ran ran{bench.now, bench.now + 800ms, {}};
  CHECK(of_kind<effect::CancelProbe>(bench.go_on(800ms - 1ns)).empty());
  bench.now += 1ns;
  const std::vector<Effect> effects = bench.controller.decide(bench.now);
  const auto cancelled = of_kind<effect::CancelProbe>(effects);
  REQUIRE(cancelled.size() == 1);
  CHECK(cancelled[0].run == run);
  CHECK(bench.controller.next_wakeup() > bench.now);

  SECTION("the stage is told") {
    const auto told = of_kind<effect::Transition>(bench.tell(event::ProbeStage{run, "connecting", ran}));
    REQUIRE(told.size() == 1);
    CHECK(told[0].reason == "timeout: no result within 800 ms: connecting");
    CHECK(bench.probe().state == ProbeState::down);
  }
  SECTION("it is told half a second later") {
    CHECK(of_kind<effect::StartProbe>(bench.go_on(500ms)).empty());
    bench.tell(event::ProbeStage{run, "connecting", ran});
    CHECK(bench.probe().state == ProbeState::down);
  }
  SECTION("it is not told at all: nothing is known of the target") {
    bench.go_on(1s - 1ns);
    CHECK(bench.probe().inconclusive == 0);
    bench.go_on(1ns);
    CHECK(bench.probe().inconclusive == 1);
    CHECK(bench.probe().last.detail == "the worker that ran it does not answer");
    CHECK(bench.probe().state == ProbeState::unknown);
    CHECK(of_kind<effect::StartProbe>(bench.go_on(2s)).size() >= 1);
  }
  SECTION("it had just ended: its result counts by when that was") {
    bench.controller.handle(event::ProbeFinished{run, {Verdict::pass, Reason::none, "200", 800ms}, ran},
                            bench.now);
    bench.controller.handle(event::ProbeStage{run, "reading", ran}, bench.now);  // of a run that is over
    bench.turn();
    CHECK(bench.probe().last.detail == "200");
    CHECK(bench.probe().passes == 1);
  }
  SECTION("it ended, but after its deadline") {
    const Ran longer{ran.began, ran.ended + 1ms, {}};
    bench.now += 1ms;
    bench.tell(event::ProbeFinished{run, {Verdict::pass, Reason::none, "200", 801ms}, longer});
    CHECK(bench.probe().last.detail == "no result within 800 ms: it came after 801 ms");
    CHECK(bench.probe().state == ProbeState::down);
  }
  CHECK(bench.controller.next_wakeup() > bench.now);
}

TEST_CASE("heraldd that sleeps half of the time withdraws a service that hangs") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.live(3s);
  REQUIRE(bench.kernel.size() == 1);
  const TimePoint end = bench.now + 10s;
  while (bench.now < end && !bench.kernel.empty()) {
    bench.now = std::max(bench.controller.next_wakeup(), bench.now + 500ms);  // it is stopped, and goes on
    bench.turn();
  }
  CHECK(bench.kernel.empty());
  CHECK(bench.now < end);
}

TEST_CASE(
    "an attempt that has just been cut off may be the first that says anything: adopt_timeout waits for it") {
  Config config = one_service({probe_spec("front")});
  ControllerBench first(config);
  first.turn();
  first.next_start();
  config.services.front().adopt_timeout = first.now + 800ms - kStart;  // the very moment of its deadline
  ControllerBench bench(config);
  bench.kernel[{kVip, "lo"}] = {{kVip, "lo"}, true, std::nullopt};
  bench.turn();
  bench.next_start();
  bench.go_on(800ms);
  CHECK(bench.probe().failures == 1);
  CHECK(bench.service().state == ServiceState::adopting);
  bench.go_on(2s);
  CHECK(bench.kernel.empty());  // after a full `fall`

  SECTION("but not for one that has nothing to say") {
    ControllerBench other(config);
    other.kernel[{kVip, "lo"}] = {{kVip, "lo"}, true, std::nullopt};
    other.turn();
    other.tell(event::ProbeFinished{other.next_start(), {Verdict::inconclusive, Reason::local, "", 1ms}});
    other.go_on(config.services.front().adopt_timeout - (other.now - kStart));
    CHECK(other.kernel.empty());
  }
}

TEST_CASE("a result that comes in the turn of its deadline counts, if it is told before") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  const RunId run = bench.next_start();
  bench.go_on(800ms - 1ns);
  bench.now += 1ns;
  const auto effects = bench.tell(event::ProbeFinished{run, {Verdict::pass, Reason::none, "200", 800ms}});
  CHECK(of_kind<effect::CancelProbe>(effects).empty());
  CHECK(bench.probe().passes == 1);
}

TEST_CASE("while nobody can look, leases are refreshed and a dead service is withdrawn") {
  Config config = one_service({probe_spec("front")});
  config.services.front().announce.lease = 9s;
  ControllerBench bench(config);
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  REQUIRE(bench.kernel.size() == 1);
  bench.look_error = "no buffer space";
  const TimePoint end = bench.now + 20s;
  while (bench.now < end) bench.finish_next(Verdict::pass);
  const auto refreshes = std::ranges::count(bench.applied, Step::Kind::refresh, &Step::kind);
  CHECK(refreshes >= 4);
  CHECK(refreshes <= 9);
  bench.finish_next(Verdict::fail, Reason::refused, 2);
  bench.go_on(5s);
  CHECK(bench.kernel.empty());
}

TEST_CASE("a stall of half a lease forgets what was known, however slow the probe") {
  ProbeSpec probe = probe_spec("front");
  probe.timing.interval = probe.timing.down_interval = 10s;
  Config config = one_service({probe});
  config.services.front().announce.lease = 30s;
  ControllerBench bench(config);
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.kernel.clear();
  bench.now += 27s;  // SIGSTOP; the lease withdraws meanwhile
  bench.turn();
  CHECK(bench.kernel.empty());
  CHECK(bench.probe().state == ProbeState::unknown);
}

TEST_CASE("failed looks are repeated after 100 ms, doubled to 5 s, and told once a minute") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.look_error = "netlink: No buffer space available";
  bench.turn();
  std::vector<TimePoint> looks;
  int notices = 0;
  while (bench.now < kStart + 30s) {
    bench.now = std::max(bench.now, bench.controller.next_wakeup());
    const auto effects = bench.turn();
    if (!of_kind<effect::Observe>(effects).empty()) looks.push_back(bench.now);
    notices += static_cast<int>(of_kind<effect::Notice>(effects).size());
  }
  CHECK(looks[0] == kStart + 100ms);
  CHECK(looks[1] == kStart + 300ms);
  CHECK(looks[2] == kStart + 700ms);
  CHECK(looks[3] == kStart + 1500ms);
  for (std::size_t index = 1; index < looks.size(); ++index) CHECK(looks[index] - looks[index - 1] <= 5s);
  CHECK(notices == 0);  // the first turn's was the one
  CHECK(bench.controller.snapshot(bench.now).observe_error == bench.look_error);
  CHECK(bench.service().state == ServiceState::adopting);
  CHECK(bench.kernel.empty());  // nothing is added blindly, however healthy

  bench.look_error.clear();
  bench.go_on(5s);
  CHECK(bench.service().state == ServiceState::withdrawn);
  CHECK_FALSE(bench.controller.snapshot(bench.now).observe_error);
}

TEST_CASE("no step is planned from what was seen before a change that was told of") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.finish_next(Verdict::fail, Reason::refused);
  const RunId run = bench.next_start();
  // Somebody puts an address of his own in place of ours, and in that turn the probe fails for the last time.
  bench.kernel[{kVip, "lo"}].ours = false;
  bench.controller.handle(event::AddressesChanged{}, bench.now);
  const auto effects = bench.tell(event::ProbeFinished{run, {Verdict::fail, Reason::refused, "", 1ms}});
  CHECK(of_kind<effect::Observe>(effects).size() == 1);
  CHECK(of_kind<effect::Apply>(effects).empty());
  CHECK(bench.kernel.size() == 1);
}

TEST_CASE("a withdrawal does not wait for looks that fail") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.look_error = "netlink: No buffer space available";
  bench.tell(event::AddressesChanged{});
  const auto effects = bench.finish_next(Verdict::fail, Reason::refused, 2);
  const auto steps = of_kind<effect::Apply>(effects);
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].step.kind == Step::Kind::remove);
  CHECK(bench.service().state == ServiceState::withdrawing);  // until it is seen
}

TEST_CASE("while nobody can look, what was removed is not called announced again, but added anew") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.look_error = "netlink: No buffer space available";
  bench.tell(event::AddressesChanged{});
  bench.finish_next(Verdict::fail, Reason::refused, 2);
  REQUIRE(bench.kernel.empty());
  bench.go_on(300ms);
  bench.finish_next(Verdict::pass, Reason::none, 2);
  CHECK(bench.kernel.size() == 1);
  CHECK(bench.service().state == ServiceState::announcing);
  bench.look_error = "";
  bench.tell(event::AddressesChanged{});
  CHECK(bench.service().state == ServiceState::announced);
}

TEST_CASE("changes without end do not keep a look's answer from being acted on") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.answers_looks = false;
  bench.turn();
  bench.controller.handle(event::AddressesChanged{}, bench.now);
  Observation seen;
  seen.addresses.push_back({{{"10.99.9.9/32"}, "lo"}, true, std::nullopt});
  bench.controller.handle(event::AddressesChanged{}, bench.now);
  const auto effects = bench.tell(event::Observed{1, seen});
  CHECK(of_kind<effect::Apply>(effects).size() == 1);
  CHECK(of_kind<effect::Observe>(effects).size() == 1);
}

TEST_CASE("an answer to another look than the last is dropped") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.answers_looks = false;
  bench.turn();
  bench.tell(event::Observed{0, Observation{}});
  bench.tell(event::Observed{2, Observation{}});
  CHECK(bench.service().state == ServiceState::adopting);
  bench.tell(event::Observed{1, Observation{}});
  CHECK(bench.service().state == ServiceState::withdrawn);
}

TEST_CASE("a look that was under way during a long stall is looked at again") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.answers_looks = false;
  const auto looks = of_kind<effect::Observe>(bench.tell(event::AddressesChanged{}));
  REQUIRE(looks.size() == 1);
  bench.now += 5s;
  const auto again = of_kind<effect::Observe>(bench.turn());
  REQUIRE(again.size() == 1);
  CHECK(again[0].sequence > looks[0].sequence);
  bench.tell(event::Observed{looks[0].sequence, Observation{}});
  CHECK(bench.service().state == ServiceState::announced);
  bench.tell(event::Observed{again[0].sequence, Observation{}});
  CHECK(bench.service().state != ServiceState::announced);
}

TEST_CASE("everything is looked at again every 10 s, though nobody tells of a change") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  CHECK(of_kind<effect::Observe>(bench.go_on(60s)).size() == 6);
}

TEST_CASE("after a stall beyond staleness nothing stands that was known before") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  CHECK(bench.service().health == Health::healthy);
  bench.now += 60s;
  bench.kernel.clear();  // the lease ran out
  const auto effects = bench.turn();
  const auto told = of_kind<effect::Transition>(effects);
  REQUIRE(told.size() == 2);
  CHECK(told[0].from == "up");
  CHECK(told[0].to == "unknown");
  CHECK(told[1].to == "withdrawn");
  REQUIRE(of_kind<effect::Notice>(effects).size() == 1);
  CHECK(of_kind<effect::Apply>(effects).empty());
  REQUIRE(of_kind<effect::StartProbe>(effects).size() == 1);
  const RunId run = of_kind<effect::StartProbe>(effects)[0].run;
  CHECK(of_kind<effect::Apply>(bench.tell(event::ProbeFinished{run, {Verdict::pass, Reason::none, "", 1ms}}))
            .empty());
  CHECK(of_kind<effect::Apply>(bench.finish_next(Verdict::pass)).size() == 1);
}

TEST_CASE("counts that lead nowhere yet do not survive a stall either") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.finish_next(Verdict::pass);
  bench.now += 60s;
  bench.finish_next(Verdict::pass);
  CHECK(bench.probe().passes == 1);
  CHECK(bench.kernel.empty());
}

TEST_CASE("a step that keeps failing is told once a minute") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.step_error = "add: Operation not permitted";
  bench.finish_next(Verdict::pass, Reason::none, 2);
  std::size_t notices = 0, steps = 0;
  for (int second = 0; second < 119; ++second) {
    const auto effects = bench.go_on(1s);
    for (const auto& start : of_kind<effect::StartProbe>(effects)) {
      bench.controller.handle(event::ProbeFinished{start.run, {Verdict::pass, Reason::none, "", 1ms}},
                              bench.now);
    }
    notices += of_kind<effect::Notice>(effects).size();
    steps += of_kind<effect::Apply>(effects).size();
  }
  CHECK(steps > 20);
  CHECK(steps < 40);
  CHECK(notices == 1);
}

TEST_CASE("the same events at the same times give the same effects") {
  const auto play = [] {
    ProbeSpec probe = probe_spec("front");
    probe.timing.jitter = 0.05;
    ControllerBench bench(one_service({probe}));
    bench.turn();
    std::vector<TimePoint> starts;
    for (int run = 0; run < 50; ++run) {
      bench.finish_next(run % 7 < 5 ? Verdict::pass : Verdict::fail, Reason::refused);
      starts.push_back(bench.now);
    }
    return starts;
  };
  CHECK(play() == play());
}

}  // namespace herald::controller_test
