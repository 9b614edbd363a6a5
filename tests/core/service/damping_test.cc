// Figures worked out by hand: 1000 a withdrawal, halved every half_life; wait = half_life x log2(penalty / reuse).
#include "sidecar/core/service/damping.h"

#include <catch2/catch.hpp>

namespace herald::damping_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

const Damping kDefault{.half_life = 5min, .suppress = 2500, .reuse = 1000, .max_suppress = 30min};

double seconds(const std::optional<TimePoint>& until, TimePoint now) {
  return until ? std::chrono::duration<double>(*until - now).count() : 0;
}

}  // namespace

TEST_CASE("the penalty halves every half_life") {
  Penalty penalty(kDefault);
  CHECK(penalty.value(kStart) == 0);
  penalty.add_withdrawal(kStart);
  CHECK(penalty.value(kStart) == Approx(1000));
  CHECK(penalty.value(kStart + 5min) == Approx(500));
  CHECK(penalty.value(kStart + 10min) == Approx(250));
  CHECK(penalty.value(kStart + 150s) == Approx(707.107));
}

TEST_CASE(
    "one or two withdrawals cost nothing by default, the third within three minutes holds for about seven") {
  Penalty penalty(kDefault);
  penalty.add_withdrawal(kStart);
  CHECK_FALSE(penalty.suppressed_until(kStart));
  penalty.add_withdrawal(kStart + 80s);  // 1000 x 2^(-80/300) + 1000 = 1831.2
  CHECK(penalty.value(kStart + 80s) == Approx(1831.24).epsilon(0.001));
  CHECK_FALSE(penalty.suppressed_until(kStart + 80s));
  const TimePoint third = kStart + 160s;  // 1831.2 x 0.8312 + 1000 = 2522.2
  penalty.add_withdrawal(third);
  CHECK(penalty.value(third) == Approx(2522.2).epsilon(0.001));
  const auto until = penalty.suppressed_until(third);
  REQUIRE(until);
  CHECK(seconds(until, third) == Approx(400.4).epsilon(0.001));  // 300 x log2(2.5222)
  CHECK(penalty.value(*until) == Approx(1000).epsilon(0.001));
  CHECK(penalty.suppressed_until(*until - 1ms));
  CHECK_FALSE(penalty.suppressed_until(*until));
}

TEST_CASE("spread withdrawals never suppress") {
  Penalty penalty(kDefault);
  TimePoint now = kStart;
  for (int withdrawal = 0; withdrawal < 100; ++withdrawal) {
    penalty.add_withdrawal(now);
    CHECK_FALSE(penalty.suppressed_until(now));
    now += 4min;  // the sum tends to 1000 / (1 - 2^(-4/5)) = 2347
  }
  CHECK(penalty.value(now - 4min) == Approx(2347).epsilon(0.001));
}

TEST_CASE("the penalty is capped, so nothing is held for longer than max_suppress") {
  Penalty penalty(kDefault);
  for (int withdrawal = 0; withdrawal < 1000; ++withdrawal) penalty.add_withdrawal(kStart);
  CHECK(penalty.value(kStart) == Approx(64000));  // 1000 x 2^(30/5)
  CHECK(seconds(penalty.suppressed_until(kStart), kStart) == Approx(1800));
}

TEST_CASE("a further withdrawal while suppressed lengthens the wait, also below `suppress`") {
  Penalty penalty({.half_life = 60s, .suppress = 1500, .reuse = 400, .max_suppress = 30min});
  penalty.add_withdrawal(kStart);
  penalty.add_withdrawal(kStart);  // 2000: 60 x log2(5) = 139.3 s
  CHECK(seconds(penalty.suppressed_until(kStart), kStart) == Approx(139.3).epsilon(0.001));
  const TimePoint later = kStart + 130s;  // 2000 x 2^(-130/60) + 1000 = 1445.4 < 1500
  penalty.add_withdrawal(later);
  CHECK(penalty.value(later) == Approx(1445.4).epsilon(0.001));
  CHECK(seconds(penalty.suppressed_until(later), later) == Approx(111.2).epsilon(0.001));
}

