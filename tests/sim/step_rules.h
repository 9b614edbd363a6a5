// What must hold for the steps: against what the last answered look showed, and against the rules of repetition.
//
//  - One step in flight an address; the next one only from a look that was begun after the last one had ended, and
//    after the last change that herald was told of. Exempt are a look that has just been answered (changes without end
//    must not keep it from acting) and a time when looking fails: then what was seen last has to do, with what later
//    steps claim to have done.
//  - `add` only what was not there or whose lease has run out since; `refresh` only what was seen there, carried
//    herald's mark and has not run out; `remove` only what carried herald's mark.
//  - No address is stepped on more often than a fight needs: steps per second are bounded.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "tests/sim/probe_rules.h"

namespace herald::sim {

class StepRules {
 public:
  void look_begun(std::uint64_t sequence, TimePoint now);
  // Its answer counts for nothing.
  void look_given_up();
  [[nodiscard]] bool counts(const event::Observed& event) const {
    return event.sequence == begun_ && event.sequence != given_up_;
  }
  void looked(const event::Observed& event, TimePoint now);
  void changed() { changed_after_ = begun_; }
  void issued(const effect::Apply& apply, TimePoint now);
  void finished(const event::StepFinished& event, TimePoint now);

  [[nodiscard]] bool has_looked() const { return shown_.has_value(); }
  [[nodiscard]] bool look_failed() const { return look_failed_; }
  // Looks fail, and what has come about since then was in none that was answered. What tells of changes says only that
  // there was one, not which.
  [[nodiscard]] bool is_blind_to(TimePoint since) const { return look_failed_ && since >= shown_as_of_; }
  [[nodiscard]] bool in_flight(const AddressKey& key) const;
  [[nodiscard]] bool any_in_flight() const { return !in_flight_.empty(); }
  // As the last look showed it.
  [[nodiscard]] const ObservedAddress* find(const AddressKey& key) const;
  // As find(), but not what was only claimed to have been added.
  [[nodiscard]] const ObservedAddress* find_seen(const AddressKey& key) const;
  // Herald's own, on any interface.
  [[nodiscard]] bool is_seen_anywhere(const Vip& vip) const;
  // Since when every look that was answered showed it, if it is herald's.
  [[nodiscard]] std::optional<TimePoint> stands_since(const AddressKey& key) const;

 private:
  void believe_claims();
  void check_rate(const AddressKey& key, TimePoint now);

  std::uint64_t begun_ = 0;  // the last look begun
  TimePoint begun_at_{};
  bool looking_ = false;
  std::uint64_t given_up_ = 0;
  bool look_failed_ = false;
  std::uint64_t changed_after_ = 0;  // a look after this one knows of the last change
  std::uint64_t shown_by_ = 0;       // the look that `shown_` came from
  TimePoint shown_as_of_{};          // when that was begun
  TimePoint looked_at_{};            // when that was told
  std::optional<std::map<AddressKey, ObservedAddress>> shown_;
  std::map<AddressKey, TimePoint> shown_since_;
  std::map<StepId, Step> in_flight_;
  std::deque<std::pair<Step, TimePoint>>
      claims_;  // of steps that ended since the last look that was answered
  std::map<AddressKey, std::uint64_t> ended_after_;
  std::map<AddressKey, std::deque<TimePoint>> recent_;
};

}  // namespace herald::sim
