// One probe at work: its attempts, their deadlines, and what their results mean.
//
// They are made one after the other, each of them
//
//   running   in flight until its deadline.
//   expiring  the deadline has passed and the attempt was cancelled; the word of who ran it is still awaited, for
//             kWordAwaited at most: what it was waiting for, and how much time it really had.
//
// and the next one is due once that has ended. With `overlap` it is due, too, when the last one has been unanswered for `suspect`,
// which is unusual for this target: further ones run beside it then, fast_interval apart and `fall` at most, each with its whole
// deadline. So a target that hangs is found out by attempts that ran into their deadlines at nearly the same time, and one that is
// merely slow answers all of them: no deadline is shortened. They are counted as they end, and one answer restores in full. Of what is
// down no second one is made.
//
// The deadline is this class's, not the probe's: a hung probe cannot hold a route up. Who was late is judged by who ran the
// attempt: one that had its time there counts, also when heraldd slept meanwhile; one that had not (it began late, or its
// runner was busy with others) proves nothing about the target, and is inconclusive. So is one of which there is no word.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidecar/core/counts.h"
#include "sidecar/core/probe/health.h"
#include "sidecar/core/probe/latencies.h"
#include "sidecar/core/probe/nudges.h"
#include "sidecar/core/probe/schedule.h"
#include "sidecar/core/snapshot.h"

namespace herald {

// Whether results of the one can stand for the other: they ask the same of the same.
[[nodiscard]] bool is_same_target(const ProbeSpec& left, const ProbeSpec& right);

class ProbeRun {
 public:
  ProbeRun(ProbeSpec spec, std::string_view service);

  // Generous: a word that comes late still tells the truth, and none at all tells nothing.
  static constexpr Duration kWordAwaited = std::chrono::seconds(1);

  // Suspicion begins no earlier than this, however quick the target is.
  static constexpr Duration kLeastSuspect = std::chrono::milliseconds(25);

  // Each returns when to call again: the next start, the next deadline, or at once.
  TimePoint begin(TimePoint now);  // the first attempt's time
  TimePoint start(RunId run, TimePoint now);
  TimePoint bring_forward(TimePoint now);  // the next one as soon as there may be one
  // Those whose deadline has passed: they are expiring from now on.
  std::vector<RunId> expire(TimePoint now);
  // Of a run that it has(). Also of one that is expiring: it ended before it was cancelled, and its result counts by when that was.
  TimePoint finish(RunId run, ProbeResult result, const Ran& ran, TimePoint now, Random& random);
  // Both end an expiring attempt. `stage` is what it was waiting for, or empty.
  TimePoint finish_expired(RunId run, std::string_view stage, const Ran& ran, TimePoint now, Random& random);
  TimePoint finish_without_word(RunId run, TimePoint now, Random& random);
  [[nodiscard]] TimePoint wake() const;
  // When another attempt may begin; none while as many are in flight as may be.
  [[nodiscard]] std::optional<TimePoint> next_start() const;
  // Something has happened at its target: the next attempt is due as soon as the limits allow. Returns when to call again, if that
  // is another time now; while an attempt is in flight, which began before, it counts once that has ended.
  //
  // It is dropped where it can bring nothing: of what is down, and while failures or passes are counted toward a change, where
  // attempts are quick already and a storm of events must not make `fall` of them in a moment, or a restart would withdraw. But
  // where the failure that it tells of is hard, one is enough, and it is wanted now.
  std::optional<TimePoint> nudge(Nudge why, TimePoint now);
  void stop() { flights_.clear(); }
  // Another specification of the same target: what is known, the phase and an attempt in flight stay. Returns when to
  // call again.
  TimePoint reconfigure(ProbeSpec spec, TimePoint now);
  // The counts of one that had this name before it.
  void count_on(const AttemptCounts& counts) { counts_ = counts; }

  void forget() {
    tracker_.forget();
    failing_since_.reset();
  }
  // Forgets what is too old to stand for the present, also counts that lead nowhere yet; true if it was too
  // old.
  bool forget_if_stale(TimePoint now);

  // What the tracker says has changed; returns how long it had said the other.
  Duration turned(TimePoint now) { return now - std::exchange(turned_at_, now); }

