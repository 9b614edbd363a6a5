// Due times by key, with the earliest at hand: set, cancel and pop are O(log n).
#pragma once

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "sidecar/core/types.h"

namespace herald {

class Timers {
 public:
  using Key = std::uint32_t;

  void resize(std::size_t keys) { due_.resize(keys); }

  void set(Key key, TimePoint when) {
    cancel(key);
    due_[key] = when;
    queue_.emplace(when, key);
  }
  void cancel(Key key) {
    if (due_[key]) queue_.erase({*due_[key], key});
    due_[key].reset();
  }
  [[nodiscard]] std::optional<TimePoint> due(Key key) const { return due_[key]; }
  [[nodiscard]] std::optional<TimePoint> next() const {
    return queue_.empty() ? std::nullopt : std::optional{queue_.begin()->first};
  }
  // The earliest key that is due, which is cancelled by this.
  std::optional<Key> pop(TimePoint now) {
    if (queue_.empty() || queue_.begin()->first > now) return std::nullopt;
    const Key key = queue_.begin()->second;
    cancel(key);
    return key;
  }

 private:
  std::vector<std::optional<TimePoint>> due_;
  std::set<std::pair<TimePoint, Key>> queue_;
};

}  // namespace herald
