#include "sidecar/core/probe/asked_runs.h"

#include <algorithm>
#include <utility>

namespace herald {

void AskedRuns::start(const event::ProbeNow& asked, RunId run, const ProbeSpec& spec,
                      std::string_view service, TimePoint now) {
  Aside aside{asked, ProbeRun(spec, service)};
  aside.run.start(run, now);
  aside_.emplace(run, std::move(aside));
}

effect::Probed AskedRuns::take(std::map<RunId, Aside>::iterator found) {
  effect::Probed answer{found->second.asked.ticket, found->second.asked.probe, found->second.run.last()};
  aside_.erase(found);
  return answer;
}

std::optional<effect::Probed> AskedRuns::finish(const event::ProbeFinished& finished, TimePoint now,
                                                Random& random) {
  const auto found = aside_.find(finished.run);
  if (found == aside_.end()) return std::nullopt;
  found->second.run.finish(finished.run, finished.result, finished.ran, now, random);
  return take(found);
}

std::vector<effect::CancelProbe> AskedRuns::expire(TimePoint now) {
  std::vector<effect::CancelProbe> cancelled;
  for (auto& [run, aside] : aside_) {
    for (const RunId expired : aside.run.expire(now)) cancelled.push_back({expired, aside.asked.probe});
  }
  return cancelled;
}

std::optional<effect::Probed> AskedRuns::finish_expired(const event::ProbeStage& cancelled, TimePoint now,
                                                        Random& random) {
  const auto found = aside_.find(cancelled.run);
  if (found == aside_.end() || !found->second.flight().is_expiring) return std::nullopt;
  found->second.run.finish_expired(cancelled.run, cancelled.stage, cancelled.ran, now, random);
  return take(found);
}

std::vector<effect::Probed> AskedRuns::finish_expired(TimePoint now, Random& random) {
  std::vector<effect::Probed> answers;
  for (auto next = aside_.begin(); next != aside_.end();) {
    const auto found = next++;
    Aside& aside = found->second;
    if (!aside.flight().is_expiring || aside.flight().deadline > now) continue;
    aside.run.finish_without_word(found->first, now, random);
    answers.push_back(take(found));
  }
  return answers;
}

std::optional<TimePoint> AskedRuns::next_deadline() const {
  std::optional<TimePoint> next;
  for (const auto& [run, aside] : aside_) {
    const TimePoint deadline = aside.flight().deadline;
    next = std::min(next.value_or(deadline), deadline);
  }
  return next;
}

void AskedRuns::count(const event::ProbeNow& asked, std::uint64_t runs) {
  counted_.emplace(asked.probe, Counted{asked.ticket, runs});
}

std::vector<effect::Probed> AskedRuns::counted(ProbeId probe, std::uint64_t run, const ProbeResult& result) {
  std::vector<effect::Probed> answers;
  auto [next, end] = counted_.equal_range(probe);
  while (next != end) {
    if (run <= next->second.after) {
      ++next;
      continue;
    }
    answers.push_back({next->second.ticket, probe, result});
    next = counted_.erase(next);
  }
  return answers;
}

AskedRuns::Ended AskedRuns::end(const ProbeResult& result) {
  Ended ended;
  for (const auto& [run, aside] : std::exchange(aside_, {})) {
    if (!aside.flight().is_expiring) ended.cancelled.push_back({run, aside.asked.probe});
    ended.answers.push_back({aside.asked.ticket, aside.asked.probe, result});
  }
  for (const auto& [probe, counted] : std::exchange(counted_, {}))
    ended.answers.push_back({counted.ticket, probe, result});
  return ended;
}

}  // namespace herald
