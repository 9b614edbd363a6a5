#include "sidecar/daemon/accept_queue.h"

#include <catch2/catch.hpp>

namespace herald::accept_queue_test {

using namespace std::chrono_literals;

namespace {

// How often it is said, of what is seen every 20 ms.
int said(AcceptQueue& queue, const std::vector<std::uint32_t>& waiting, TimePoint& now) {
  int times = 0;
  for (const std::uint32_t one : waiting) {
    now += 20ms;
    if (queue.stalls(one, 100ms, now)) ++times;
  }
  return times;
}

}  // namespace

TEST_CASE("accept queue: connections of which none is accepted for so long stall it, once") {
  AcceptQueue queue;
  TimePoint now{1h};
  CHECK(said(queue, {0, 0, 0, 0, 0, 0, 0, 0}, now) == 0);
  CHECK(said(queue, {1, 1, 2, 2, 3}, now) == 1);
  CHECK(said(queue, {3, 4, 4, 4, 4, 4, 4, 4}, now) == 0);
  CHECK(said(queue, {0, 1, 1, 1, 1}, now) == 0);
  CHECK(said(queue, {1}, now) == 1);
}

TEST_CASE("accept queue: one that gets shorter moves, and what was not seen is not known") {
  AcceptQueue queue;
  TimePoint now{1h};
  CHECK(said(queue, {3, 2, 4, 3, 5, 4, 6, 5, 7, 6, 8, 7, 9, 8}, now) == 0);
  AcceptQueue unseen;
  CHECK_FALSE(unseen.stalls(1, 100ms, now));
  CHECK_FALSE(unseen.stalls(1, 100ms, now += 5s));
  CHECK_FALSE(unseen.stalls(1, 100ms, now += 80ms));
  CHECK(unseen.stalls(1, 100ms, now += 20ms));
}

}  // namespace herald::accept_queue_test
