#include "sidecar/core/probe/probe_run.h"

#include <catch2/catch.hpp>

namespace herald::probe_run_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

const ProbeResult kPass{Verdict::pass, Reason::none, "200", 2ms};
const ProbeResult kFail{Verdict::fail, Reason::refused, "Connection refused", 1ms};
const ProbeResult kTrouble{Verdict::inconclusive, Reason::local, "no descriptors", {}};
const ProbeResult kUnresolved{Verdict::inconclusive, Reason::resolve, "no address yet", {}};

ProbeSpec spec() {
  ProbeSpec probe;
  probe.name = "front";
  probe.type = "tcp";
  probe.timing.jitter = 0;
  probe.thresholds = {.rise = 2, .fall = 2};
  return probe;
}

struct Bench {
  Random random{1};
  ProbeRun probe;
  TimePoint now = kStart;
  std::uint64_t runs = 0;

  explicit Bench(const ProbeSpec& probe_spec = spec()) : probe(probe_spec, "web") {
    now = probe.begin(kStart);
  }

  // One attempt that ends after `takes`; time goes on to the next one's start. Returns how long after this start.
  Duration run(const ProbeResult& result, Duration takes = 2ms) {
    const TimePoint started = now;
    probe.start(RunId{++runs}, now);
    now = probe.finish(RunId{runs}, result, {started, started + takes, {}}, started + takes, random);
    return now - started;
  }
};

}  // namespace

TEST_CASE("the pace: fast while a change is pending, else interval or down_interval") {
  ProbeSpec slow_down = spec();
  slow_down.timing.down_interval = 4s;
  Bench bench(slow_down);
  CHECK(bench.run(kPass) == 250ms);  // unknown: rising
  CHECK(bench.run(kPass) == 750ms);  // up, and onto the grid
  CHECK(bench.run(kPass) == 1s);
  CHECK(bench.run(kFail) == 250ms);  // falling
  CHECK(bench.run(kPass) == 750ms);  // restored
  CHECK(bench.run(kFail) == 250ms);
  bench.run(kFail);  // down, and onto the grid of down_interval
  CHECK(bench.run(kFail) == 4s);
  CHECK(bench.run(kPass) == 250ms);  // rising
  bench.run(kPass);
  CHECK(bench.run(kPass) == 1s);
}

TEST_CASE("what is inconclusive for want of means is not asked for more often; an unresolved name is") {
  ProbeSpec slow_down = spec();
  slow_down.timing.down_interval = 4s;
  Bench bench(slow_down);
  CHECK(bench.run(kTrouble) == 1s);
  CHECK(bench.run(kUnresolved) == 250ms);
  bench.run(kFail);
  bench.run(kFail);
  bench.run(kFail);
  CHECK(bench.run(kTrouble) == 4s);

  ProbeSpec slow = spec();
  slow.timing.interval = slow.timing.down_interval = 60s;
  Bench pending(slow);
  CHECK(pending.run(kTrouble) == 1s);  // nothing is known, and a minute is too long to wait
  for (int pass = 0; pass < 3; ++pass) pending.run(kPass);
  CHECK(pending.run(kTrouble) == 60s);
  CHECK(pending.run(kFail) == 250ms);
  CHECK(pending.run(kTrouble) == 1s);
}

TEST_CASE("a timeout of an attempt that was not served proves nothing") {
  Bench bench;
  for (int pass = 0; pass < 3; ++pass) bench.run(kPass);
  const auto run_stalled = [&](Duration stall) {
    const TimePoint began = bench.now;
    const TimePoint deadline = bench.probe.start(RunId{20}, began);
    bench.probe.expire(deadline);
    bench.now =
        bench.probe.finish_expired(RunId{20}, "reading", {began, deadline, stall}, deadline, bench.random);
    return bench.probe.last();
  };
  CHECK(run_stalled(200ms).verdict == Verdict::fail);
  CHECK(run_stalled(200ms + 1ns).reason == Reason::late);
  CHECK(run_stalled(5s).verdict == Verdict::inconclusive);  // junk from a worker
  CHECK(run_stalled(-5s).verdict == Verdict::fail);
  bench.probe.start(RunId{21}, bench.now);
  const Ran ran{bench.now, bench.now + 300ms, 300ms};
  bench.probe.finish(RunId{21}, {Verdict::fail, Reason::refused, "", 1ms}, ran, bench.now + 300ms,
                     bench.random);
  CHECK(bench.probe.last().reason == Reason::refused);  // which no stall can cause
  bench.probe.start(RunId{22}, bench.now);
  bench.probe.finish(RunId{22}, {Verdict::warn, Reason::latency, "", 1ms}, ran, bench.now + 300ms,
                     bench.random);
  CHECK(bench.probe.last().reason == Reason::late);
}

