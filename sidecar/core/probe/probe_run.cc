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
  conclusive_at_ = turned_at_ = now;
  absent_ = {};
  return next_;
}

TimePoint ProbeRun::start(RunId run, TimePoint now) {
  state_ = State::running;
  run_ = run;
  started_ = now;
  deadline_ = now + spec_.timing.timeout;
  nudges_.started(now);
  ++runs_;
  return deadline_;
}

TimePoint ProbeRun::reconfigure(ProbeSpec spec, TimePoint now) {
  const bool retimed = spec.timing != spec_.timing;
  spec_ = std::move(spec);
  tracker_.retune(spec_.thresholds);
  schedule_.retime(spec_.timing);
  if (state_ != State::idle) return deadline_;
  if (!retimed) return next_;
  planned_.reset();
  if (const TimePoint first = schedule_.first(now); first < next_) due_ = next_ = first;
  next_ = std::max(now, next_);
  return next_;
}

TimePoint ProbeRun::expire(TimePoint now) {
  state_ = State::expiring;
  return deadline_ = now + kWordAwaited;
}

TimePoint ProbeRun::finish(ProbeResult result, const Ran& ran, TimePoint now, Random& random) {
  const Duration timeout = spec_.timing.timeout;
  const Duration took = std::clamp(ran.ended, started_, now) - started_;
  const bool is_good = result.verdict == Verdict::pass || result.verdict == Verdict::warn;
  if (is_by_the_clock(result) && ran.stalled > timeout / 4) {
    result = late_result(ran.stalled);
  } else if (is_good && took > timeout) {  // heraldd slept: else it would have been cut off
    const std::string text =
        fmt::format("no result within {}: it came after {}", milliseconds(timeout), milliseconds(took));
    result = had_its_time(served(ran, now)) ? ProbeResult{Verdict::fail, Reason::timeout, text, took}
                                            : late_result(took - timeout);
  }
  return count(std::move(result), now, random);
}

TimePoint ProbeRun::finish_expired(std::string_view stage, const Ran& ran, TimePoint now, Random& random) {
  const Duration had = served(ran, now);
  if (!had_its_time(had)) return count(late_result(spec_.timing.timeout - had), now, random);
  const std::string text = fmt::format("no result within {}{}{}", milliseconds(spec_.timing.timeout),
                                       stage.empty() ? "" : ": ", stage);
  return count({Verdict::fail, Reason::timeout, text, now - started_}, now, random);
}

TimePoint ProbeRun::finish_without_word(TimePoint now, Random& random) {
  return count(
      {Verdict::inconclusive, Reason::late, "the worker that ran it does not answer", now - started_}, now,
      random);
}

Duration ProbeRun::served(const Ran& ran, TimePoint now) const {
  const TimePoint ended = std::clamp(ran.ended, started_, now);
  const TimePoint began = std::clamp(ran.began, started_, ended);
  return ended - began - std::clamp(ran.stalled, Duration{}, ended - began);
}

TimePoint ProbeRun::count(ProbeResult result, TimePoint now, Random& random) {
  state_ = State::idle;
  last_ = tracker_.record(std::move(result));
  last_started_ = started_;
  if (last_.verdict == Verdict::inconclusive) {
    ++inconclusive_;
    forget_if_stale(now);
  } else {
    conclusive_ = last_;
    conclusive_at_ = now;
    absent_ = {};
  }
  next_ = schedule_.next(due_, started_, now, pace(), random);
  if (const auto planned = std::exchange(planned_, std::nullopt); planned && planned->next > now) {
    const bool is_same_pace = planned->pace == pace() && planned->pace != Pace::fast;
    if (is_same_pace || planned->next < next_) std::tie(due_, next_) = std::tie(planned->due, planned->next);
  }
  if (!is_worth_nudging()) nudges_.drop();
  if (nudges_.is_waiting()) hurry(now);
  return next_;
}

std::optional<TimePoint> ProbeRun::nudge(Nudge why, TimePoint now) {
  if (state_ != State::idle) {
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
  return next_ < before ? std::optional(next_) : std::nullopt;
}

bool ProbeRun::is_worth_nudging() const {
  const bool is_counting = tracker_.failures() > 0;
  switch (tracker_.output()) {
    case HealthTracker::Output::up:
      return !is_counting || !spec_.thresholds.hard_fail.empty();
    case HealthTracker::Output::unknown:
      return !is_counting && tracker_.passes() == 0;
    case HealthTracker::Output::down:
      break;
  }
  return false;
}

void ProbeRun::hurry(TimePoint now) {
  const TimePoint earliest = nudges_.earliest(now);
  if (earliest >= next_) return;
  planned_ = Planned{due_, next_, pace()};
  due_ = next_ = earliest;
}

Pace ProbeRun::pace() const {
  const bool inconclusive = last_.verdict == Verdict::inconclusive;
  const bool in_need = inconclusive && last_.reason != Reason::resolve;  // an unresolved name is cheap
  if (!in_need && (inconclusive || tracker_.pending())) return Pace::fast;
  // For want of time or means: asking more often would make herald's own trouble worse, but a change that is pending
  // cannot wait for a long interval.
  if (in_need && tracker_.pending()) return Pace::careful;
  return tracker_.output() == HealthTracker::Output::down ? Pace::down : Pace::normal;
}

bool ProbeRun::forget_if_stale(TimePoint now) {
  const ProbeTiming& timing = spec_.timing;
  const Duration interval = std::max(timing.interval, timing.down_interval);
  const Duration stale = (spec_.thresholds.fall + 1) * (interval + timing.timeout);
  if (now - conclusive_at_ <= stale) return false;
  tracker_.forget();
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
  shown.degraded = tracker_.degraded();
  shown.last = last_;
  shown.last_run = last_started_;
  if (state_ == State::idle) shown.next_run = next_;
  shown.passes = tracker_.passes();
  shown.failures = tracker_.failures();
  shown.rise = spec_.thresholds.rise;
  shown.fall = spec_.thresholds.fall;
  shown.runs = runs_;
  shown.inconclusive = inconclusive_;
  shown.nudged = nudges_.taken();
  shown.nudges_dropped = nudges_.dropped();
  shown.last_nudge = nudges_.current();
  return shown;
}

}  // namespace herald
