#include "tests/sim/probe_rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace herald::sim {
namespace {

// What is cancelled, answered or started a turn later than its time is still in time.
constexpr Duration kSlack = 1s;
constexpr Duration kStall = 1s;  // a stall that long may have cost a lease
constexpr Duration kWordAwaited = 1s;
constexpr std::size_t kMostNudged = 20;        // attempts a second
constexpr Duration kNudgedWithin = 1s + 50ms;  // all of them may have been made just before

ProbeRules::Output output_named(std::string_view name) {
  if (name == "unknown") return ProbeRules::Output::unknown;
  return name == "down" ? ProbeRules::Output::down : ProbeRules::Output::up;
}

}  // namespace

void require(bool holds, const std::string& rule) {
  if (!holds) throw Violation(rule);
}

ProbeRules::ProbeRules(const ProbeSpec& spec, std::string name, TimePoint now)
    : spec_(spec), name_(std::move(name)), ended_(now), conclusive_at_(now), excused_until_(now) {}

void ProbeRules::check(bool holds, std::string_view rule) const {
  if (!holds) throw Violation(fmt::format("probe {}: {}", name_, rule));
}

Duration ProbeRules::longest_interval() const {
  return std::max({spec_.timing.interval, spec_.timing.down_interval, spec_.timing.fast_interval});
}

Duration ProbeRules::staleness() const {
  return (spec_.thresholds.fall + 1) *
         (std::max(spec_.timing.interval, spec_.timing.down_interval) + spec_.timing.timeout);
}

std::vector<RunId> ProbeRules::not_cancelled() const {
  std::vector<RunId> runs;
  for (const auto& [run, flight] : flights_) {
    if (!flight.cancelled_at) runs.push_back(run);
  }
  return runs;
}

void ProbeRules::started(RunId run, TimePoint now) {
  const bool overlaps = spec_.overlap.is_on && output_ != Output::down;
  check(overlaps || flights_.empty(), "a second attempt while one is in flight");
  check(flights_.size() < std::max(spec_.thresholds.fall, 1U), "more attempts in flight than `fall`");
  flights_[run] = {now};
  started_ = now;
  ++attempts_;
  nudged_at_.reset();
  if (asks_ > 0) {
    --asks_;
  } else {
    check_rate(now);
  }
}

// Its own pace is not quicker than its fast one, and an attempt that ends late is followed by the next one at once.
void ProbeRules::check_rate(TimePoint now) {
  starts_.push_back(now);
  while (starts_.front() <= now - 1s) starts_.pop_front();
  const Duration pace = std::min(spec_.timing.fast_interval, spec_.timing.interval) * 9 / 10;
  // Each may have one beside it by suspicion.
  const auto paced = static_cast<std::size_t>(Duration(1s) / pace) * (spec_.overlap.is_on ? 2 : 1);
  const auto most = kMostNudged + paced + 2;
  check(starts_.size() <= most, fmt::format("{} attempts in a second", starts_.size()));
}

void ProbeRules::nudged(TimePoint now) {
  if (output_ == Output::up && failures_ == 0 && !nudged_at_) nudged_at_ = now;
}

// In the world, what is said of an attempt is true: it begins at once, and ends when it says.
bool ProbeRules::had_its_time(const Ran& ran) const {
  return ran.ended - ran.began - ran.stalled >= spec_.timing.timeout * 3 / 4;
}

void ProbeRules::finished(RunId run, const ProbeResult& result, const Ran& ran, TimePoint now) {
  const bool by_the_clock = result.reason == Reason::timeout || result.reason == Reason::latency;
  const bool is_good = result.verdict == Verdict::pass || result.verdict == Verdict::warn;
  const bool too_long = ran.ended - ran.began > spec_.timing.timeout;
  if (by_the_clock && ran.stalled > spec_.timing.timeout / 4) {
    count(run, Verdict::inconclusive, Reason::late, now);
  } else if (is_good && too_long) {
    count(run, had_its_time(ran) ? Verdict::fail : Verdict::inconclusive, Reason::timeout, now);
  } else {
    count(run, result.verdict, result.reason, now);
  }
}

