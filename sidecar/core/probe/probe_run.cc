#include "sidecar/core/probe/probe_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace herald {
namespace {

std::string milliseconds(Duration duration) {
  return fmt::format("{:.0f} ms", std::chrono::duration<double, std::milli>(duration).count());
}

ProbeResult late_result(Duration late) {
  return {Verdict::inconclusive, Reason::late, fmt::format("herald itself was {} late", milliseconds(late)),
          late};
}

bool is_by_the_clock(const ProbeResult& result) {
  return result.reason == Reason::timeout || result.reason == Reason::latency;
}

}  // namespace

bool is_same_target(const ProbeSpec& left, const ProbeSpec& right) {
  return left.type == right.type && left.settings == right.settings && left.socket == right.socket &&
         left.thresholds.invert == right.thresholds.invert;
}

ProbeRun::ProbeRun(ProbeSpec spec, std::string_view service)
    : spec_(std::move(spec)),
      tracker_(spec_.thresholds),
      schedule_(spec_.timing, fmt::format("{}/{}", service, spec_.name)) {}

TimePoint ProbeRun::begin(TimePoint now) {
  due_ = next_ = schedule_.first(now);
  paced_.reset();
  conclusive_at_ = turned_at_ = now;
  absent_ = {};
  return next_;
}

TimePoint ProbeRun::start(RunId run, TimePoint now) {
  const bool is_beside = std::exchange(is_beside_, false);
  const bool is_doubted = is_beside || tracker_.pending();
  flights_.push_back({run, now, now + spec_.timing.timeout, false});
  started_ = now;
  if (!is_beside) {
    made_due_ = due_;
    displaced_ = std::exchange(planned_, std::nullopt);
  }
  paced_.reset();
  if (const auto suspect_after = suspect()) {
    next_ = now + (is_doubted ? std::max(*suspect_after, spec_.timing.fast_interval) : *suspect_after);
    is_beside_ = true;
  }
  nudges_.started(now);
  if (const auto why = nudges_.current()) counts_.nudged.count(*why);
  ++runs_;
  return wake();
}

TimePoint ProbeRun::bring_forward(TimePoint now) {
  due_ = next_ = now;
  paced_.reset();
  is_beside_ = false;
  return wake();
}

std::size_t ProbeRun::most_in_flight() const {
  const bool overlaps = spec_.overlap.is_on && tracker_.output() != HealthTracker::Output::down;
  return overlaps ? spec_.thresholds.fall : 1;
}

std::optional<TimePoint> ProbeRun::next_start() const {
  return flights_.size() < most_in_flight() ? std::optional(next_) : std::nullopt;
}

TimePoint ProbeRun::wake() const {
  TimePoint at = next_start().value_or(TimePoint::max());
  for (const Flight& flight : flights_) at = std::min(at, flight.deadline);
  return at;
}

const ProbeRun::Flight* ProbeRun::flight(RunId run) const {
  const auto found = std::ranges::find(flights_, run, &Flight::run);
  return found == flights_.end() ? nullptr : &*found;
}

ProbeRun::Flight ProbeRun::take(RunId run) {
  const auto found = std::ranges::find(flights_, run, &Flight::run);
  const Flight taken = *found;
  flights_.erase(found);
  return taken;
}

std::optional<Duration> ProbeRun::suspect() const {
  if (!spec_.overlap.is_on) return std::nullopt;
  const Duration most = spec_.timing.timeout / 2;
  if (spec_.overlap.suspect) return *spec_.overlap.suspect;
  const auto usual = latencies_.p99();
  return usual ? std::min(std::max(4 * *usual, kLeastSuspect), most) : most;
}

TimePoint ProbeRun::reconfigure(ProbeSpec spec, TimePoint now) {
  const bool retimed = spec.timing != spec_.timing;
  spec_ = std::move(spec);
  tracker_.retune(spec_.thresholds);
  schedule_.retime(spec_.timing);
  if (!spec_.overlap.is_on) latencies_.clear();
  if (retimed) {
    paced_.reset();
    planned_.reset();
    displaced_.reset();
  }
  if (!is_idle() || !retimed) return wake();
  if (const TimePoint first = schedule_.first(now); first < next_) due_ = next_ = first;
  next_ = std::max(now, next_);
  return next_;
}