TEST_CASE("an attempt that began late, or of which its worker says what cannot be, had not its time") {
  struct Row {
    Duration began, ended;
    Verdict verdict;
  };
  const Row rows[] = {
      {0ms, 800ms, Verdict::fail},
      {200ms, 800ms, Verdict::fail},
      {201ms, 800ms, Verdict::inconclusive},
      {500ms, 1s, Verdict::inconclusive},
      {300ms, 1300ms, Verdict::fail},       // heraldd cut it off late, and it had its time
      {-5s, 500ms, Verdict::inconclusive},  // it cannot have begun before it was started
      {0ms, 1h, Verdict::fail},             // nor ended in the future
      {1h, 2h, Verdict::inconclusive},
      {800ms, 0ms, Verdict::inconclusive},
  };
  for (const Row& row : rows) {
    INFO(row.began.count() << " " << row.ended.count());
    Bench bench;
    const TimePoint start = bench.now;
    bench.probe.start(RunId{1}, start);
    bench.probe.expire(start + 1300ms);
    bench.probe.finish_expired(RunId{1}, "reading", {start + row.began, start + row.ended, {}},
                               start + 1300ms, bench.random);
    CHECK(bench.probe.last().verdict == row.verdict);
  }
}

TEST_CASE("a hanging attempt ends at its deadline, and the next begins at once while a change is pending") {
  Bench bench;
  for (int pass = 0; pass < 3; ++pass) bench.run(kPass);
  const TimePoint started = bench.now;
  CHECK(bench.probe.start(RunId{10}, started) == started + 800ms);
  CHECK_FALSE(bench.probe.is_idle());
  CHECK_FALSE(bench.probe.next_start());
  CHECK_FALSE(bench.probe.snapshot().next_run);
  CHECK(bench.probe.expire(started + 800ms) == std::vector{RunId{10}});
  CHECK(bench.probe.wake() == started + 1800ms);
  CHECK(bench.probe.flight(RunId{10})->is_expiring);
  const Ran first{started, started + 800ms, {}};
  CHECK(bench.probe.finish_expired(RunId{10}, "connecting", first, started + 800ms, bench.random) ==
        started + 800ms);
  CHECK(bench.probe.is_idle());
  CHECK(bench.probe.last() ==
        ProbeResult{Verdict::fail, Reason::timeout, "no result within 800 ms: connecting", 800ms});
  CHECK(bench.probe.tracker().state() == ProbeState::falling);

  bench.probe.start(RunId{11}, started + 800ms);
  bench.probe.expire(started + 1600ms);
  bench.probe.finish_expired(RunId{11}, "", {started + 800ms, started + 1600ms, {}}, started + 1600ms,
                             bench.random);
  CHECK(bench.probe.last().detail == "no result within 800 ms");
  CHECK(bench.probe.tracker().output() == HealthTracker::Output::down);
}

TEST_CASE(
    "a good answer after the deadline, which heraldd slept through, is a timeout; a bad one is what it is") {
  struct Row {
    Duration at, began;
    Verdict passed, failed;
  };
  const Row rows[] = {
      {800ms, 0ms, Verdict::pass, Verdict::fail},
      {800ms + 1ns, 0ms, Verdict::fail, Verdict::fail},
      {5s, 0ms, Verdict::fail, Verdict::fail},
      {900ms, 500ms, Verdict::inconclusive, Verdict::fail},  // it was begun late
  };
  for (const Row& row : rows) {
    INFO(row.at.count());
    Bench passed, failed;
    const auto run = [&](Bench& bench, const ProbeResult& result) {
      const TimePoint start = bench.now;
      bench.probe.start(RunId{1}, start);
      bench.probe.finish(RunId{1}, result, {start + row.began, start + row.at, {}}, start + 6s, bench.random);
      return bench.probe.last();
    };
    CHECK(run(passed, kPass).verdict == row.passed);
    CHECK(run(failed, kFail) == kFail);
  }
  Bench bench;
  bench.run(kPass, 1300ms);
  CHECK(bench.probe.last().detail == "no result within 800 ms: it came after 1300 ms");
  CHECK(bench.probe.last().reason == Reason::timeout);
}

