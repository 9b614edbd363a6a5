#include "sidecar/core/probe/nudges.h"

#include <algorithm>
#include <utility>

namespace herald {

Reason failure_after(Nudge why) {
  switch (why) {
    case Nudge::accept_stalled:
      return Reason::timeout;
    case Nudge::link_down:
    case Nudge::route_gone:
    case Nudge::route_changed:
      return Reason::unreachable;
    case Nudge::listener_gone:
    case Nudge::listener_closed:
    case Nudge::events_lost:
    case Nudge::connection_ended:
      break;
  }
  return Reason::refused;
}

bool Nudges::take(Nudge why) {
  if (waiting_) {
    if (why == Nudge::listener_gone) waiting_ = why;  // says more than the others
    ++dropped_;
    return false;
  }
  waiting_ = why;
  ++taken_;
  return true;
}

void Nudges::drop() {
  if (!std::exchange(waiting_, std::nullopt)) return;
  --taken_;
  ++dropped_;
}

TimePoint Nudges::earliest(TimePoint now) const {
  TimePoint earliest = now;
  if (last_start_) earliest = std::max(earliest, *last_start_ + kApart);
  if (starts_.size() >= kMost) earliest = std::max(earliest, starts_.front() + std::chrono::seconds(1));
  return earliest;
}

void Nudges::started(TimePoint now) {
  last_start_ = now;
  current_ = std::exchange(waiting_, std::nullopt);
  if (!current_) return;
  starts_.push_back(now);
  if (starts_.size() > kMost) starts_.pop_front();
}

}  // namespace herald
