// When the interfaces are looked at: one look at a time, and none is taken for newer than its beginning.
//
//   rests      what was seen is believed to be so.
//   wanted     something may have changed: begin() begins a look.
//   under_way  a look was begun, and is not answered.
//   outdated   the same, and something may have changed since: the next one follows it at once.
//
//   rests      want() -> wanted
//   wanted     begin() -> under_way
//   under_way  want() -> outdated; answered -> rests
//   outdated   answered -> wanted
//   any        restart() -> wanted: what is under way is not waited for any more
//
// A look that failed is tried again after 100 ms, doubled to at most 5 s, or with the next thing that wants one. Every
// 10 s one is wanted though nothing tells of a change: notifications can be lost.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "sidecar/core/types.h"

namespace herald {

class Looks {
 public:
  explicit Looks(TimePoint now) : audit_at_(now + kAudit) {}

  void want() {
    if (state_ == State::rests) state_ = State::wanted;
    if (state_ == State::under_way) state_ = State::outdated;
  }
  void restart() { state_ = State::wanted; }
  void succeeded() {
    answered();
    seen_ = latest_;
    failures_ = 0;
  }
  void failed(TimePoint now) {
    answered();
    again_at_ = now + std::min(kFirstAgain * (1U << std::min(failures_++, 6U)), kLongestAgain);
  }

  // The sequence of a look to begin now.
  std::optional<std::uint64_t> begin() {
    if (state_ != State::wanted) return std::nullopt;
    state_ = State::under_way;
    again_at_.reset();
    return ++latest_;
  }
  void wake(TimePoint now) {
    if (audit_at_ > now && again_at_.value_or(TimePoint::max()) > now) return;
    if (audit_at_ <= now) audit_at_ = now + kAudit;
    if (again_at_ && *again_at_ <= now) again_at_.reset();
    want();
  }
  [[nodiscard]] TimePoint next_due() const { return std::min(audit_at_, again_at_.value_or(audit_at_)); }

  // Of the last look that was begun, and of the last one that showed something; 0: none yet.
  [[nodiscard]] std::uint64_t latest() const { return latest_; }
  [[nodiscard]] std::uint64_t seen() const { return seen_; }
  [[nodiscard]] bool rests() const { return state_ == State::rests; }
  [[nodiscard]] bool is_under_way() const { return state_ == State::under_way || state_ == State::outdated; }
  // The last one failed.
  [[nodiscard]] bool fail() const { return failures_ > 0; }

 private:
  enum class State : std::uint8_t { rests, wanted, under_way, outdated };
  static constexpr Duration kAudit = std::chrono::seconds(10);
  static constexpr Duration kFirstAgain = std::chrono::milliseconds(100);
  static constexpr Duration kLongestAgain = std::chrono::seconds(5);

  void answered() {
    if (state_ == State::under_way) state_ = State::rests;
    if (state_ == State::outdated) state_ = State::wanted;
  }

  State state_ = State::wanted;
  std::uint64_t latest_ = 0;
  std::uint64_t seen_ = 0;
  std::uint32_t failures_ = 0;  // in a row
  std::optional<TimePoint> again_at_;
  TimePoint audit_at_;
};

}  // namespace herald