TEST_CASE("what was known is forgotten once it is too old: (fall + 1) x (interval + timeout)") {
  constexpr Duration kStale = 3 * 1800ms;
  Bench bench;
  for (int pass = 0; pass < 2; ++pass) bench.run(kPass);
  const TimePoint known_at = kStart + (bench.now - kStart);
  bench.run(kPass);
  const TimePoint conclusive = known_at + 2ms;
  CHECK_FALSE(bench.probe.forget_if_stale(conclusive + kStale));
  CHECK(bench.probe.tracker().output() == HealthTracker::Output::up);
  CHECK(bench.probe.forget_if_stale(conclusive + kStale + 1ns));
  CHECK(bench.probe.tracker().output() == HealthTracker::Output::unknown);
  CHECK(bench.probe.last_conclusive() != nullptr);  // still shown
}

TEST_CASE("inconclusive results let it grow old, and no count survives that") {
  Bench up;
  for (int pass = 0; pass < 2; ++pass) up.run(kPass);
  for (int trouble = 0; trouble < 5; ++trouble) {
    up.run(kTrouble);
    CHECK(up.probe.tracker().output() == HealthTracker::Output::up);
  }
  up.run(kTrouble);
  CHECK(up.probe.tracker().output() == HealthTracker::Output::unknown);

  Bench rising;
  rising.run(kPass);
  CHECK(rising.probe.tracker().passes() == 1);
  for (int trouble = 0; trouble < 7; ++trouble) rising.run(kTrouble);
  CHECK(rising.probe.tracker().passes() == 0);
  rising.run(kPass);
  CHECK(rising.probe.tracker().output() == HealthTracker::Output::unknown);
}

TEST_CASE("how long a probe is silent counts from its last conclusive result, without herald's own absence") {
  Bench bench;
  CHECK(bench.probe.silent_since() == kStart);
  bench.probe.was_absent(1h);
  CHECK(bench.probe.silent_since() == kStart + 1h);
  const TimePoint started = bench.now;
  bench.run(kPass);
  CHECK(bench.probe.silent_since() == started + 2ms);
  bench.probe.was_absent(1s);
  bench.run(kTrouble);
  CHECK(bench.probe.silent_since() == started + 2ms + 1s);
}

TEST_CASE("a nudge makes the next attempt due now, and moves no grid") {
  Bench bench;
  bench.run(kPass);
  bench.run(kPass);  // up
  const TimePoint planned = bench.now;
  const TimePoint event = planned - 600ms;
  CHECK(bench.probe.nudge(Nudge::listener_gone, event) == event);
  CHECK_FALSE(bench.probe.nudge(Nudge::listener_gone, event + 1us));  // one waits
  bench.now = event;
  bench.run(kPass);
  CHECK(bench.now == planned);
  CHECK(bench.probe.snapshot().last_nudge == Nudge::listener_gone);
  bench.run(kPass);
  CHECK(bench.now == planned + 1s);
  CHECK_FALSE(bench.probe.snapshot().last_nudge);
  CHECK(bench.probe.snapshot().nudged == 1);
  CHECK(bench.probe.counts().nudged.of(Nudge::listener_gone) == 1);
  CHECK(bench.probe.snapshot().nudges_dropped == 1);
}

TEST_CASE("a nudged failure is the first of `fall` at the fast pace, wherever the grid has its next point") {
  for (const Duration before : {1ms, 100ms, 249ms, 600ms}) {
    Bench bench;
    bench.run(kPass);
    bench.run(kPass);  // up; two failures take it down
    const TimePoint event = bench.now - before;
    bench.probe.nudge(Nudge::listener_gone, event);
    bench.now = event;
    CHECK(bench.run(kFail) == 250ms);
    CHECK(bench.probe.tracker().output() == HealthTracker::Output::up);
    CHECK(bench.run(kPass) < 1s);  // back, and onto the grid
  }
}

