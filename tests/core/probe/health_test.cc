#include "sidecar/core/probe/health.h"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

namespace herald::health_test {
namespace {

// Results: '.' pass, 'w' warn, 'x' fail (refused), 'h' fail (status), '?' inconclusive.
ProbeResult result(char letter) {
  switch (letter) {
    case 'w':
      return {Verdict::warn, Reason::latency, "slow", {}};
    case 'x':
      return {Verdict::fail, Reason::refused, "Connection refused", {}};
    case 'h':
      return {Verdict::fail, Reason::status, "503", {}};
    case '?':
      return {Verdict::inconclusive, Reason::local, "no descriptors", {}};
    default:
      return {Verdict::pass, Reason::none, "200", {}};
  }
}

// States: '-' unknown, 'r' and 'f' rising and falling from unknown; 'U' up, 'F' falling from it; 'D' down, 'R' rising
// from it.
char letter_of(const HealthTracker& tracker) {
  const bool unknown = tracker.output() == HealthTracker::Output::unknown;
  switch (tracker.state()) {
    case ProbeState::unknown:
      return '-';
    case ProbeState::rising:
      return unknown ? 'r' : 'R';
    case ProbeState::up:
      return 'U';
    case ProbeState::falling:
      return unknown ? 'f' : 'F';
    case ProbeState::down:
      break;
  }
  return 'D';
}

// The state after each result.
std::string states(const ProbeThresholds& thresholds, std::string_view results) {
  HealthTracker tracker(thresholds);
  std::string text;
  for (const char letter : results) {
    tracker.record(result(letter));
    text += letter_of(tracker);
  }
  return text;
}

// After each result: '!' degraded, '.' not.
std::string degraded(const ProbeThresholds& thresholds, std::string_view results) {
  HealthTracker tracker(thresholds);
  std::string text;
  for (const char letter : results) {
    tracker.record(result(letter));
    text += tracker.degraded() ? '!' : '.';
  }
  return text;
}

const ProbeThresholds kThreeTwo{.rise = 3, .fall = 2};

}  // namespace

TEST_CASE("the state table of a probe") {
  struct Row {
    const char* results;
    const char* states;
  };
  const Row rows[] = {
      // unknown
      {".", "r"},
      {"x", "f"},
      {"...", "rrU"},
      {"xx", "fD"},
      {".x.x.", "rfrfr"},
      {"..x...", "rrfrrU"},
      {"x.xx", "frfD"},
      // up
      {"....", "rrUU"},
      {"...x", "rrUF"},
      {"...x.", "rrUFU"},
      {"...x.x.x.", "rrUFUFUFU"},
      {"...xx", "rrUFD"},
      // down
      {"xxx", "fDD"},
      {"xx.", "fDR"},
      {"xx.x", "fDRD"},
      {"xx..x..", "fDRRDRR"},
      {"xx...", "fDRRU"},
      {"xx...x.", "fDRRUFU"},
      // inconclusive changes nothing, from any state, and interrupts no row
      {"?", "-"},
      {"?..?.", "-rrrU"},
      {"x?x", "ffD"},
      {"...x?x", "rrUFFD"},
      {"...x?.", "rrUFFU"},
      {"xx.?..", "fDRRRU"},
      {"...?????", "rrUUUUUU"},
      // a warning is a pass
      {"w.w", "rrU"},
      {"...xw", "rrUFU"},
      {"xxwww", "fDRRU"},
  };
  for (const Row& row : rows) {
    INFO(row.results);
    CHECK(states(kThreeTwo, row.results) == row.states);
  }
  CHECK(states({.rise = 1, .fall = 1}, ".x.x") == "UDUD");
}

TEST_CASE("hard_fail skips fall, from any state, for its reasons only") {
  const ProbeThresholds hard{.rise = 2, .fall = 3, .hard_fail = {Reason::status}};
  CHECK(states(hard, "h") == "D");
  CHECK(states(hard, ".h") == "rD");
  CHECK(states(hard, "..h") == "rUD");
  CHECK(states(hard, "..xh") == "rUFD");
  CHECK(states(hard, "..xxh") == "rUFFD");
  CHECK(states(hard, "..x.x") == "rUFUF");
  CHECK(states(hard, "xxx.h") == "ffDRD");
  CHECK(states(hard, "h..h") == "DRUD");
}

TEST_CASE("a window takes down after k failures in the last n, however spread") {
  const ProbeThresholds window{.rise = 2, .fall = 3, .window = Window{3, 5}};
  CHECK(states(window, "..x.x.x") == "rUFUFUD");
  CHECK(states(window, "..x..x..x") == "rUFUUFUUF");      // never three in five
  CHECK(states(window, "..x?.?x?.?x") == "rUFFUUFFUUD");  // inconclusive attempts are not among the n
  CHECK(states(window, "..xxx") == "rUFFD");              // fall still holds
  CHECK(states(window, "x.x.x") == "frfrD");              // also before anything was known
  // Coming up empties it: the failures from before do not count again.
  CHECK(states(window, "xxx..x.x") == "ffDRUFUF");
  CHECK(states(window, "xxx..x.x.x") == "ffDRUFUFUD");
}

TEST_CASE("invert passes when the target fails") {
  const ProbeThresholds inverted{.rise = 2, .fall = 2, .invert = true};
  CHECK(states(inverted, "xx") == "rU");
  CHECK(states(inverted, "xx.w") == "rUFD");
  CHECK(states(inverted, "x?h") == "rrU");

  HealthTracker tracker(inverted);
  const ProbeResult passed = tracker.record(result('x'));
  CHECK(passed.verdict == Verdict::pass);
  CHECK(passed.reason == Reason::none);
  CHECK(passed.detail == "Connection refused");
  const ProbeResult failed = tracker.record(result('.'));
  CHECK(failed.verdict == Verdict::fail);
  CHECK(failed.reason == Reason::inverted);
  CHECK(tracker.record(result('?')) == result('?'));
}

TEST_CASE("hard_fail names reasons as they are counted: an inverted pass is `inverted`") {
  const ProbeThresholds hard{.rise = 2, .fall = 3, .hard_fail = {Reason::inverted}, .invert = true};
  CHECK(states(hard, "xx.") == "rUD");
}

TEST_CASE("warnings degrade after `fall` in a row, clean passes restore after `rise` in a row") {
  CHECK(degraded(kThreeTwo, "...w") == "....");
  CHECK(degraded(kThreeTwo, "...ww") == "....!");
  CHECK(degraded(kThreeTwo, "...w.w.w") == "........");
  CHECK(degraded(kThreeTwo, "...ww..w...") == "....!!!!!!.");
  CHECK(degraded(kThreeTwo, "...w?w") == ".....!");
  CHECK(degraded(kThreeTwo, "...wxw") == "......");  // a failure ends the row
  CHECK(degraded(kThreeTwo, "...ww.x..") == "....!!!!!");
  // What is not up is not degraded besides; it is again when it comes up warning, and is not after clean passes.
  CHECK(degraded(kThreeTwo, "...wwxx") == "....!!.");
  CHECK(degraded(kThreeTwo, "...wwxxwww") == "....!!...!");
  CHECK(degraded(kThreeTwo, "...wwxx...") == "....!!....");
  CHECK(degraded(kThreeTwo, "ww") == "..");
  CHECK(degraded(kThreeTwo, "www") == "..!");
  CHECK(degraded({.rise = 2, .fall = 2, .invert = true},
                 "xx"
                 "ww") == "....");
}

TEST_CASE("counters are of conclusive results in a row") {
  HealthTracker tracker(kThreeTwo);
  for (int pass = 0; pass < 7; ++pass) tracker.record(result('.'));
  CHECK(tracker.passes() == 7);
  CHECK(tracker.failures() == 0);
  tracker.record(result('x'));
  CHECK(tracker.passes() == 0);
  CHECK(tracker.failures() == 1);
  CHECK(tracker.pending());
  tracker.record(result('.'));
  CHECK_FALSE(tracker.pending());
}

TEST_CASE("forgetting starts from nothing") {
  HealthTracker tracker({.rise = 2, .fall = 3, .window = Window{2, 4}});
  for (const char letter : {'.', '.', 'x'}) tracker.record(result(letter));
  tracker.forget();
  CHECK(tracker.state() == ProbeState::unknown);
  CHECK(tracker.pending());
  tracker.record(result('.'));
  CHECK(tracker.output() == HealthTracker::Output::unknown);
  tracker.record(result('x'));  // the failure from before is not in the window any more
  CHECK(tracker.output() == HealthTracker::Output::unknown);
  tracker.record(result('.'));
  tracker.record(result('.'));
  CHECK(tracker.output() == HealthTracker::Output::up);
}

TEST_CASE("only timeouts in the row are no evidence; a hard_fail and anything else is, until a pass") {
  HealthTracker tracker({.rise = 1, .fall = 3, .hard_fail = {Reason::reset}});
  const auto fail = [&](Reason reason) { tracker.record({Verdict::fail, reason, "", {}}); };
  CHECK_FALSE(tracker.is_timeout());
  fail(Reason::timeout);
  CHECK(tracker.is_timeout());
  fail(Reason::refused);
  CHECK_FALSE(tracker.is_timeout());
  fail(Reason::timeout);
  CHECK_FALSE(tracker.is_timeout());
  tracker.record({Verdict::pass, Reason::none, "", {}});
  CHECK_FALSE(tracker.is_timeout());
  fail(Reason::timeout);
  CHECK(tracker.is_timeout());
  tracker.record({Verdict::inconclusive, Reason::late, "", {}});
  CHECK(tracker.is_timeout());

  HealthTracker strict({.fall = 1, .hard_fail = {Reason::timeout}});
  strict.record({Verdict::fail, Reason::timeout, "", {}});
  CHECK_FALSE(strict.is_timeout());
}

}  // namespace herald::health_test
