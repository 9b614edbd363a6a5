// The nudges of one probe: events that make its next attempt due now. A nudge is never evidence: what counts is the attempt's own
// result, so that a lost, forged or repeated event costs one attempt and can withdraw nothing.
//
// They are limited, or a flood of events would be a flood of attempts: nudged attempts begin kApart after whatever began before,
// at most kMost of them in any second, and one waits at most. What comes too early waits until it may begin, for a nudge that is
// dropped would be a failure noticed late; only one more of what waits already is dropped.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "sidecar/core/types.h"

namespace herald {

// What has happened.
enum class Nudge : std::uint8_t {
  listener_gone,     // nobody listens at the target any more, as the kernel said then
  listener_closed,   // one of several listeners at the target was closed: a reload, perhaps
  events_lost,       // the kernel dropped events: one of the target's may have been among them
  accept_stalled,    // connections to the target wait, and for some time none was accepted
  connection_ended,  // one that was kept to the target has ended
  link_down,         // the link by which packets went to the target is down, or gone
  route_gone,        // there is no way to the target any more
  route_changed      // packets to the target leave by another link, or from another address
};
[[nodiscard]] constexpr auto words_of(Nudge) {
  using enum Nudge;
  return std::to_array<Word<Nudge>>({{listener_gone, "listener gone"},
                                     {listener_closed, "listener closed"},
                                     {events_lost, "events lost"},
                                     {accept_stalled, "connections not accepted"},
                                     {connection_ended, "connection ended"},
                                     {link_down, "link down"},
                                     {route_gone, "no route"},
                                     {route_changed, "route changed"}});
}

// How the attempt fails where it says the truth.
[[nodiscard]] Reason failure_after(Nudge why);

class Nudges {
 public:
  static constexpr Duration kApart = std::chrono::milliseconds(10);
  static constexpr std::size_t kMost = 20;  // a second

  // One more. False: it is dropped, as one waits already.
  bool take(Nudge why);
  // What waits is worth nothing any more.
  void drop();
  [[nodiscard]] bool is_waiting() const { return waiting_.has_value(); }
  [[nodiscard]] std::optional<Nudge> waiting() const { return waiting_; }
  // When a nudged attempt may begin, at `now` at the earliest.
  [[nodiscard]] TimePoint earliest(TimePoint now) const;
  // An attempt begins: it is what the waiting one waited for, whoever has begun it.
  void started(TimePoint now);

  // The attempt that was begun last was nudged, and why.
  [[nodiscard]] std::optional<Nudge> current() const { return current_; }
  // Since the start.
  [[nodiscard]] std::uint64_t taken() const { return taken_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  std::optional<Nudge> waiting_;
  std::optional<Nudge> current_;
  std::optional<TimePoint> last_start_;
  std::deque<TimePoint> starts_;  // of nudged attempts, the last kMost
  std::uint64_t taken_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace herald