std::vector<RunId> ProbeRun::expire(TimePoint now) {
  std::vector<RunId> expired;
  for (Flight& flight : flights_) {
    if (flight.is_expiring || flight.deadline > now) continue;
    flight.is_expiring = true;
    flight.deadline = now + kWordAwaited;
    expired.push_back(flight.run);
  }
  return expired;
}

TimePoint ProbeRun::finish(RunId run, ProbeResult result, const Ran& ran, TimePoint now, Random& random) {
  const Flight flight = take(run);
  const Duration timeout = spec_.timing.timeout;
  const Duration took = std::clamp(ran.ended, flight.started, now) - flight.started;
  const bool is_good = result.verdict == Verdict::pass || result.verdict == Verdict::warn;
  if (is_by_the_clock(result) && ran.stalled > timeout / 4) {
    result = late_result(ran.stalled);
  } else if (is_good && took > timeout) {  // heraldd slept: else it would have been cut off
    const std::string text =
        fmt::format("no result within {}: it came after {}", milliseconds(timeout), milliseconds(took));
    result = had_its_time(served(flight, ran, now)) ? ProbeResult{Verdict::fail, Reason::timeout, text, took}
                                                    : late_result(took - timeout);
  }
  return count(flight, std::move(result), now, random);
}

TimePoint ProbeRun::finish_expired(RunId run, std::string_view stage, const Ran& ran, TimePoint now,
                                   Random& random) {
  const Flight flight = take(run);
  const Duration had = served(flight, ran, now);
  if (!had_its_time(had)) return count(flight, late_result(spec_.timing.timeout - had), now, random);
  const std::string text = fmt::format("no result within {}{}{}", milliseconds(spec_.timing.timeout),
                                       stage.empty() ? "" : ": ", stage);
  return count(flight, {Verdict::fail, Reason::timeout, text, now - flight.started}, now, random);
}

TimePoint ProbeRun::finish_without_word(RunId run, TimePoint now, Random& random) {
  const Flight flight = take(run);
  constexpr const char* kNoWord = "the worker that ran it does not answer";
  return count(flight, {Verdict::inconclusive, Reason::late, kNoWord, now - flight.started}, now, random);
}

Duration ProbeRun::served(const Flight& flight, const Ran& ran, TimePoint now) {
  const TimePoint ended = std::clamp(ran.ended, flight.started, now);
  const TimePoint began = std::clamp(ran.began, flight.started, ended);
  return ended - began - std::clamp(ran.stalled, Duration{}, ended - began);
}

TimePoint ProbeRun::count(const Flight& flight, ProbeResult result, TimePoint now, Random& random) {
  const bool is_good = result.verdict == Verdict::pass || result.verdict == Verdict::warn;
  if (is_good && spec_.overlap.is_on) latencies_.add(result.latency);
  last_ = tracker_.record(std::move(result));
  last_started_ = flight.started;
  note_counts();
  if (last_.verdict == Verdict::inconclusive) {
    ++inconclusive_;
    forget_if_stale(now);
  } else {
    conclusive_ = last_;
    conclusive_at_ = now;
    absent_ = {};
  }
  plan(now, random);
  if (nudges_.is_waiting() && !is_worth_nudging()) nudges_.drop();
  if (nudges_.is_waiting()) hurry(now);
  return wake();
}

// The next attempt by the pace. It is the last start that counts for it, whichever attempt has ended.
void ProbeRun::plan(TimePoint now, Random& random) {
  is_beside_ = false;
  planned_.reset();
  if (paced_ == pace() && next_ > now) return;
  paced_ = pace();
  due_ = made_due_;
  next_ = schedule_.next(due_, started_, now, pace(), random);
  if (!displaced_ || displaced_->next <= now) return;
  const bool is_same_pace = displaced_->pace == pace() && displaced_->pace != Pace::fast;
  const bool begins_to_count =
      pace() == Pace::fast && tracker_.failures() == 1 && last_.verdict == Verdict::fail;
  if (is_same_pace || (displaced_->next < next_ && !begins_to_count))
    std::tie(due_, next_) = std::tie(displaced_->due, displaced_->next);
}

