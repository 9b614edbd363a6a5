// What systemd is told (sd_notify(3)): that heraldd is ready, its status, that it lives, and how long a stop may still take.
//
// Signs of life are sent from the end of a settled turn only: a loop that spins or hangs in a callback feeds no watchdog. The
// loop outlives it.
#pragma once

#include <functional>
#include <string>

#include "sidecar/core/types.h"
#include "sidecar/os/loop.h"
#include "sidecar/os/notify_socket.h"

namespace herald {

class Systemd {
 public:
  // The watchdog's time is the environment's ($WATCHDOG_USEC).
  explicit Systemd(Loop& loop);

  struct Turn {
    bool ready = false;  // once it was, it stays so
    bool stopping = false;
  };
  // At the end of each. `status` is asked where it has to be told anew.
  void turn_ends(const Turn& turn, const std::function<std::string()>& status);
  void status_changed() { status_changed_ = true; }

  // A reload: until reloaded() systemd waits.
  void reloading();
  void reloaded();
  // The end, which follows at once.
  void exiting();

 private:
  Loop& loop_;
  NotifySocket manager_;
  Duration watchdog_{};  // zero: none
  bool ready_ = false;
  bool status_changed_ = true;
  TimePoint notified_at_{};
  Source pulse_;
};

}  // namespace herald
