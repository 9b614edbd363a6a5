// A loop that a test turns.
#pragma once

#include <functional>

#include "sidecar/os/loop.h"

namespace fixture {

using namespace herald;
using namespace std::chrono_literals;

// Until `done`; false when that took too long.
inline bool turn_until(Loop& loop, const std::function<bool()>& done, Duration most = 10s) {
  const TimePoint end = Loop::clock() + most;
  bool reached = false;
  Source tick;
  tick = loop.timer_at(Loop::clock(), [&] {
    reached = done();
    if (reached || Loop::clock() > end) return loop.exit(0);
    tick.set_time(Loop::clock() + 1ms);
  });
  loop.run();
  return reached;
}

}  // namespace fixture
