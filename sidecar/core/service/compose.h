// What a service's probes say together, and in words why.
//
// It is three-valued: unknown is neither up nor down, and nothing is decided on it. Pure, and without memory: what a probe's
// results amount to is its tracker's (probe/health.h), and what is made of the health is the machine's (machine.h).
#pragma once

#include <optional>
#include <span>
#include <string>

#include "sidecar/core/config.h"
#include "sidecar/core/probe/health.h"

namespace herald {

// What compose() needs of one probe.
struct ProbeOpinion {
  const ProbeSpec* spec = nullptr;
  const HealthTracker* tracker = nullptr;
  const ProbeResult* conclusive = nullptr;  // the last conclusive result, if there was one
  const ProbeResult* latest = nullptr;      // the last result of any kind
  TimePoint silent_since{};                 // when; where there was none, when it began
};

struct Composed {
  Health health = Health::unknown;
  std::string reason;  // "all 2 gates up"; "1 of 2 gates down: front (refused: ...)"
  // Unknown, and every gate that is not known has had conclusive results: it is a matter of a few more.
  bool conclusive = false;
  // Healthy, and this probe, which may degrade it, is not known yet.
  std::optional<std::string> waits_for = std::nullopt;
  // Unhealthy, and the brake holds what would be withdrawn for it.
  std::optional<TimePoint> braked_until = std::nullopt;
  // Unknown: since when the gate that has been silent the longest has told nothing conclusive.
  std::optional<TimePoint> silent_since = std::nullopt;
};

[[nodiscard]] Composed compose(const Require& require, std::span<const ProbeOpinion> probes);

}  // namespace herald
