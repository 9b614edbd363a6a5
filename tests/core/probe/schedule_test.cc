#include "sidecar/core/probe/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

namespace herald::schedule_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

ProbeTiming timing(Duration interval, double jitter = 0) {
  return {.interval = interval,
          .fast_interval = 250ms,
          .down_interval = interval,
          .timeout = 800ms,
          .jitter = jitter};
}

Duration phase_of(TimePoint when, Duration interval) {
  return when.time_since_epoch() % interval;
}

}  // namespace

TEST_CASE("the first run is within one interval, and at most 10 s away") {
  for (const Duration interval :
       {Duration(10ms), Duration(250ms), Duration(1s), Duration(7s), Duration(60s), Duration(1h)}) {
    for (int probe = 0; probe < 200; ++probe) {
      const Schedule schedule(timing(interval), fmt::format("web/p{}", probe));
      const TimePoint first = schedule.first(kStart);
      CHECK(first > kStart);
      CHECK(first <= kStart + std::min<Duration>(interval, 10s));
    }
  }
}

TEST_CASE("the grid of a probe is its name's: a restart or a slow attempt moves nothing") {
  Random random(1);
  const Schedule schedule(timing(1s), "web/front");
  const Duration phase = phase_of(schedule.first(kStart), 1s);
  CHECK(phase == 15ms);  // in every build and release
  CHECK(phase_of(Schedule(timing(1s), "web/front").first(kStart + 12345ms), 1s) == phase);
  CHECK(phase_of(Schedule(timing(1s), "web/back").first(kStart), 1s) != phase);

  TimePoint due = schedule.first(kStart);
  const TimePoint first = due;
  TimePoint next = schedule.next(due, first, first + 700ms, Pace::normal, random);
  CHECK(next == first + 1s);
  CHECK(due == next);
  // Started 300 ms late, answered at once: the next is on the grid all the same.
  next = schedule.next(due, next + 300ms, next + 310ms, Pace::normal, random);
  CHECK(next == first + 2s);
}

TEST_CASE(
    "while a change is pending the next run is fast_interval after the last start, or at once if that is "
    "over") {
  Random random(1);
  const Schedule schedule(timing(1s), "web/front");
  TimePoint due = schedule.first(kStart);
  const TimePoint first = due;
  CHECK(schedule.next(due, first, first + 2ms, Pace::fast, random) == first + 250ms);
  CHECK(schedule.next(due, first + 250ms, first + 1050ms, Pace::fast, random) == first + 1050ms);
  CHECK(schedule.next(due, first + 1050ms, first + 1052ms, Pace::fast, random) == first + 1300ms);
  // And the grid is joined again.
  CHECK(schedule.next(due, first + 1300ms, first + 1302ms, Pace::normal, random) == first + 2s);
}

TEST_CASE("down_interval has a grid of its own") {
  Random random(1);
  ProbeTiming slow = timing(1s);
  slow.down_interval = 5s;
  const Schedule schedule(slow, "web/front");
  TimePoint due = schedule.first(kStart);
  TimePoint next = schedule.next(due, due, due + 2ms, Pace::down, random);
  const TimePoint joined = next;
  CHECK(next <= kStart + 6s);
  next = schedule.next(due, next, next + 2ms, Pace::down, random);
  CHECK(next == joined + 5s);
}

TEST_CASE("missed slots are skipped, not made up for") {
  Random random(1);
  const Schedule schedule(timing(1s), "web/front");
  TimePoint due = schedule.first(kStart);
  const TimePoint first = due;
  const TimePoint next = schedule.next(due, first, first + 7300ms, Pace::normal, random);
  CHECK(next == first + 8s);
  // Less than one interval late: it runs now, and the grid stays.
  due = first;
  const TimePoint at_once = schedule.next(due, first, first + 1400ms, Pace::normal, random);
  CHECK(at_once == first + 1400ms);
  CHECK(schedule.next(due, at_once, at_once + 2ms, Pace::normal, random) == first + 2s);
}

TEST_CASE("jitter is symmetric, within its fraction, and moves neither grid nor rate") {
  Random random(1);
  const Schedule schedule(timing(1s, 0.05), "web/front");
  TimePoint due = schedule.first(kStart);
  TimePoint next = due;
  double sum = 0;
  Duration earliest = 1s, latest = -1s;
  constexpr int kRuns = 10000;
  const TimePoint first = due;
  for (int run = 1; run <= kRuns; ++run) {
    next = schedule.next(due, next, next + 2ms, Pace::normal, random);
    REQUIRE(due == first + run * 1s);
    const Duration off = next - due;
    earliest = std::min(earliest, off);
    latest = std::max(latest, off);
    sum += std::chrono::duration<double>(off).count();
  }
  CHECK(earliest >= -50ms);
  CHECK(earliest < -45ms);
  CHECK(latest <= 50ms);
  CHECK(latest > 45ms);
  CHECK(std::abs(sum / kRuns) < 0.001);
}

TEST_CASE("runs begin on whole milliseconds, whatever the jitter and however late the last one was") {
  Random random(3);
  const Schedule schedule(timing(1s, 0.05), "web/front");
  TimePoint due = schedule.first(kStart);
  TimePoint next = due;
  for (int run = 0; run < 1000; ++run) {
    const Pace pace = run % 2 == 0 ? Pace::normal : Pace::fast;
    next = schedule.next(due, next + 37us, next + 2ms, pace, random);
    REQUIRE(next.time_since_epoch() % 1ms == Duration{});
  }
  // One that is overdue begins with the next millisecond, not in the past.
  const TimePoint late = next + 1400ms + 1us;
  CHECK(schedule.next(due, next, late, Pace::fast, random) == next + 1401ms);
}

TEST_CASE("a day is 86,400 runs of one second: no drift, whatever the attempts take") {
  Random random(7);
  std::uniform_int_distribution<int> takes(1, 799);
  const Schedule schedule(timing(1s, 0.05), "web/front");
  TimePoint due = schedule.first(kStart);
  TimePoint next = due;
  int runs = 0;
  while (next < kStart + 24h) {
    ++runs;
    next = schedule.next(due, next, next + std::chrono::milliseconds(takes(random)), Pace::normal, random);
  }
  CHECK(runs >= 86399);
  CHECK(runs <= 86401);
}

TEST_CASE("5,000 probes are spread evenly over their interval") {
  constexpr int kProbes = 5000;
  std::vector<int> bins(100);
  for (int probe = 0; probe < kProbes; ++probe) {
    const Schedule schedule(timing(1s), fmt::format("service-{}/probe-{}", probe / 5, probe % 5));
    ++bins[static_cast<std::size_t>(phase_of(schedule.first(kStart), 1s) / 10ms)];
  }
  // 50 a bin of 10 ms is the mean; chance alone gives a standard deviation of 7.
  CHECK(*std::ranges::min_element(bins) >= 22);
  CHECK(*std::ranges::max_element(bins) <= 80);
}

TEST_CASE("two probes at different intervals do not meet for ever") {
  const Duration phase = phase_of(Schedule(timing(1s), "a/b").first(kStart), 1s);
  CHECK(phase_of(Schedule(timing(500ms), "a/b").first(kStart), 500ms) == phase % 500ms);
}

}  // namespace herald::schedule_test
