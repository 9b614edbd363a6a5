#include "sidecar/core/probe/probe_fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace herald {
namespace {

// Attempts in flight at once. A due attempt beyond it waits a little; it is there to bound memory, not to
// pace.
constexpr std::size_t kMostRunning = 16384;
constexpr Duration kWaitForPlace = 10ms;

// While an attempt is in flight a timer beats, so that the loop's lateness is noticed while it matters.
constexpr Duration kPulse = 100ms;

// A run's id holds the id of its probe.
constexpr std::uint64_t kRunIndexBits = 24;

constexpr std::size_t kNoPlace = static_cast<std::size_t>(-1);
constexpr ProbeId kNoId{static_cast<std::uint32_t>(-1)};

// Whether an attempt of the one can go on for the other.
bool is_same_attempt(const ProbeSpec& left, const ProbeSpec& right) {
  return is_same_target(left, right) && left.timing.timeout == right.timing.timeout;
}

// "refused: connect: Connection refused; nudged: listener gone"
std::string said(const ProbeRun& run) {
  const ProbeResult& result = run.last();
  const std::string_view reason = name_of(result.reason);
  std::string text =
      fmt::format("{}{}{}", reason, reason.empty() || result.detail.empty() ? "" : ": ", result.detail);
  if (const auto nudge = run.nudges().current()) text += fmt::format("; nudged: {}", name_of(*nudge));
  return text;
}

template <typename Effects>
void append(std::vector<Effect>& all, Effects effects) {
  for (auto& effect : effects) all.emplace_back(std::move(effect));
}

}  // namespace

ProbeFleet::ProbeFleet(std::uint64_t seed) : random_(seed) {
  timers_.resize(static_cast<std::size_t>(Timer::count));
}

// ---- ends

ProbeFleet::Mark ProbeFleet::mark(const ProbeRun& probe) {
  const HealthTracker& tracker = probe.tracker();
  return {tracker.output(), tracker.degraded(), tracker.pending(), tracker.is_timeout()};
}

std::string ProbeFleet::word_for(const Mark& mark) {
  switch (mark.output) {
    case HealthTracker::Output::unknown:
      return "unknown";
    case HealthTracker::Output::up:
      return mark.degraded ? "degraded" : "up";
    case HealthTracker::Output::down:
      break;
  }
  return "down";
}

std::optional<std::size_t> ProbeFleet::find(ProbeId id) const {
  const auto index = static_cast<std::size_t>(id);
  if (index >= place_of_.size() || place_of_[index] == kNoPlace) return std::nullopt;
  return place_of_[index];
}

std::optional<std::size_t> ProbeFleet::find(RunId run) const {
  const std::uint64_t id = static_cast<std::uint64_t>(run) & ((1ULL << kRunIndexBits) - 1);
  const auto place = find(ProbeId{static_cast<std::uint32_t>(id)});
  return place && probes_[*place].run.flight(run) != nullptr ? place
                                                             : std::nullopt;  // late: that attempt is over
}

ProbeFleet::Outcome ProbeFleet::finish(const event::ProbeFinished& finished, TimePoint now) {
  Outcome outcome;
  if (asked_.has(finished.run)) {
    if (auto answer = asked_.finish(finished, now, random_)) outcome.effects.emplace_back(std::move(*answer));
    settle_asked();
  } else if (const auto place = find(finished.run)) {
    std::erase(expiring_, finished.run);
    ProbeRun& run = probes_[*place].run;
    const Mark before = mark(run);
    const TimePoint next = run.finish(finished.run, finished.result, finished.ran, now, random_);
    ended(*place, finished.run, next, before, now, outcome);
  }
  return outcome;
}

