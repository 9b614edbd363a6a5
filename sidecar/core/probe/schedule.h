// When a probe runs next: start to start, on a fixed grid.
//
// The grid of a probe is phase + k × interval on CoreClock, where the phase is a hash of its name: probes are
// spread evenly, and a restart or a slow attempt moves nothing. While a change is pending the next run is
// `fast_interval` after the last start instead, and the grid is joined again afterwards. Jitter is symmetric,
// so that it neither slows nor quickens the rate. A run that comes too late is skipped, never made up for. Runs
// begin on whole milliseconds, which moves no grid: those of one millisecond share a turn of the loop.
#pragma once

#include <cstdint>
#include <random>
#include <string_view>

#include "sidecar/core/config.h"

namespace herald {

// Seeded by whoever owns the controller; the core makes no randomness of its own.
using Random = std::mt19937_64;

// `careful` is fast, but at least a second and at most the interval.
enum class Pace : std::uint8_t { normal, fast, careful, down };

class Schedule {
 public:
  // `identity` gives the phase ("service/probe").
  Schedule(const ProbeTiming& timing, std::string_view identity);

  // Other times on the same grid's phase.
  void retime(const ProbeTiming& timing) { timing_ = timing; }
  // The first run after a start: within one interval and at most 10 s.
  [[nodiscard]] TimePoint first(TimePoint now) const;
  // The run after one that was due at `last_due` (without jitter) and started at `last_start`. Sets
  // `last_due`.
  [[nodiscard]] TimePoint next(TimePoint& last_due, TimePoint last_start, TimePoint now, Pace pace,
                               Random& random) const;

 private:
  [[nodiscard]] Duration interval_of(Pace pace) const;
  [[nodiscard]] TimePoint grid_after(TimePoint after, Duration interval) const;
  [[nodiscard]] Duration jitter(Duration interval, Random& random) const;

  ProbeTiming timing_;
  std::uint64_t hash_;
};

}  // namespace herald
