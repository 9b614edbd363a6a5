#include "sidecar/core/service/compose.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace herald {
namespace {

struct Count {
  std::uint32_t gates = 0;
  std::uint32_t up = 0;
  std::uint32_t down = 0;
};

std::uint32_t needed(const Require& require, std::uint32_t gates) {
  switch (require.kind) {
    case Require::Kind::all:
      return gates;
    case Require::Kind::any:
      return 1;
    case Require::Kind::at_least:
      break;
  }
  return require.count;
}

Count count_gates(std::span<const ProbeOpinion> probes) {
  Count count;
  for (const ProbeOpinion& probe : probes) {
    if (probe.spec->role != Role::gate) continue;
    ++count.gates;
    if (probe.tracker->output() == HealthTracker::Output::up) ++count.up;
    if (probe.tracker->output() == HealthTracker::Output::down) ++count.down;
  }
  return count;
}

// "front (refused: connect 127.0.0.1:8080: Connection refused)"; what only counts up again has no failure to
// show.
std::string blame(const ProbeOpinion& probe) {
  const HealthTracker& tracker = *probe.tracker;
  if (tracker.output() == HealthTracker::Output::down && tracker.passes() > 0) {
    return fmt::format("{} ({} of {} passes)", probe.spec->name, tracker.passes(), tracker.thresholds().rise);
  }
  if (tracker.output() == HealthTracker::Output::unknown)
    return fmt::format("{} (not known yet)", probe.spec->name);
  if (probe.conclusive == nullptr) return probe.spec->name;
  const ProbeResult& result = *probe.conclusive;
  return fmt::format("{} ({}{}{})", probe.spec->name, name_of(result.reason),
                     result.reason == Reason::none || result.detail.empty() ? "" : ": ", result.detail);
}

template <typename Matches>
std::string list_gates(std::span<const ProbeOpinion> probes, Matches matches) {
  constexpr int kMost = 3;
  std::string text;
  int listed = 0;
  for (const ProbeOpinion& probe : probes) {
    if (probe.spec->role != Role::gate || !matches(probe)) continue;
    if (listed == kMost) return text + ", ...";
    text += (listed++ > 0 ? ", " : "") + blame(probe);
  }
  return text;
}

std::string up_reason(const Count& count, std::span<const ProbeOpinion> probes) {
  if (count.up == count.gates)
    return count.gates == 1 ? "the gate is up" : fmt::format("all {} gates up", count.gates);
  return fmt::format("{} of {} gates up; not: {}", count.up, count.gates,
                     list_gates(probes, [](const auto& probe) {
                       return probe.tracker->output() != HealthTracker::Output::up;
                     }));
}

std::string down_reason(const Count& count, std::span<const ProbeOpinion> probes) {
  return fmt::format("{} of {} gates down: {}", count.down, count.gates,
                     list_gates(probes, [](const auto& probe) {
                       return probe.tracker->output() == HealthTracker::Output::down;
                     }));
}

std::string unknown_reason(std::span<const ProbeOpinion> probes) {
  for (const ProbeOpinion& probe : probes) {
    const HealthTracker& tracker = *probe.tracker;
    if (probe.spec->role != Role::gate || tracker.output() != HealthTracker::Output::unknown) continue;
    const ProbeThresholds& thresholds = tracker.thresholds();
    if (tracker.passes() > 0) {
      return fmt::format("waiting for {}: {} of {} passes", probe.spec->name, tracker.passes(),
                         thresholds.rise);
    }
    if (tracker.failures() > 0) {
      return fmt::format("waiting for {}: {} of {} failures ({})", probe.spec->name, tracker.failures(),
                         thresholds.fall, probe.conclusive == nullptr ? "" : probe.conclusive->detail);
    }
    const bool trouble = probe.latest != nullptr && probe.latest->verdict == Verdict::inconclusive &&
                         !probe.latest->detail.empty();
    return fmt::format("waiting for {}: {}", probe.spec->name,
                       trouble ? probe.latest->detail : "no result yet");
  }
  return "no gate is known";
}

// A probe that may degrade it and is not known yet.
std::optional<std::string> unknown_degrader(std::span<const ProbeOpinion> probes) {
  const auto found = std::ranges::find_if(probes, [](const ProbeOpinion& probe) {
    return probe.spec->role == Role::degrade && probe.tracker->output() == HealthTracker::Output::unknown;
  });
  if (found == probes.end()) return std::nullopt;
  return found->spec->name;
}

bool all_conclusive(std::span<const ProbeOpinion> probes) {
  return std::ranges::none_of(probes, [](const ProbeOpinion& probe) {
    const HealthTracker& tracker = *probe.tracker;
    return probe.spec->role == Role::gate && tracker.output() == HealthTracker::Output::unknown &&
           tracker.passes() == 0 && tracker.failures() == 0;
  });
}

std::optional<TimePoint> longest_silence(std::span<const ProbeOpinion> probes) {
  std::optional<TimePoint> since;
  for (const ProbeOpinion& probe : probes) {
    const bool is_unknown = probe.tracker->output() == HealthTracker::Output::unknown;
    if (probe.spec->role != Role::gate || !is_unknown) continue;
    since = std::min(since.value_or(probe.silent_since), probe.silent_since);
  }
  return since;
}

// Why a service that its gates call up is degraded.
std::optional<std::string> degraded_reason(std::span<const ProbeOpinion> probes) {
  for (const ProbeOpinion& probe : probes) {
    if (probe.spec->role == Role::info) continue;
    if (probe.tracker->degraded()) return fmt::format("{} warns", blame(probe));
    if (probe.spec->role == Role::degrade && probe.tracker->output() == HealthTracker::Output::down) {
      return fmt::format("{} is down", blame(probe));
    }
  }
  return std::nullopt;
}

}  // namespace

Composed compose(const Require& require, std::span<const ProbeOpinion> probes) {
  const Count count = count_gates(probes);
  const std::uint32_t least = needed(require, count.gates);
  if (count.down > count.gates - std::min(least, count.gates)) {
    return {Health::unhealthy, down_reason(count, probes)};
  }
  if (count.up < least) {
    Composed unknown{Health::unknown, unknown_reason(probes), all_conclusive(probes)};
    unknown.silent_since = longest_silence(probes);
    return unknown;
  }
  std::string up = up_reason(count, probes);
  const auto why = degraded_reason(probes);
  if (!why) return {Health::healthy, std::move(up), false, unknown_degrader(probes)};
  // Both: it may be what the service comes up by.
  return {Health::degraded, fmt::format("{}; degraded: {}", up, *why)};
}

}  // namespace herald
