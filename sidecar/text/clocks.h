// Moments as people and other programs read them (RFC 3339, UTC, milliseconds), from the core's clock and back.
//
// Pure: it reads no clock. Who wants wall-clock times hands in a pair of readings, so that a stepped wall clock moves them
// all alike.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "sidecar/core/types.h"

namespace herald {

// A moment of one boot by CLOCK_BOOTTIME, which nobody steps and which goes on while the machine is suspended.
struct BootMoment {
  std::string boot_id;  // /proc/sys/kernel/random/boot_id
  Duration since{};     // the boot

  bool operator==(const BootMoment&) const = default;
};

// The same moment on both clocks, and by that of the boot, where it is known.
struct ClockPair {
  TimePoint core{};
  std::chrono::system_clock::time_point wall{};
  std::optional<BootMoment> boot = {};
};

// "2026-11-23T10:00:00.123Z"
[[nodiscard]] std::string to_rfc3339(TimePoint when, const ClockPair& clocks);

// Of the years 1970 to 2199; others are none, and would not fit into the clocks' nanoseconds.
[[nodiscard]] std::optional<std::chrono::sys_time<std::chrono::milliseconds>> parse_rfc3339(
    const std::string& text);

}  // namespace herald
