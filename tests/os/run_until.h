// Turns a loop until something holds, or for a while.
//
// What is waited for may be something that the loop itself does not notice: it is looked at after every turn, and there is a
// turn every 2 ms at least. What held already turns nothing.
#pragma once

#include <functional>

#include "sidecar/os/loop.h"

namespace herald {

// False when `most` is over, or when the loop was left before.
inline bool run_until(Loop& loop, const std::function<bool()>& done,
                      Duration most = std::chrono::seconds(20)) {
  const TimePoint limit = Loop::clock() + most;
  bool is_done = done();
  if (is_done) return true;
  const Source look = loop.post([&] {
    is_done = is_done || done();
    if (is_done || Loop::clock() >= limit) loop.exit(0);
  });
  Source tick;
  tick = loop.timer_at(Loop::clock(), [&] { tick.set_time(Loop::clock() + std::chrono::milliseconds(2)); });
  loop.run();
  return is_done;
}

inline void run_for(Loop& loop, Duration time) {
  const Source end = loop.timer_at(Loop::clock() + time, [&] { loop.exit(0); });
  loop.run();
}

}  // namespace herald
