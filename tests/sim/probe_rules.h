// What must hold for one probe: judged from the attempts as the world saw them, not from the core's counters.
//
//  - One attempt is in flight at a time, or with overlap `fall`, one by one, of what is not down and is unanswered for `suspect`. Each
//    has ended or was cancelled by its deadline, and not before. No probe is forgotten. A cancelled one counts as a timeout only on
//    the word of who ran it that it had its time, which is awaited for a second.
//  - The output turns up only on a pass that completes `rise` passes in a row, none of them separated by a gap
//    beyond staleness; down only on a failure that completes `fall`, fills the window, or is a hard_fail.
//  - What was seen counts for nothing, and the output turns unknown, once a stall or an inconclusive result shows that
//    the last conclusive one is too old, and after a stall of half the lease.
//  - And it must turn then: in the same turn.
//  - What is shown of it counts every attempt once and never backwards.
//  - Failures that are not hard take it down no sooner than `fall` of them at its fast pace, whatever nudges there are: a service that is
//    back within that is never down. (But where one that an event tells of would be hard, and where somebody asks for attempts.)
//  - Of what is up and does not fail, a nudge is followed by an attempt that begins after it, within what the limits allow. No
//    storm of nudges makes more than 20 attempts in a second beside those that its pace makes.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "sidecar/core/events.h"
#include "sidecar/core/snapshot.h"

namespace herald::sim {

struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void require(bool holds, const std::string& rule);

class ProbeRules {
 public:
  enum class Output : std::uint8_t { unknown, up, down };

  ProbeRules(const ProbeSpec& spec, std::string name, TimePoint now);

  void started(RunId run, TimePoint now);
  // Somebody asks for an attempt that counts; an event at its target asks for one.
  void asked() {
    ++asks_;
    for (Seen& one : seen_) one.started.reset();
  }
  void nudged(TimePoint now);
  void finished(RunId run, const ProbeResult& result, const Ran& ran, TimePoint now);
  void cancelled(RunId run, bool stopping, TimePoint now);
  // What was said of the cancelled one.
  void word(RunId run, const Ran& ran, TimePoint now);
  // A turn begins.
  void turn(TimePoint now);
  void told(const effect::Transition& transition);
  // The turn is over; `stopping`: no attempts are made any more.
  void settled(bool stopping, TimePoint now);
  // The process did not run until now, for so long.
  void stalled(Duration late, const std::optional<Duration>& lease, TimePoint now);
  void shown(const ProbeSnapshot& snapshot);
  // A reload: other figures for the same target, or (`turned`) another target, of which nothing is known.
  void reconfigured(const ProbeSpec& spec, bool turned, TimePoint now);
  void given_up() { flights_.clear(); }

  [[nodiscard]] bool has(RunId run) const { return flights_.contains(run); }
  [[nodiscard]] std::vector<RunId> not_cancelled() const;
  // Since when it has told nothing conclusive, without the time that herald itself was not there.
  [[nodiscard]] TimePoint silent_since() const { return conclusive_at_ + excused_; }
  [[nodiscard]] bool is_cancelled(RunId run) const { return flights_.at(run).cancelled_at.has_value(); }
  [[nodiscard]] bool is_any_cancelled() const { return not_cancelled().size() < flights_.size(); }
  [[nodiscard]] Output output() const { return output_; }
  // As output(), also between a reload that gave it another target and the transition that tells of it.
  [[nodiscard]] Output known() const { return seen_.empty() ? Output::unknown : output_; }
  // Not known, and no conclusive result counts toward it.
  [[nodiscard]] bool is_silent() const { return output_ == Output::unknown && seen_.empty(); }
  // It is down, or its last conclusive result was a failure.
  [[nodiscard]] bool is_failing() const { return output_ == Output::down || failures_ > 0; }
  // One of the failures in the row was no mere timeout.
  [[nodiscard]] bool has_evidence() const { return has_evidence_; }
  [[nodiscard]] const ProbeSpec& spec() const { return spec_; }

 private:
  struct Seen {
    TimePoint at{};
    bool failed = false;
    bool warned = false;
    bool hard = false;
    std::optional<TimePoint> started = std::nullopt;  // none: by figures that are no more
  };

  struct Flight {
    TimePoint started{};
    std::optional<TimePoint> cancelled_at = std::nullopt;  // and its word is awaited
  };

  void count(RunId run, Verdict verdict, Reason reason, TimePoint now);
  void check_patience() const;
  [[nodiscard]] bool had_its_time(const Ran& ran) const;
  void forget();
  [[nodiscard]] bool ends_in(std::size_t many, bool failed) const;
  [[nodiscard]] bool ends_in_warnings(std::size_t many, bool warned) const;
  [[nodiscard]] bool has_risen() const { return ends_in(spec_.thresholds.rise, false); }
  [[nodiscard]] bool has_fallen() const;
  [[nodiscard]] bool has_gap(std::size_t many, Duration gap) const;
  [[nodiscard]] Duration staleness() const;
  [[nodiscard]] Duration longest_interval() const;
  void check(bool holds, std::string_view rule) const;
  void check_rate(TimePoint now);

  ProbeSpec spec_;
  std::string name_;
  std::map<RunId, Flight> flights_;
  TimePoint started_{};  // the last one
  TimePoint ended_{};
  TimePoint conclusive_at_{};
  Duration excused_{};
  TimePoint excused_until_{};
  std::deque<Seen> seen_;     // conclusive results since the output was last unknown, newest last, bounded
  std::size_t failures_ = 0;  // in a row
  bool has_evidence_ = false;
  std::size_t since_up_ = 0;  // of these, those after the output last turned up
  Output output_ = Output::unknown;
  bool degraded_ = false;
  bool counted_ = false;      // in this turn
  bool must_forget_ = false;  // in this turn
  std::uint64_t attempts_ = 0;
  std::uint64_t asks_ = 0;              // that no attempt was made for yet
  std::optional<TimePoint> nudged_at_;  // and no attempt has begun since
  std::deque<TimePoint> starts_;        // of the last second, but those that were asked for
  std::uint64_t inconclusive_shown_ = 0;
};

}  // namespace herald::sim
