// What a probe finds: one simulated target a probe, in one of a few moods.
#pragma once

#include <optional>
#include <string>

#include "sidecar/core/probe/schedule.h"

namespace herald::sim {

struct Target {
  enum class Mood : std::uint8_t {
    up,
    failing,      // for `reason`, at once
    hanging,      // never answers
    slow,         // passes after `latency`, which may be beyond the deadline
    warning,      // passes with a warning
    flapping,     // fails with probability `unreliable`
    patterned,    // '.' passes, 'x' fails, '?' is inconclusive, one a run, over and over
    inconclusive  // herald's own trouble
  };
  Mood mood = Mood::up;
  Reason reason = Reason::refused;
  Duration latency = std::chrono::milliseconds(2);
  double unreliable = 0;
  std::string pattern = {};
  std::size_t position = 0;
};

struct Answer {
  Duration after{};
  std::optional<ProbeResult> result;  // none: it hangs
};

[[nodiscard]] Answer answer(Target& target, Random& random);

}  // namespace herald::sim
