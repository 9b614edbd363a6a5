// The memory that repairs need, for the steps of any lever: when the next step for one thing may go.
//
//  - one step in flight a thing, and the next one is planned only from a look that was begun after the last one had
//    ended;
//  - a step whose effect is not seen in that look (it failed, or something lied) is repeated after a back-off of
//    100 ms, doubled to at most 5 s. A success that lasts forgets the back-off: a loss is repaired at once, but a fight
//    with somebody who keeps deleting slows down;
//  - a step of another kind never waits: after ten vain additions a removal goes at once.
//
// Key: what is stepped on. Kind: what is wanted of it; equal kinds are repetitions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "sidecar/core/types.h"

namespace herald {

template <typename Key, typename Kind>
class Repeats {
 public:
  [[nodiscard]] bool may_issue(const Key& key, const Kind& kind, std::uint64_t sequence, TimePoint now) {
    Memory& memory = memory_[key];
    if (memory.in_flight || sequence <= memory.look_after) return false;
    if (kind != memory.kind) memory = {.look_after = memory.look_after, .kind = kind};
    return now >= memory.not_before;
  }
  // A routine step (the refresh of a lease) repeats by nature: once its effect is seen, it is forgotten.
  void issued(const Key& key, const Kind& kind, bool routine, TimePoint now) {
    Memory& memory = memory_[key];
    const Duration back_off = kFirstBackOff * (1U << std::min(memory.repeats, 6U));
    memory.in_flight = true;
    memory.kind = kind;
    memory.routine = routine;
    memory.last_step = now;
    memory.not_before = now + std::min(back_off, kLongestBackOff);
    ++memory.repeats;
  }
  // `latest_sequence` is that of the last look that was begun.
  void ended(const Key& key, std::uint64_t latest_sequence) {
    Memory& memory = memory_[key];
    memory.in_flight = false;
    memory.look_after = latest_sequence;
    needs_look_after_ = std::max(needs_look_after_, latest_sequence);
  }
  // Looking fails, so what was seen before has to do.
  void look_failed() {
    for (auto& [key, memory] : memory_) memory.look_after = 0;
  }
  // `open`: what the look with this sequence shows to be not as wanted.
  void forget_settled(const std::set<Key>& open, std::uint64_t sequence, TimePoint now) {
    for (auto entry = memory_.begin(); entry != memory_.end();) {
      Memory& memory = entry->second;
      const bool settled = !memory.in_flight && sequence > memory.look_after && !open.contains(entry->first);
      if (settled && memory.repeats == 1) memory.not_before = now;  // the first loss after a success: at once
      const bool lasting = memory.routine || now >= memory.last_step + kLastingSuccess;
      entry = settled && lasting ? memory_.erase(entry) : std::next(entry);
    }
  }
  // When a step for it may be repeated; none while one is in flight.
  [[nodiscard]] std::optional<TimePoint> retry_at(const Key& key) const {
    const auto found = memory_.find(key);
    if (found == memory_.end()) return TimePoint{};
    return found->second.in_flight ? std::nullopt : std::optional{found->second.not_before};
  }
  // Only a look newer than this shows what all steps did.
  [[nodiscard]] std::uint64_t needs_look_after() const { return needs_look_after_; }

 private:
  static constexpr Duration kFirstBackOff = std::chrono::milliseconds(100);
  static constexpr Duration kLongestBackOff = std::chrono::seconds(5);
  static constexpr Duration kLastingSuccess = std::chrono::seconds(10);

  struct Memory {
    bool in_flight = false;
    bool routine = false;
    std::uint64_t look_after = 0;  // plan only from a look with a higher sequence
    Kind kind{};
    std::uint32_t repeats = 0;
    TimePoint last_step{};
    TimePoint not_before{};
  };

  std::map<Key, Memory> memory_;
  std::uint64_t needs_look_after_ = 0;
};

}  // namespace herald