ProbeFleet::Outcome ProbeFleet::finish_cancelled(const event::ProbeStage& cancelled, TimePoint now) {
  Outcome outcome;
  if (asked_.has(cancelled.run)) {
    if (auto answer = asked_.finish_expired(cancelled, now, random_))
      outcome.effects.emplace_back(std::move(*answer));
    settle_asked();
  } else if (const auto place = find(cancelled.run);
             place && probes_[*place].run.flight(cancelled.run)->is_expiring) {
    std::erase(expiring_, cancelled.run);
    ProbeRun& run = probes_[*place].run;
    const Mark before = mark(run);
    const TimePoint next = run.finish_expired(cancelled.run, cancelled.stage, cancelled.ran, now, random_);
    ended(*place, cancelled.run, next, before, now, outcome);
  }
  return outcome;
}

ProbeFleet::Outcome ProbeFleet::finish_expired(TimePoint now) {
  Outcome outcome;
  std::vector<RunId> in_vain;
  std::erase_if(expiring_, [&](RunId run) {
    const bool is_over = probes_[*find(run)].run.flight(run)->deadline <= now;
    if (is_over) in_vain.push_back(run);
    return is_over;
  });
  for (const RunId run : in_vain) {
    const std::size_t place = *find(run);
    const Mark before = mark(probes_[place].run);
    ended(place, run, probes_[place].run.finish_without_word(run, now, random_), before, now, outcome);
  }
  append(outcome.effects, asked_.finish_expired(now, random_));
  settle_asked();
  return outcome;
}

void ProbeFleet::ended(std::size_t place, RunId run, TimePoint next, const Mark& before, TimePoint now,
                       Outcome& outcome) {
  Member& probe = probes_[place];
  --running_;
  timers_.set(key(place), next);
  const std::uint64_t number = static_cast<std::uint64_t>(run) >> kRunIndexBits;
  append(outcome.effects, asked_.counted(probe.id, number, probe.run.last()));
  if (probe.run.is_idle() && asked_.awaits(probe.id))
    timers_.set(key(place), probe.run.bring_forward(now));  // that one began too early
  const Mark after = mark(probe.run);
  // A steady probe changes nothing for its service, and most are steady: this keeps thousands of them cheap.
  const bool changed = before.output != after.output || before.degraded != after.degraded;
  const bool no_timeout = before.is_timeout && !after.is_timeout;
  if (changed || no_timeout || before.pending || after.pending) outcome.news.push_back(probe.service);
  if (probe.run.has_answered()) outcome.answered.push_back(probe.service);
  if (changed) outcome.effects.emplace_back(turned(place, before, said(probe.run), now));
}

effect::Transition ProbeFleet::turned(std::size_t place, const Mark& before, std::string why, TimePoint now) {
  Member& probe = probes_[place];
  return {now,
          services_[probe.service],
          probe.run.spec().name,
          word_for(before),
          word_for(mark(probe.run)),
          std::move(why),
          Subject::probe,
          probe.run.turned(now)};
}

// ---- lateness

void ProbeFleet::was_absent(Duration late) {
  for (Member& probe : probes_) probe.run.was_absent(late);
}

ProbeFleet::Outcome ProbeFleet::forget_old(const std::vector<bool>& lapsed, std::string_view why,
                                           TimePoint now) {
  Outcome outcome;
  for (std::size_t place = 0; place < probes_.size(); ++place) {
    Member& probe = probes_[place];
    const Mark before = mark(probe.run);
    if (lapsed[probe.service]) {
      probe.run.forget();
    } else if (!probe.run.forget_if_stale(now)) {
      continue;
    }
    outcome.news.push_back(probe.service);
    if (before.output != HealthTracker::Output::unknown)
      outcome.effects.emplace_back(turned(place, before, std::string(why), now));
  }
  return outcome;
}

// ---- attempts that are due

RunId ProbeFleet::next_run(const Member& probe) {
  return RunId{(++runs_ << kRunIndexBits) | static_cast<std::uint32_t>(probe.id)};
}