void ProbeRules::cancelled(RunId run, bool stopping, TimePoint now) {
  const auto found = flights_.find(run);
  check(found != flights_.end() && !found->second.cancelled_at,
        "an attempt was cancelled that is not in flight");
  if (stopping) {
    flights_.erase(found);
    return;
  }
  check(now >= found->second.started + spec_.timing.timeout, "cancelled before its deadline");
  found->second.cancelled_at = now;
}

void ProbeRules::word(RunId run, const Ran& ran, TimePoint now) {
  count(run, had_its_time(ran) ? Verdict::fail : Verdict::inconclusive, Reason::timeout, now);
}

void ProbeRules::turn(TimePoint now) {
  std::vector<RunId> in_vain;
  for (const auto& [run, flight] : flights_) {
    if (flight.cancelled_at && now >= *flight.cancelled_at + kWordAwaited) in_vain.push_back(run);
  }
  for (const RunId run : in_vain) count(run, Verdict::inconclusive, Reason::late, now);
}

void ProbeRules::count(RunId run, Verdict verdict, Reason reason, TimePoint now) {
  const auto flight = flights_.extract(run);
  ended_ = now;
  if (verdict == Verdict::inconclusive) {
    if (now - conclusive_at_ > staleness()) forget();
    return;
  }
  bool failed = verdict == Verdict::fail;
  if (spec_.thresholds.invert) {
    failed = !failed;
    reason = Reason::inverted;
  }
  const auto& hard = spec_.thresholds.hard_fail;
  const bool warned = verdict == Verdict::warn && !spec_.thresholds.invert;
  seen_.push_back({now, failed, warned, failed && std::ranges::find(hard, reason) != hard.end(),
                   flight && asks_ == 0 ? std::optional(flight.mapped().started) : std::nullopt});
  failures_ = failed ? failures_ + 1 : 0;
  has_evidence_ = failed && (has_evidence_ || reason != Reason::timeout || seen_.back().hard);
  ++since_up_;
  counted_ = true;
  conclusive_at_ = now;
  excused_ = {};
  const std::size_t window = spec_.thresholds.window ? spec_.thresholds.window->of : 0;
  const std::size_t most = std::max<std::size_t>({spec_.thresholds.rise, spec_.thresholds.fall, window});
  if (seen_.size() > most) seen_.pop_front();
}

bool ProbeRules::ends_in(std::size_t many, bool failed) const {
  return seen_.size() >= many && std::all_of(seen_.end() - static_cast<std::ptrdiff_t>(many), seen_.end(),
                                             [&](const Seen& one) { return one.failed == failed; });
}

bool ProbeRules::ends_in_warnings(std::size_t many, bool warned) const {
  return ends_in(many, false) && std::all_of(seen_.end() - static_cast<std::ptrdiff_t>(many), seen_.end(),
                                             [&](const Seen& one) { return one.warned == warned; });
}

bool ProbeRules::has_fallen() const {
  if (seen_.empty() || !seen_.back().failed) return false;
  if (seen_.back().hard || ends_in(spec_.thresholds.fall, true)) return true;
  if (!spec_.thresholds.window) return false;
  const std::size_t many = std::min<std::size_t>({seen_.size(), since_up_, spec_.thresholds.window->of});
  const auto failures = std::count_if(seen_.end() - static_cast<std::ptrdiff_t>(many), seen_.end(),
                                      [](const Seen& one) { return one.failed; });
  return failures >= static_cast<std::ptrdiff_t>(spec_.thresholds.window->fail);
}

void ProbeRules::check_patience() const {
  const std::size_t fall = spec_.thresholds.fall;
  const auto& hard = spec_.thresholds.hard_fail;
  const auto is_hard = [&](Reason reason) { return std::ranges::find(hard, reason) != hard.end(); };
  const bool may_hurry = spec_.overlap.is_on || is_hard(Reason::refused) || is_hard(Reason::timeout) ||
                         is_hard(Reason::unreachable);
  if (may_hurry || seen_.back().hard || !ends_in(fall, true)) return;
  const Seen& first = seen_[seen_.size() - fall];
  if (!first.started || !seen_.back().started) return;
  const Duration pace = std::min(spec_.timing.fast_interval, spec_.timing.interval);
  const Duration least = static_cast<Duration::rep>(fall - 1) * (pace * 9 / 10 - 1ms);
  check(*seen_.back().started - *first.started >= least, "turned down sooner than its attempts need");
}

