// One probe at work: its attempts one after the other, their deadlines, and what their results mean.
//
//   idle      the next attempt is due at next().
//   running   an attempt is in flight until its deadline.
//   expiring  the deadline has passed and the attempt was cancelled; its stage is still awaited, for one turn at
//             most, so that the failure can say what it was waiting for.
//
// The deadline is this class's, not the probe's: a hung probe cannot hold a route up. A deadline that is
// noticed too late (herald's own loop was slow) proves nothing about the target, and neither does a result
// that comes long after it, nor a timeout of an attempt during which herald did not run for a good part of the
// time: all are inconclusive.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sidecar/core/probe/health.h"
#include "sidecar/core/probe/schedule.h"
#include "sidecar/core/snapshot.h"

namespace herald {

// Whether results of the one can stand for the other: they ask the same of the same.
[[nodiscard]] bool is_same_target(const ProbeSpec& left, const ProbeSpec& right);

class ProbeRun {
 public:
  ProbeRun(ProbeSpec spec, std::string_view service);

  enum class State : std::uint8_t { idle, running, expiring };

  // Each returns when to call again: the next start, the deadline, or at once.
  TimePoint begin(TimePoint now);                                // the first attempt's time
  TimePoint start(RunId run, TimePoint now);                     // returns the deadline
  TimePoint nudge(TimePoint now) { return due_ = next_ = now; }  // idle: the next one at once
  void expire() { state_ = State::expiring; }
  // herald itself did not run for so long while an attempt was in flight.
  void stalled(Duration late) { stalled_ += late; }
  TimePoint finish(ProbeResult result, TimePoint now, Random& random);
  // Ends an expiring attempt. `stage` is what it was waiting for, or empty.
  TimePoint finish_expired(std::string_view stage, TimePoint now, Random& random);
  void stop() { state_ = State::idle; }
  // Another specification of the same target: what is known, the phase and an attempt in flight stay. Returns when to
  // call again.
  TimePoint reconfigure(ProbeSpec spec, TimePoint now);

  void forget() { tracker_.forget(); }
  // Forgets what is too old to stand for the present, also counts that lead nowhere yet; true if it was too
  // old.
  bool forget_if_stale(TimePoint now);

  // What the tracker says has changed; returns how long it had said the other.
  Duration turned(TimePoint now) { return now - std::exchange(turned_at_, now); }

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] RunId run() const { return run_; }
  [[nodiscard]] const ProbeSpec& spec() const { return spec_; }
  [[nodiscard]] const HealthTracker& tracker() const { return tracker_; }
  [[nodiscard]] const ProbeResult& last() const { return last_; }
  [[nodiscard]] const ProbeResult* last_conclusive() const { return conclusive_ ? &*conclusive_ : nullptr; }
  // Its target's last word was a failure that is no timeout: somebody is there. Not by what it has failed for over time: a
  // target that refused yesterday may hang today.
  [[nodiscard]] bool has_answered() const;
  [[nodiscard]] ProbeSnapshot snapshot() const;

 private:
  TimePoint count(ProbeResult result, TimePoint now, Random& random);
  [[nodiscard]] Pace pace() const;
  [[nodiscard]] bool was_stalled() const;

  ProbeSpec spec_;
  HealthTracker tracker_;
  Schedule schedule_;
  State state_ = State::idle;
  RunId run_{};
  TimePoint due_{};  // on the grid
  TimePoint started_{};
  TimePoint deadline_{};
  Duration stalled_{};  // of this attempt's time
  TimePoint next_{};
  ProbeResult last_;
  std::optional<TimePoint> last_started_;
  std::optional<ProbeResult> conclusive_;
  TimePoint conclusive_at_{};
  TimePoint turned_at_{};
  std::uint64_t runs_ = 0;
  std::uint64_t inconclusive_ = 0;
};

}  // namespace herald
