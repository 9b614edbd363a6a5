// The penalty of RFC 2439 for one service, used only to delay an announcement: a withdrawal is never delayed.
//
// Each withdrawal adds 1000; the penalty halves every half_life. At `suppress` the service is suppressed
// until the penalty has decayed below `reuse`, and for at most max_suppress (the penalty is capped so that it
// cannot last longer, as the RFC's ceiling does).
#pragma once

#include <optional>

#include "sidecar/core/config.h"

namespace herald {

class Penalty {
 public:
  explicit Penalty(const Damping& damping) : damping_(damping) {}

  void add_withdrawal(TimePoint now);
  // What an earlier herald reckoned, perhaps with other figures and by a clock that was set since: what lies in the
  // future counts as now, and the ceiling is that of today.
  void restore(const Flaps& flaps, TimePoint now);
  void clear();
  // As of the last withdrawal.
  [[nodiscard]] Flaps flaps() const { return {at_, value_, until_ && *until_ > at_}; }
  // Other figures for the same penalty.
  void retune(const Damping& damping, TimePoint now);
  [[nodiscard]] double value(TimePoint now) const;
  // When an announcement is allowed again; none: now.
  [[nodiscard]] std::optional<TimePoint> suppressed_until(TimePoint now) const;

 private:
  [[nodiscard]] double ceiling() const;
  void suppress();

  Damping damping_;
  double value_ = 0;  // as of at_
  TimePoint at_{};
  std::optional<TimePoint> until_;
};

}  // namespace herald