TEST_CASE("below reuse there is nothing to wait for") {
  Penalty penalty({.half_life = 60s, .suppress = 500, .reuse = 1000, .max_suppress = 30min});
  penalty.add_withdrawal(kStart);
  CHECK_FALSE(penalty.suppressed_until(kStart));
}

TEST_CASE("what is restored goes on as if there had been no restart") {
  Penalty before(kDefault);
  for (const Duration at : {0s, 80s, 160s}) before.add_withdrawal(kStart + at);
  Penalty after(kDefault);
  after.restore(before.flaps(), kStart + 200s);
  CHECK(after.value(kStart + 200s) == Approx(before.value(kStart + 200s)));
  CHECK(after.suppressed_until(kStart + 200s) == before.suppressed_until(kStart + 200s));
  CHECK(after.flaps() == before.flaps());
  CHECK_FALSE(after.suppressed_until(kStart + 1h));
  after.clear();
  CHECK(after.value(kStart + 200s) == 0);
  CHECK_FALSE(after.suppressed_until(kStart + 200s));
}

TEST_CASE("what is restored is bounded by today's figures and by now, whatever the clocks said") {
  Penalty set_back(kDefault);  // it seems to lie a year ahead
  set_back.restore({kStart + 24h * 365, 2600, true}, kStart);
  CHECK(set_back.value(kStart) == Approx(2600));
  CHECK(seconds(set_back.suppressed_until(kStart), kStart) == Approx(413.6).epsilon(0.001));
  Penalty set_ahead(kDefault);
  set_ahead.restore({kStart - 24h * 365 * 30, 2600, true}, kStart);
  CHECK(set_ahead.value(kStart) == Approx(0).margin(1e-9));
  CHECK_FALSE(set_ahead.suppressed_until(kStart));
  Penalty edited(kDefault);
  edited.restore({kStart, 1e300, true}, kStart);
  CHECK(seconds(edited.suppressed_until(kStart), kStart) == Approx(1800));
  Penalty low(kDefault);  // suppressed by other figures
  low.restore({kStart, 900, true}, kStart);
  CHECK_FALSE(low.suppressed_until(kStart));
}

TEST_CASE(
    "other figures judge what is held: no longer than their max_suppress, and no longer than they would") {
  Penalty penalty(kDefault);
  for (const Duration at : {0s, 0s, 0s})
    penalty.add_withdrawal(kStart + at);  // 3000: 300 x log2(3) = 475.5 s
  REQUIRE(seconds(penalty.suppressed_until(kStart), kStart) == Approx(475.5).epsilon(0.001));
  Penalty shorter = penalty;
  shorter.retune({.half_life = 5min, .suppress = 2500, .reuse = 1000, .max_suppress = 60s}, kStart);
  CHECK(seconds(shorter.suppressed_until(kStart), kStart) == Approx(60));
  Penalty quicker = penalty;
  quicker.retune({.half_life = 1min, .suppress = 2500, .reuse = 1000, .max_suppress = 30min}, kStart);
  CHECK(seconds(quicker.suppressed_until(kStart), kStart) == Approx(95.1).epsilon(0.001));
  Penalty over = penalty;
  over.retune({.half_life = 5min, .suppress = 5000, .reuse = 3500, .max_suppress = 30min}, kStart);
  CHECK_FALSE(over.suppressed_until(kStart));  // it is below reuse already
  CHECK(over.value(kStart) == Approx(3000));
}

TEST_CASE("other figures suppress nobody that is not held") {
  Penalty penalty(kDefault);
  penalty.add_withdrawal(kStart);
  penalty.retune({.half_life = 5min, .suppress = 900, .reuse = 500, .max_suppress = 30min}, kStart);
  CHECK_FALSE(penalty.suppressed_until(kStart));
}

}  // namespace herald::damping_test