TEST_CASE("a nudged attempt that tells nothing is made again, after a second") {
  ProbeSpec seldom = spec();
  seldom.timing.interval = seldom.timing.down_interval = 2min;
  Bench bench(seldom);
  bench.run(kPass);
  bench.run(kPass);
  const TimePoint event = bench.now - 30s;
  bench.probe.nudge(Nudge::link_down, event);
  bench.now = event;
  CHECK(bench.run(kTrouble) == 1s);
  CHECK(bench.run(kTrouble) > 20s);  // and once
}

TEST_CASE("nudges around a point of the grid do not make it come again") {
  ProbeSpec jittery = spec();
  jittery.timing.jitter = 0.05;
  Bench bench(jittery);
  bench.run(kPass);
  bench.run(kPass);
  for (int point = 0; point < 50; ++point) {
    const TimePoint planned = bench.now;
    bench.run(kPass);  // a little before its point, or after it
    const TimePoint next = bench.now;
    REQUIRE(next - planned >= 900ms);
    bench.probe.nudge(Nudge::listener_closed, planned + 3ms);
    bench.now = planned + 10ms;
    bench.run(kPass);
    REQUIRE(bench.now == next);
  }
}

TEST_CASE("with jitter, too, a nudge makes nothing later") {
  ProbeSpec jittery = spec();
  jittery.timing.jitter = 0.05;
  Bench bench(jittery);
  bench.run(kPass);
  bench.run(kPass);
  for (int attempt = 0; attempt < 200; ++attempt) {
    const TimePoint planned = bench.now;
    bench.now = planned - 5ms * (attempt % 100 + 1);
    bench.probe.nudge(Nudge::listener_closed, bench.now);
    bench.run(kPass);
    REQUIRE(bench.now <= planned);
    bench.run(kPass);
  }
}

TEST_CASE("a nudge while an attempt is in flight makes another after it; at once, but for the limits") {
  Bench bench;
  bench.run(kPass);
  bench.run(kPass);
  const TimePoint started = bench.now;
  bench.probe.start(RunId{++bench.runs}, started);
  CHECK_FALSE(bench.probe.nudge(Nudge::listener_gone, started + 1ms));
  CHECK(bench.probe.finish(RunId{bench.runs}, kPass, {started, started + 2ms, {}}, started + 2ms,
                           bench.random) == started + 10ms);
}

TEST_CASE("nudges do not quicken what counts failures or passes, unless one failure may be enough") {
  ProbeSpec probe = spec();
  SECTION("falling") {
    Bench bench(probe);
    bench.run(kPass);
    bench.run(kPass);
    bench.run(kFail);
    CHECK_FALSE(bench.probe.nudge(Nudge::listener_gone, bench.now - 100ms));
    CHECK(bench.run(kFail) > 0ms);
    CHECK(bench.probe.tracker().output() == HealthTracker::Output::down);
    CHECK_FALSE(bench.probe.nudge(Nudge::listener_gone, bench.now - 100ms));  // down
    CHECK(bench.probe.snapshot().nudges_dropped == 2);
  }
  SECTION("rising") {
    Bench bench(probe);
    CHECK(bench.probe.nudge(Nudge::listener_gone, bench.now - 1ms) == bench.now - 1ms);  // nothing is known
    bench.now -= 1ms;
    bench.run(kPass);
    CHECK_FALSE(bench.probe.nudge(Nudge::listener_gone, bench.now - 100ms));
  }
  SECTION("falling, with hard_fail") {
    probe.thresholds.hard_fail = {Reason::refused};
    Bench bench(probe);
    bench.run(kPass);
    bench.run(kPass);
    bench.run({Verdict::fail, Reason::status, "503", 1ms});
    CHECK(bench.probe.nudge(Nudge::listener_gone, bench.now - 100ms) == bench.now - 100ms);
  }
  SECTION("falling, with a hard_fail that such an event does not tell of") {
    probe.thresholds.hard_fail = {Reason::status};
    Bench bench(probe);
    bench.run(kPass);
    bench.run(kPass);
    bench.run(kFail);
    CHECK_FALSE(bench.probe.nudge(Nudge::listener_gone, bench.now - 100ms));
    CHECK_FALSE(bench.probe.nudge(Nudge::link_down, bench.now - 50ms));
  }
  SECTION("a failure that was in flight when the event came") {
    Bench bench(probe);
    bench.run(kPass);
    bench.run(kPass);
    const TimePoint started = bench.now;
    bench.probe.start(RunId{++bench.runs}, started);
    bench.probe.nudge(Nudge::listener_gone, started + 1ms);
    CHECK(bench.probe.finish(RunId{bench.runs}, kFail, {started, started + 2ms, {}}, started + 2ms,
                             bench.random) == started + 250ms);
    CHECK(bench.probe.snapshot().nudges_dropped == 1);
  }
}