std::vector<Effect> ProbeFleet::due(TimePoint now) {
  std::vector<Effect> effects;
  while (const auto due = timers_.pop(now)) {
    if (*due < probes_.size()) {
      expire_and_start(*due, now, effects);
    } else if (*due == key(Timer::asked)) {
      append(effects, asked_.expire(now));
      settle_asked();
    } else if (running_ > 0) {
      timers_.set(key(Timer::pulse), now + kPulse);
    }
  }
  return effects;
}

void ProbeFleet::expire_and_start(std::size_t place, TimePoint now, std::vector<Effect>& effects) {
  Member& probe = probes_[place];
  for (const RunId run : probe.run.expire(now)) {
    expiring_.push_back(run);
    effects.emplace_back(effect::CancelProbe{run, probe.id});
  }
  const auto next = probe.run.next_start();
  if (!next || *next > now) return timers_.set(key(place), probe.run.wake());
  if (running_ >= kMostRunning) return timers_.set(key(place), now + kWaitForPlace);
  const RunId run = next_run(probe);
  ++running_;
  if (!timers_.due(key(Timer::pulse))) timers_.set(key(Timer::pulse), now + kPulse);
  timers_.set(key(place), probe.run.start(run, now));
  effects.emplace_back(effect::StartProbe{probe.id, run});
}

// ---- attempts that are asked for

effect::Probed ProbeFleet::refuse(const event::ProbeNow& asked, std::string_view why) {
  return {asked.ticket, asked.probe, {Verdict::inconclusive, Reason::local, std::string(why), Duration{}}};
}

std::vector<Effect> ProbeFleet::ask(const event::ProbeNow& asked, TimePoint now) {
  const auto place = find(asked.probe);
  if (!place || asked_.is_full(asked.counts)) return {refuse(asked, "too many attempts were asked for")};
  Member& probe = probes_[*place];
  if (asked.counts) {
    asked_.count(asked, runs_);
    if (probe.run.is_idle()) timers_.set(key(*place), probe.run.bring_forward(now));
    return {};
  }
  const RunId run = next_run(probe);
  asked_.start(asked, run, probe.run.spec(), services_[probe.service], now);
  settle_asked();
  return {effect::StartAside{asked.probe, run}};
}

void ProbeFleet::nudge(const event::Nudged& nudged, TimePoint now) {
  const auto place = find(nudged.probe);
  if (!place) return;
  if (const auto next = probes_[*place].run.nudge(nudged.why, now)) timers_.set(key(*place), *next);
}

// After anything that asked_ was told: when to look at it again.
void ProbeFleet::settle_asked() {
  if (const auto deadline = asked_.next_deadline()) {
    timers_.set(key(Timer::asked), *deadline);
  } else {
    timers_.cancel(key(Timer::asked));
  }
}

std::vector<Effect> ProbeFleet::end_asked(std::string_view why) {
  AskedRuns::Ended ended = asked_.end({Verdict::inconclusive, Reason::local, std::string(why), Duration{}});
  settle_asked();
  std::vector<Effect> effects;
  append(effects, std::move(ended.cancelled));
  append(effects, std::move(ended.answers));
  return effects;
}

std::vector<Effect> ProbeFleet::stop() {
  std::vector<Effect> effects = end_asked("herald stops");
  for (std::size_t place = 0; place < probes_.size(); ++place) {
    Member& probe = probes_[place];
    for (const ProbeRun::Flight& flight : probe.run.flights()) {
      if (!flight.is_expiring) effects.emplace_back(effect::CancelProbe{flight.run, probe.id});
    }
    probe.run.stop();
    timers_.cancel(key(place));
  }
  expiring_.clear();
  running_ = 0;
  return effects;
}

// ---- another configuration

// What there was, and what it leaves to be done.
struct ProbeFleet::Former {
  std::vector<Member> probes;
  Timers timers;
  std::vector<bool> kept;           // by former place: its id is in use again
  std::vector<TimePoint> due;       // by new place
  std::vector<std::size_t> remade;  // new places
  struct Turned {
    std::size_t place = 0;  // the new one
    Mark before;
  };
  std::vector<Turned> turned;  // what was known of them is known no more
};

