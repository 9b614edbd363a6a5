// One look at a time, and none is taken for newer than its beginning.
#include "sidecar/core/address/looks.h"

#include <catch2/catch.hpp>

namespace herald::looks_test {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1h};

}  // namespace

TEST_CASE("a look is wanted from the beginning, and one is under way at a time") {
  Looks looks(kStart);
  CHECK(looks.begin() == 1);
  CHECK(looks.is_under_way());
  looks.want();
  CHECK_FALSE(looks.begin());  // the one under way may not show what has changed: another follows
  looks.succeeded();
  CHECK(looks.seen() == 1);
  CHECK_FALSE(looks.rests());
  CHECK(looks.begin() == 2);
  looks.succeeded();
  CHECK(looks.rests());
  CHECK_FALSE(looks.begin());
}

TEST_CASE("a look that failed is tried again later and later, and at once when something wants one") {
  Looks looks(kStart);
  TimePoint now = kStart;
  for (const Duration wait : {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms}) {
    REQUIRE(looks.begin());
    looks.failed(now);
    CHECK(looks.fail());
    CHECK_FALSE(looks.begin());
    now += wait;
    CHECK(looks.next_due() == std::min(now, kStart + 10s));
    looks.wake(now - 1ns);
    CHECK_FALSE(looks.is_under_way());
    looks.wake(now);
  }
  REQUIRE(looks.begin());
  looks.failed(now);
  looks.want();
  CHECK(looks.begin());
  looks.succeeded();
  CHECK_FALSE(looks.fail());
  CHECK(looks.next_due() == kStart + 10s);  // what was to be tried again is done
}

TEST_CASE("every 10 s a look is wanted though nothing tells of a change") {
  Looks looks(kStart);
  looks.begin();
  looks.succeeded();
  looks.wake(kStart + 9s);
  CHECK(looks.rests());
  looks.wake(kStart + 10s);
  CHECK(looks.begin() == 2);
  CHECK(looks.next_due() == kStart + 20s);
}

TEST_CASE("after a restart the look under way is not waited for") {
  Looks looks(kStart);
  looks.begin();
  looks.restart();
  CHECK_FALSE(looks.is_under_way());
  CHECK(looks.begin() == 2);
}

}  // namespace herald::looks_test