void ProbeRun::note_counts() {
  counts_.verdicts.count(last_.verdict);
  if (last_.verdict == Verdict::fail) counts_.failures.count(last_.reason);
  if (last_.verdict != Verdict::inconclusive) counts_.took.record(last_.latency);
  if (last_.certificate_end) certificate_end_ = last_.certificate_end;
  if (tracker_.failures() == 0) {
    failing_since_.reset();
  } else if (!failing_since_) {
    failing_since_ = last_started_;
  }
}

std::optional<TimePoint> ProbeRun::nudge(Nudge why, TimePoint now) {
  if (!next_start() || is_beside_) {
    nudges_.take(why);  // whether it is worth anything, is known when that has ended
    return std::nullopt;
  }
  if (!nudges_.take(why)) return std::nullopt;
  if (!is_worth_nudging()) {
    nudges_.drop();
    return std::nullopt;
  }
  const TimePoint before = next_;
  hurry(now);
  return next_ < before ? std::optional(wake()) : std::nullopt;  // what is in flight beside it may end sooner
}

bool ProbeRun::is_worth_nudging() const {
  const bool is_counting = tracker_.failures() > 0;
  switch (tracker_.output()) {
    case HealthTracker::Output::up:
      return !is_counting || is_hard(failure_after(*nudges_.waiting()));
    case HealthTracker::Output::unknown:
      return !is_counting && tracker_.passes() == 0;
    case HealthTracker::Output::down:
      break;
  }
  return false;
}

bool ProbeRun::is_hard(Reason reason) const {
  const auto& hard = spec_.thresholds.hard_fail;
  return std::ranges::find(hard, reason) != hard.end();
}

void ProbeRun::hurry(TimePoint now) {
  const TimePoint earliest = nudges_.earliest(now);
  if (earliest >= next_) return;
  planned_ = Planned{due_, next_, pace()};
  due_ = next_ = earliest;
  paced_.reset();
}

Pace ProbeRun::pace() const {
  const bool inconclusive = last_.verdict == Verdict::inconclusive;
  const bool in_need = inconclusive && last_.reason != Reason::resolve;  // an unresolved name is cheap
  if (!in_need && (inconclusive || tracker_.pending())) return Pace::fast;
  // For want of time or means: asking more often would make herald's own trouble worse, but a change that is pending
  // cannot wait for a long interval, and neither can an event of which the attempt has told nothing.
  if (in_need && (tracker_.pending() || nudges_.current())) return Pace::careful;
  return tracker_.output() == HealthTracker::Output::down ? Pace::down : Pace::normal;
}

bool ProbeRun::forget_if_stale(TimePoint now) {
  const ProbeTiming& timing = spec_.timing;
  const Duration interval = std::max(timing.interval, timing.down_interval);
  const Duration stale = (spec_.thresholds.fall + 1) * (interval + timing.timeout);
  if (now - conclusive_at_ <= stale) return false;
  forget();
  return true;
}

bool ProbeRun::has_answered() const {
  return conclusive_ && conclusive_->verdict == Verdict::fail && conclusive_->reason != Reason::timeout &&
         !spec_.target.empty();
}

ProbeSnapshot ProbeRun::snapshot() const {
  ProbeSnapshot shown;
  shown.name = spec_.name;
  shown.type = spec_.type;
  shown.role = spec_.role;
  shown.state = tracker_.state();
  if (tracker_.output() != HealthTracker::Output::unknown)
    shown.up = tracker_.output() == HealthTracker::Output::up;
  shown.degraded = tracker_.degraded();
  shown.last = last_;
  shown.last_run = last_started_;
  if (is_idle()) shown.next_run = next_;
  shown.suspect = suspect();
  shown.passes = tracker_.passes();
  shown.failures = tracker_.failures();
  shown.rise = spec_.thresholds.rise;
  shown.fall = spec_.thresholds.fall;
  shown.runs = runs_;
  shown.inconclusive = inconclusive_;
  shown.nudged = nudges_.taken();
  shown.nudges_dropped = nudges_.dropped();
  shown.last_nudge = nudges_.current();
  shown.counts = counts_;
  shown.certificate_end = certificate_end_;
  return shown;
}

}  // namespace herald