ProbeFleet::Reconfigured ProbeFleet::reconfigure(std::span<const Wanted> wanted,
                                                 std::vector<std::string> services, TimePoint now) {
  assert(!is_asked());
  const auto pulse = timers_.due(key(Timer::pulse));
  Former former;
  former.kept.resize(probes_.size());
  former.probes = std::exchange(probes_, {});
  former.timers = std::exchange(timers_, {});
  services_ = std::move(services);
  Reconfigured done;
  for (const Wanted& one : wanted) take(one, former, done, now);
  for (std::size_t place = 0; place < former.probes.size(); ++place) {
    if (!former.kept[place]) cancel(former.probes[place], done.effects);
  }
  give_ids();
  timers_.resize(probes_.size() + static_cast<std::size_t>(Timer::count));
  for (std::size_t place = 0; place < probes_.size(); ++place) timers_.set(key(place), former.due[place]);
  if (pulse) timers_.set(key(Timer::pulse), *pulse);
  for (const std::size_t place : former.remade) done.remade.push_back(probes_[place].id);
  for (const auto& [place, before] : former.turned)
    done.effects.emplace_back(turned(place, before, "it has another target", now));
  return done;
}

void ProbeFleet::take(const Wanted& wanted, Former& former, Reconfigured& done, TimePoint now) {
  const ProbeSpec& spec = *wanted.spec;
  const std::size_t place = probes_.size();
  if (!wanted.before) {
    probes_.push_back(
        {ProbeRun(spec, services_[wanted.service]), kNoId, wanted.service});  // give_ids() finds one
    former.remade.push_back(place);
    former.due.push_back(probes_.back().run.begin(now));
    done.doubted.push_back(true);
    return;
  }
  Member& old = former.probes[*wanted.before];
  former.kept[*wanted.before] = true;
  if (!is_same_attempt(old.run.spec(), spec)) {
    cancel(old, done.effects);
    former.remade.push_back(place);
  }
  const bool same_target = is_same_target(old.run.spec(), spec);
  done.doubted.push_back(!same_target);
  if (same_target) {
    const auto due = former.timers.due(key(*wanted.before));
    const bool same = old.run.spec() == spec;
    former.due.push_back(same ? due.value_or(now) : old.run.reconfigure(spec, now));
    probes_.push_back({std::move(old.run), old.id, wanted.service});
    return;
  }
  if (const Mark before = mark(old.run); before.output != HealthTracker::Output::unknown)
    former.turned.push_back({place, before});
  probes_.push_back({ProbeRun(spec, services_[wanted.service]), old.id, wanted.service});
  probes_.back().run.count_on(old.run.counts());
  former.due.push_back(probes_.back().run.begin(now));
}

void ProbeFleet::cancel(Member& probe, std::vector<Effect>& effects) {
  for (const ProbeRun::Flight& flight : probe.run.flights()) {
    if (!flight.is_expiring) effects.emplace_back(effect::CancelProbe{flight.run, probe.id});
    std::erase(expiring_, flight.run);
    --running_;
  }
  probe.run.stop();
}

// New probes get ids that nobody has any more, the lowest first.
void ProbeFleet::give_ids() {
  const auto mark_used = [&](std::size_t place) {
    const auto id = static_cast<std::size_t>(probes_[place].id);
    if (place_of_.size() <= id) place_of_.resize(id + 1, kNoPlace);
    place_of_[id] = place;
  };
  std::ranges::fill(place_of_, kNoPlace);
  for (std::size_t place = 0; place < probes_.size(); ++place) {
    if (probes_[place].id != kNoId) mark_used(place);
  }
  std::uint32_t next = 0;
  for (std::size_t place = 0; place < probes_.size(); ++place) {
    if (probes_[place].id != kNoId) continue;
    while (next < place_of_.size() && place_of_[next] != kNoPlace) ++next;
    probes_[place].id = ProbeId{next};
    mark_used(place);
  }
}

}  // namespace herald
