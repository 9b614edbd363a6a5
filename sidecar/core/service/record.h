// What is kept of a service for people: its last transitions, since when its health, state and the rest are as they are, and
// the last steps with what came of them.
//
// It decides nothing and knows no service: it takes what it is told, and forgets the oldest. It refuses to hold more than 16
// of each. Nothing of it outlives herald: what has to is the history's (state/history.h).
#pragma once

#include <array>
#include <deque>
#include <string>
#include <string_view>

#include "sidecar/core/events.h"
#include "sidecar/core/snapshot.h"

namespace herald {

class ServiceRecord {
 public:
  explicit ServiceRecord(TimePoint now) { since_.fill(now); }

  // The subject of this service has turned. Returns the transition as it is kept, with how long the subject was `from`.
  effect::Transition turned(std::string service, Subject subject, std::string_view from, std::string_view to,
                            std::string why, TimePoint now);
  // It is as it is since then, and that is no transition.
  void set_since(Subject subject, TimePoint at) { since_[static_cast<std::size_t>(subject)] = at; }
  [[nodiscard]] TimePoint since(Subject subject) const { return since_[static_cast<std::size_t>(subject)]; }
  // It has become so.
  void count(ServiceState state) { turned_.count(state); }
  [[nodiscard]] const CountBy<ServiceState>& counts() const { return turned_; }

  // A step for a VIP, in words.
  void issued(const Vip& vip, std::string step, TimePoint now);
  // All of this VIP that have these words and are in flight have ended so.
  void finished(const Vip& vip, std::string_view step, const RouteOutcome& outcome);

  // Newest last.
  [[nodiscard]] const std::deque<effect::Transition>& transitions() const { return transitions_; }
  [[nodiscard]] std::deque<StepRecord> steps() const;

 private:
  struct Kept {
    Vip vip;
    StepRecord shown;
  };

  std::array<TimePoint, kServiceSubjects> since_;  // by Subject
  CountBy<ServiceState> turned_;
  std::deque<effect::Transition> transitions_;
  std::deque<Kept> steps_;
};

}  // namespace herald
