#include "sidecar/core/probe/nudges.h"

#include <catch2/catch.hpp>

namespace herald::nudges_test {
namespace {

using namespace std::chrono_literals;
constexpr TimePoint kStart{std::chrono::hours(1)};

}  // namespace

TEST_CASE("one nudge waits at most, and it is what the next attempt was nudged by") {
  Nudges nudges;
  CHECK_FALSE(nudges.is_waiting());
  CHECK(nudges.take(Nudge::listener_closed));
  CHECK_FALSE(nudges.take(Nudge::listener_gone));
  CHECK(nudges.is_waiting());
  nudges.started(kStart);
  CHECK_FALSE(nudges.is_waiting());
  CHECK(nudges.current() == Nudge::listener_gone);  // it says more
  CHECK(nudges.taken() == 1);
  CHECK(nudges.dropped() == 1);
  nudges.started(kStart + 1s);
  CHECK_FALSE(nudges.current());
}

TEST_CASE("a nudge that is dropped was none") {
  Nudges nudges;
  nudges.drop();
  CHECK(nudges.dropped() == 0);
  nudges.take(Nudge::events_lost);
  nudges.drop();
  CHECK_FALSE(nudges.is_waiting());
  CHECK(nudges.taken() == 0);
  CHECK(nudges.dropped() == 1);
}

TEST_CASE("nudged attempts begin 10 ms after whatever began before, 20 in any second") {
  Nudges nudges;
  CHECK(nudges.earliest(kStart) == kStart);
  nudges.started(kStart);
  CHECK(nudges.earliest(kStart + 4ms) == kStart + 10ms);
  TimePoint now = kStart + 10ms;
  for (int attempt = 0; attempt < 20; ++attempt, now += 10ms) {
    CHECK(nudges.earliest(now) == now);
    nudges.take(Nudge::listener_gone);
    nudges.started(now);
  }
  CHECK(nudges.earliest(now) == kStart + 10ms + 1s);
  nudges.started(now);  // not nudged: it is not counted
  CHECK(nudges.earliest(now) == kStart + 10ms + 1s);
  nudges.take(Nudge::listener_gone);
  nudges.started(kStart + 10ms + 1s);
  CHECK(nudges.earliest(kStart + 2s) == kStart + 2s);
}

}  // namespace herald::nudges_test