TEST_CASE("a snapshot shows the counters") {
  Bench bench;
  bench.run(kPass);
  bench.run(kTrouble);
  const TimePoint last = bench.now;
  bench.run(kPass);
  const ProbeSnapshot shown = bench.probe.snapshot();
  CHECK(shown.name == "front");
  CHECK(shown.state == ProbeState::up);
  CHECK(shown.passes == 2);
  CHECK(shown.rise == 2);
  CHECK(shown.runs == 3);
  CHECK(shown.inconclusive == 1);
  CHECK(shown.last_run == last);
  CHECK(shown.next_run == bench.now);
}

namespace {

ProbeSpec overlapping() {
  ProbeSpec probe = spec();
  probe.thresholds = {.rise = 2, .fall = 3};
  probe.overlap.is_on = true;
  return probe;
}

void expire_unanswered(Bench& bench, RunId run, TimePoint at) {
  const auto expired = bench.probe.expire(at);
  REQUIRE(expired == std::vector{run});
  bench.probe.finish_expired(run, "reading", {at - 800ms, at, {}}, at, bench.random);
}

}  // namespace

TEST_CASE("overlap: what hangs is down a little after the first deadline") {
  Bench bench(overlapping());
  for (int pass = 0; pass < 3; ++pass) bench.run(kPass);
  CHECK(bench.probe.suspect() == 25ms);  // 4 x 2 ms is less
  const TimePoint start = bench.now;
  CHECK(bench.probe.start(RunId{11}, start) == start + 25ms);
  CHECK(bench.probe.next_start() == start + 25ms);
  CHECK(bench.probe.start(RunId{12}, start + 25ms) == start + 275ms);  // and then at the fast pace
  CHECK(bench.probe.start(RunId{13}, start + 275ms) == start + 800ms);
  CHECK_FALSE(bench.probe.next_start());  // `fall` are in flight
  expire_unanswered(bench, RunId{11}, start + 800ms);
  CHECK(bench.probe.tracker().output() == HealthTracker::Output::up);
  expire_unanswered(bench, RunId{12}, start + 825ms);
  CHECK(bench.probe.tracker().failures() == 2);
  expire_unanswered(bench, RunId{13}, start + 1075ms);
  CHECK(bench.probe.tracker().output() == HealthTracker::Output::down);
  CHECK(bench.probe.snapshot().failures == 3);
  // Of what is down there is one at a time.
  const TimePoint next = bench.probe.wake();
  bench.probe.start(RunId{14}, next);
  CHECK_FALSE(bench.probe.next_start());
}

TEST_CASE("overlap: a nudge does not take the place of the deadline of what is in flight") {
  Bench bench(overlapping());
  for (int pass = 0; pass < 3; ++pass) bench.run(kPass);
  const TimePoint start = bench.now;
  bench.probe.start(RunId{11}, start);  // and hangs
  const auto beside = [&](std::uint64_t run, TimePoint at) {
    bench.probe.start(RunId{run}, at);
    return bench.probe.finish(RunId{run}, kTrouble, {at, at + 1ms, {}}, at + 1ms, bench.random);
  };
  CHECK(beside(12, start + 25ms) == start + 800ms);
  CHECK(bench.probe.nudge(Nudge::listener_gone, start + 792ms) == start + 792ms);
  CHECK(beside(13, start + 792ms) == start + 800ms);
  // Not before 10 ms after the one before, which is later than the deadline.
  CHECK(bench.probe.nudge(Nudge::listener_gone, start + 795ms) == start + 800ms);
}

