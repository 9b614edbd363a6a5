// What time it is since the machine was booted, and which boot that was: what is kept by this clock is not moved by a wall clock
// that is stepped, and means nothing after a reboot.
#pragma once

#include <optional>

#include "sidecar/text/clocks.h"

namespace herald {

class BootClock {
 public:
  // Reads which boot this is, once.
  BootClock();

  // None where the kernel does not say which boot it is: /proc is not mounted.
  [[nodiscard]] std::optional<BootMoment> now() const;

 private:
  std::optional<std::string> boot_id_;
};

}  // namespace herald