  struct Flight {
    RunId run{};
    TimePoint started{};
    TimePoint deadline{};  // while expiring: of the word
    bool is_expiring = false;
  };
  // In the order in which they began.
  [[nodiscard]] const std::vector<Flight>& flights() const { return flights_; }
  [[nodiscard]] bool is_idle() const { return flights_.empty(); }
  [[nodiscard]] const Flight* flight(RunId run) const;
  // For how long an attempt may be unanswered before another begins beside it; none without `overlap`.
  [[nodiscard]] std::optional<Duration> suspect() const;
  [[nodiscard]] const ProbeSpec& spec() const { return spec_; }
  [[nodiscard]] const Nudges& nudges() const { return nudges_; }
  [[nodiscard]] const HealthTracker& tracker() const { return tracker_; }
  [[nodiscard]] const AttemptCounts& counts() const { return counts_; }
  // When the first of the failures in a row began; none: the last word was none.
  [[nodiscard]] std::optional<TimePoint> failing_since() const { return failing_since_; }
  [[nodiscard]] const ProbeResult& last() const { return last_; }
  [[nodiscard]] const ProbeResult* last_conclusive() const { return conclusive_ ? &*conclusive_ : nullptr; }
  // Since when nothing conclusive has come, or since the probe began; herald's own absence does not count.
  [[nodiscard]] TimePoint silent_since() const { return conclusive_at_ + absent_; }
  void was_absent(Duration late) { absent_ += late; }
  // Its target's last word was a failure that is no timeout: somebody is there. Not by what it has failed for over time: a
  // target that refused yesterday may hang today.
  [[nodiscard]] bool has_answered() const;
  [[nodiscard]] ProbeSnapshot snapshot() const;

 private:
  TimePoint count(const Flight& flight, ProbeResult result, TimePoint now, Random& random);
  void plan(TimePoint now, Random& random);
  [[nodiscard]] Flight take(RunId run);
  [[nodiscard]] std::size_t most_in_flight() const;
  void note_counts();
  [[nodiscard]] Pace pace() const;
  // The nudge that waits.
  [[nodiscard]] bool is_worth_nudging() const;
  [[nodiscard]] bool is_hard(Reason reason) const;
  void hurry(TimePoint now);
  // How long the attempt was served, and in time.
  [[nodiscard]] static Duration served(const Flight& flight, const Ran& ran, TimePoint now);
  [[nodiscard]] bool had_its_time(Duration served) const { return served >= spec_.timing.timeout * 3 / 4; }

  ProbeSpec spec_;
  HealthTracker tracker_;
  Schedule schedule_;
  std::vector<Flight> flights_;
  TimePoint due_{};       // of the next one, on the grid
  TimePoint made_due_{};  // of the last one
  TimePoint started_{};   // the last one
  TimePoint next_{};
  // By which pace next_ was set since the last start: what several ends say alike is said once, or its jitter would be drawn anew.
  std::optional<Pace> paced_;
  bool is_beside_ = false;  // the next one, by suspicion
  // Of the attempt that a nudge has brought forward: when it would have begun. It begins then all the same, so that no nudge
  // moves the grid or makes anything later; only another pace may lead to something earlier. Where the nudged one has failed, and is
  // the first of the failures that count, the others follow it as they follow any: or a nudge would be one failure more than polling
  // needs, and a service that is back within what its attempts need would be down.
  struct Planned {
    TimePoint due{};
    TimePoint next{};
    Pace pace{};
  };
  std::optional<Planned> planned_;    // of the next one
  std::optional<Planned> displaced_;  // of the last one
  Nudges nudges_;
  Latencies latencies_;  // with `overlap`
  ProbeResult last_;
  std::optional<TimePoint> last_started_;
  std::optional<ProbeResult> conclusive_;
  TimePoint conclusive_at_{};
  Duration absent_{};  // herald itself, since then
  TimePoint turned_at_{};
  std::uint64_t runs_ = 0;
  std::uint64_t inconclusive_ = 0;
  AttemptCounts counts_;
  std::optional<TimePoint> failing_since_;
  std::optional<std::int64_t> certificate_end_;  // as it was seen last
};

}  // namespace herald