TEST_CASE(
    "overlap: an attempt that is answered within its deadline restores in full, and nothing more is begun") {
  Bench bench(overlapping());
  for (int pass = 0; pass < 3; ++pass) bench.run(kPass);
  const TimePoint start = bench.now;
  bench.probe.start(RunId{11}, start);
  bench.probe.start(RunId{12}, start + 25ms);
  bench.probe.start(RunId{13}, start + 275ms);
  // A later one fails first.
  bench.probe.finish(RunId{12}, kFail, {start + 25ms, start + 300ms, {}}, start + 300ms, bench.random);
  CHECK(bench.probe.tracker().failures() == 1);
  bench.probe.finish(RunId{11}, kPass, {start, start + 700ms, {}}, start + 700ms, bench.random);
  CHECK(bench.probe.tracker().failures() == 0);
  CHECK(bench.probe.tracker().state() == ProbeState::up);
  CHECK(bench.probe.next_start() == start + 1s);  // the grid; what is left in flight hurries nobody
  bench.probe.finish(RunId{13}, kPass, {start + 275ms, start + 900ms, {}}, start + 900ms, bench.random);
  CHECK(bench.probe.wake() == start + 1s);
}

TEST_CASE("overlap: what answers everything in nine tenths of its timeout is never down") {
  ProbeSpec probe = overlapping();
  probe.overlap.suspect = GENERATE(std::optional<Duration>{}, std::optional<Duration>{25ms});
  Bench bench(probe);
  bench.run(kPass);
  bench.run(kPass);
  std::uint64_t starts = 0;
  const TimePoint from = bench.now;
  while (bench.now < from + 5min) {
    const auto& flights = bench.probe.flights();
    std::optional<TimePoint> answer;
    if (!flights.empty()) answer = flights.front().started + 720ms;
    const auto next = bench.probe.next_start();
    if (answer && (!next || *answer <= *next)) {
      const auto flight = flights.front();
      bench.now = *answer;
      bench.probe.finish(flight.run, {Verdict::pass, Reason::none, "200", 720ms},
                         {flight.started, bench.now, {}}, bench.now, bench.random);
    } else {
      REQUIRE(next);
      bench.now = std::max(bench.now, *next);
      bench.probe.start(RunId{100 + ++starts}, bench.now);
      REQUIRE(bench.probe.flights().size() <= 3);
    }
    REQUIRE(bench.probe.tracker().state() == ProbeState::up);
    REQUIRE(bench.probe.expire(bench.now).empty());
  }
  CHECK(starts < 1000);  // at most three for each point of the grid
}

TEST_CASE("overlap: suspect is four times what is usual, within limits, or as configured") {
  ProbeSpec probe = overlapping();
  Bench bench(probe);
  CHECK(bench.probe.suspect() == 400ms);  // nothing is known yet
  bench.run({Verdict::pass, Reason::none, "200", 20ms});
  CHECK(bench.probe.suspect() == 80ms);
  bench.run({Verdict::pass, Reason::none, "200", 150ms});
  CHECK(bench.probe.suspect() == 400ms);
  CHECK(bench.probe.snapshot().suspect == 400ms);
  probe.overlap.suspect = 60ms;
  CHECK(Bench(probe).probe.suspect() == 60ms);
  CHECK_FALSE(Bench().probe.suspect());
}

TEST_CASE("overlap: a nudge while one is unanswered waits, and one that comes among leftovers does not") {
  Bench bench(overlapping());
  for (int pass = 0; pass < 3; ++pass) bench.run(kPass);
  const TimePoint start = bench.now;
  bench.probe.start(RunId{11}, start);
  CHECK_FALSE(bench.probe.nudge(Nudge::listener_closed, start + 5ms));
  bench.probe.start(RunId{12}, start + 25ms);
  bench.probe.finish(RunId{12}, kPass, {start + 25ms, start + 30ms, {}}, start + 30ms, bench.random);
  CHECK(bench.probe.nudge(Nudge::listener_closed, start + 100ms) == start + 100ms);
  bench.probe.start(RunId{13}, start + 100ms);
  bench.probe.finish(RunId{13}, kPass, {start + 100ms, start + 102ms, {}}, start + 102ms, bench.random);
  CHECK(bench.probe.next_start() == start + 1s);
}

}  // namespace herald::probe_run_test
