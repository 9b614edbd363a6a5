// One probe at work: its attempts one after the other, their deadlines, and what their results mean.
//
//   idle      the next attempt is due at next().
//   running   an attempt is in flight until its deadline.
//   expiring  the deadline has passed and the attempt was cancelled; the word of who ran it is still awaited, for
//             kWordAwaited at most: what it was waiting for, and how much time it really had.
//
// The deadline is this class's, not the probe's: a hung probe cannot hold a route up. Who was late is judged by who ran the
// attempt: one that had its time there counts, also when heraldd slept meanwhile; one that had not (it began late, or its
// runner was busy with others) proves nothing about the target, and is inconclusive. So is one of which there is no word.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sidecar/core/probe/health.h"
#include "sidecar/core/probe/nudges.h"
#include "sidecar/core/probe/schedule.h"
#include "sidecar/core/snapshot.h"

namespace herald {

// Whether results of the one can stand for the other: they ask the same of the same.
[[nodiscard]] bool is_same_target(const ProbeSpec& left, const ProbeSpec& right);

class ProbeRun {
 public:
  ProbeRun(ProbeSpec spec, std::string_view service);

  enum class State : std::uint8_t { idle, running, expiring };

  // Generous: a word that comes late still tells the truth, and none at all tells nothing.
  static constexpr Duration kWordAwaited = std::chrono::seconds(1);

  // Each returns when to call again: the next start, the deadline, or at once.
  TimePoint begin(TimePoint now);                                        // the first attempt's time
  TimePoint start(RunId run, TimePoint now);                             // returns the deadline
  TimePoint bring_forward(TimePoint now) { return due_ = next_ = now; }  // idle: the next one at once
  TimePoint expire(TimePoint now);                                       // how long its word is awaited
  // Also of one that is expiring: it ended before it was cancelled, and its result counts by when that was.
  TimePoint finish(ProbeResult result, const Ran& ran, TimePoint now, Random& random);
  // Both end an expiring attempt. `stage` is what it was waiting for, or empty.
  TimePoint finish_expired(std::string_view stage, const Ran& ran, TimePoint now, Random& random);
  TimePoint finish_without_word(TimePoint now, Random& random);
  // Something has happened at its target: the next attempt is due as soon as the limits allow. Returns when to call again, if that
  // is another time now; while an attempt is in flight, which began before, it counts once that has ended.
  //
  // It is dropped where it can bring nothing: of what is down, and while failures or passes are counted toward a change, where
  // attempts are quick already and a storm of events must not make `fall` of them in a moment, or a restart would withdraw. But
  // where a failure may be hard, one is enough, and it is wanted now.
  std::optional<TimePoint> nudge(Nudge why, TimePoint now);
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
  // Of an attempt that is expiring: until when its word is awaited.
  [[nodiscard]] TimePoint word_until() const { return deadline_; }
  [[nodiscard]] const ProbeSpec& spec() const { return spec_; }
  [[nodiscard]] const Nudges& nudges() const { return nudges_; }
  [[nodiscard]] const HealthTracker& tracker() const { return tracker_; }
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
  TimePoint count(ProbeResult result, TimePoint now, Random& random);
  [[nodiscard]] Pace pace() const;
  [[nodiscard]] bool is_worth_nudging() const;
  void hurry(TimePoint now);
  // How long the attempt was served, and in time.
  [[nodiscard]] Duration served(const Ran& ran, TimePoint now) const;
  [[nodiscard]] bool had_its_time(Duration served) const { return served >= spec_.timing.timeout * 3 / 4; }

  ProbeSpec spec_;
  HealthTracker tracker_;
  Schedule schedule_;
  State state_ = State::idle;
  RunId run_{};
  TimePoint due_{};  // on the grid
  TimePoint started_{};
  TimePoint deadline_{};  // while expiring: of the word
  TimePoint next_{};
  // Of the attempt that a nudge has brought forward: when it would have begun. It begins then all the same, so that no nudge
  // moves the grid or makes anything later; only another pace may lead to something earlier.
  struct Planned {
    TimePoint due{};
    TimePoint next{};
    Pace pace{};
  };
  std::optional<Planned> planned_;
  Nudges nudges_;
  ProbeResult last_;
  std::optional<TimePoint> last_started_;
  std::optional<ProbeResult> conclusive_;
  TimePoint conclusive_at_{};
  Duration absent_{};  // herald itself, since then
  TimePoint turned_at_{};
  std::uint64_t runs_ = 0;
  std::uint64_t inconclusive_ = 0;
};

}  // namespace herald
