// Turns a loop until something holds that the loop itself may not notice: it is looked at every 2 ms.
#pragma once

#include <functional>

#include "sidecar/os/loop.h"

namespace herald {

// False when `most` is over.
inline bool run_until(Loop& loop, const std::function<bool()>& done,
                      Duration most = std::chrono::seconds(20)) {
  const TimePoint limit = Loop::clock() + most;
  bool is_done = done();
  Source tick;
  tick = loop.timer_at(Loop::clock(), [&] {
    is_done = done();
    if (is_done || Loop::clock() >= limit) return loop.exit(0);
    tick.set_time(Loop::clock() + std::chrono::milliseconds(2));
  });
  if (!is_done) loop.run();
  return is_done;
}

}  // namespace herald
