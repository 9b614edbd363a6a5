#include "sidecar/daemon/event_sources.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace herald {

EventSources::EventSources(Loop& loop, const Tell& tell, const Say& say)
    : tell_(tell), listeners_(loop, tell, say), ways_(loop, tell, say) {}

void EventSources::watch(const std::vector<Watched>& probes) {
  std::vector<TargetWatch::Watched> listeners;
  std::vector<WayWatch::Watched> ways;
  const auto before = std::exchange(held_, {});
  for (const auto& [probe, spec] : probes) {
    listeners.push_back({probe, spec});
    ways.push_back({probe, spec});
    if (!spec->hold) continue;
    const auto known = before.find(probe);
    held_[probe] =
        known != before.end() ? known->second : "connection not held (no attempt has passed since)";
  }
  listeners_.watch(listeners);
  ways_.watch(ways);
}

void EventSources::held(const work::Held& change) {
  const auto found = held_.find(change.probe);
  if (found == held_.end()) return;
  found->second = change.change == work::HeldChange::begun
                      ? "connection held"
                      : fmt::format("connection not held ({})", change.text);
  if (change.change == work::HeldChange::ended) tell_({change.probe, Nudge::connection_ended});
}

std::string EventSources::source_of(ProbeId probe) {
  std::string listener = listeners_.source_of(probe);
  std::vector<std::string> sources;
  const bool is_here = listeners_.is_here(probe);
  if (is_here) sources.push_back(std::move(listener));
  if (const auto found = held_.find(probe); found != held_.end()) sources.push_back(found->second);
  if (auto way = ways_.source_of(probe)) sources.push_back(std::move(*way));
  return sources.empty() ? listener : fmt::format("{}", fmt::join(sources, ", "));
}

}  // namespace herald
