#include "sidecar/core/timers.h"

#include <catch2/catch.hpp>

namespace herald::timers_test {
namespace {

constexpr TimePoint at(int seconds) {
  return TimePoint{std::chrono::seconds(seconds)};
}

}  // namespace

TEST_CASE("timers are popped in the order of their time, once each") {
  Timers timers;
  timers.resize(4);
  CHECK_FALSE(timers.next());
  timers.set(2, at(3));
  timers.set(0, at(1));
  timers.set(1, at(2));
  timers.set(3, at(1));
  CHECK(timers.next() == at(1));
  CHECK_FALSE(timers.pop(at(0)));
  CHECK(timers.pop(at(2)) == 0U);
  CHECK(timers.pop(at(2)) == 3U);
  CHECK(timers.pop(at(2)) == 1U);
  CHECK_FALSE(timers.pop(at(2)));
  CHECK(timers.due(2) == at(3));
  CHECK_FALSE(timers.due(1));
}

TEST_CASE("setting a timer again moves it, and cancelling ends it") {
  Timers timers;
  timers.resize(2);
  timers.set(0, at(1));
  timers.set(0, at(5));
  CHECK(timers.next() == at(5));
  CHECK_FALSE(timers.pop(at(4)));
  timers.cancel(0);
  timers.cancel(0);
  CHECK_FALSE(timers.next());
  CHECK_FALSE(timers.pop(at(9)));
}

}  // namespace herald::timers_test