// Whether two of the last `many` results, one after the other, are further apart than `gap`.
bool ProbeRules::has_gap(std::size_t many, Duration gap) const {
  const std::size_t from = seen_.size() - std::min(many, seen_.size());
  for (std::size_t index = from + 1; index < seen_.size(); ++index) {
    if (seen_[index].at - seen_[index - 1].at > gap) return true;
  }
  return false;
}

void ProbeRules::told(const effect::Transition& transition) {
  check(output_named(transition.from) == output_, "a transition starts from where the last one did not end");
  const Output next = output_named(transition.to);
  const bool degraded = transition.to == "degraded";
  if (next == Output::up && output_ != Output::up) {
    check(counted_ && has_risen(), "turned up without `rise` passes in a row");
    check(!has_gap(spec_.thresholds.rise, staleness() + longest_interval() + spec_.timing.timeout + kSlack),
          "turned up on passes with a gap beyond staleness");
    since_up_ = 0;
  }
  if (next == Output::down) check(counted_ && has_fallen(), "turned down without a reason");
  if (next == Output::down && output_ == Output::up) check_patience();
  if (next == Output::unknown) {
    check(must_forget_, "forgotten without a reason");
    must_forget_ = false;
  }
  if (next == Output::up && output_ == Output::up) {
    check(degraded ? ends_in_warnings(spec_.thresholds.fall, true)
                   : ends_in_warnings(spec_.thresholds.rise, false),
          degraded ? "degraded without `fall` warnings in a row"
                   : "restored without `rise` clean passes in a row");
  }
  output_ = next;
  degraded_ = degraded;
}

void ProbeRules::stalled(Duration late, const std::optional<Duration>& lease, TimePoint now) {
  excused_until_ = now;
  if (late < kStall) return;
  excused_ += late;
  if ((lease && late >= *lease / 2) || now - conclusive_at_ > staleness()) forget();
}

void ProbeRules::forget() {
  must_forget_ = output_ != Output::unknown;
  seen_.clear();
  failures_ = 0;
  has_evidence_ = false;
}

void ProbeRules::shown(const ProbeSnapshot& snapshot) {
  check(snapshot.runs == attempts_, fmt::format("{} attempts, and {} are shown", attempts_, snapshot.runs));
  check(snapshot.inconclusive <= snapshot.runs, "more inconclusive attempts than attempts are shown");
  check(snapshot.inconclusive >= inconclusive_shown_, "a counter goes back");
  inconclusive_shown_ = snapshot.inconclusive;
}

void ProbeRules::reconfigured(const ProbeSpec& spec, bool turned, TimePoint now) {
  if (spec.timing != spec_.timing) {
    excused_until_ = now;
    for (Seen& one : seen_) one.at = now;  // what is a gap by the new times was none by the old ones
  }
  for (Seen& one : seen_) one.started.reset();
  if (spec.thresholds.window != spec_.thresholds.window) since_up_ = 0;
  spec_ = spec;
  if (!turned) return;
  forget();
  nudged_at_.reset();
  degraded_ = false;
  conclusive_at_ = ended_ = now;
  excused_ = {};
  attempts_ = inconclusive_shown_ = 0;
}

void ProbeRules::settled(bool stopping, TimePoint now) {
  if (stopping) return;
  for (const auto& [run, flight] : flights_)
    check(flight.cancelled_at || now < flight.started + spec_.timing.timeout,
          "an attempt outlives its deadline");
  if (!flights_.empty() || output_ != Output::up || failures_ > 0) nudged_at_.reset();
  check(!nudged_at_ || now <= std::max(*nudged_at_, excused_until_) + kNudgedWithin,
        "a nudge has led to nothing");
  check(!flights_.empty() || now <= std::max(ended_, excused_until_) + longest_interval() * 21 / 10 + kSlack,
        "it is not run any more");
  check(!must_forget_, "what it knew from before a long stall still stands");
  if (!std::exchange(counted_, false)) return;
  check(output_ == Output::up || !has_risen(), "did not turn up after `rise` passes in a row");
  check(output_ == Output::down || !has_fallen(), "did not turn down though it should");
}

}  // namespace herald::sim
