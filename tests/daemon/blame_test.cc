#include "sidecar/daemon/blame.h"

#include <catch2/catch.hpp>

namespace blame_test {

using namespace herald;
using namespace std::chrono_literals;

namespace {

constexpr ProbeId kProbe{3};
constexpr TimePoint kStart{std::chrono::hours(1)};
const ProbeResult kCost{Verdict::fail, Reason::cost, "too dear", {}};

}  // namespace

TEST_CASE("blame: who has ended a worker is quarantined for ten minutes since the last time") {
  Blame blame;
  CHECK_FALSE(blame.is_quarantined(kProbe, kStart));
  blame.strike(kProbe, kCost, kStart);
  CHECK(blame.is_quarantined(kProbe, kStart));
  CHECK_FALSE(blame.is_quarantined(ProbeId{4}, kStart));
  blame.strike(kProbe, kCost, kStart + 5min);
  CHECK(blame.is_quarantined(kProbe, kStart + 15min - 1ns));
  CHECK_FALSE(blame.is_quarantined(kProbe, kStart + 15min));
  blame.forget(kProbe);
  CHECK_FALSE(blame.is_quarantined(kProbe, kStart + 6min));
}

TEST_CASE("blame: who does it five times in a minute is refused for ten seconds, and then tried once") {
  Blame blame;
  for (int time = 0; time < 4; ++time) blame.strike(kProbe, kCost, kStart + time * 1s);
  CHECK_FALSE(blame.refusal(kProbe, kStart + 4s));
  blame.strike(kProbe, kCost, kStart + 4s);
  CHECK(blame.refusal(kProbe, kStart + 4s) == kCost);
  CHECK(blame.refusal(kProbe, kStart + 14s - 1ns) == kCost);
  CHECK_FALSE(blame.refusal(kProbe, kStart + 14s));
  CHECK_FALSE(blame.refusal(ProbeId{4}, kStart + 5s));
  const ProbeResult crash{Verdict::inconclusive, Reason::local, "it crashed", {}};
  blame.strike(kProbe, crash, kStart + 14s);
  CHECK(blame.refusal(kProbe, kStart + 15s) == crash);
  blame.forget(kProbe);
  CHECK_FALSE(blame.refusal(kProbe, kStart + 15s));
}

TEST_CASE("blame: five times spread over more than a minute are no loop") {
  Blame blame;
  for (int time = 0; time < 5; ++time) blame.strike(kProbe, kCost, kStart + time * 15s);
  CHECK_FALSE(blame.refusal(kProbe, kStart + 61s));
}

}  // namespace blame_test
