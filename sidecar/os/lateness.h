// How late herald's own timers fire: the first thing to look at when a probe is called inconclusive.
//
// Counts in buckets of a quarter octave from 10 µs up, so a quantile is right to 20 % and costs no memory.
#pragma once

#include <array>
#include <cstdint>

#include "sidecar/core/types.h"

namespace herald {

class Lateness {
 public:
  void record(Duration late);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] Duration most() const { return most_; }
  // The upper edge of the bucket that holds the quantile; zero when nothing was recorded.
  [[nodiscard]] Duration quantile(double fraction) const;

 private:
  static constexpr std::size_t kBuckets = 96;

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  Duration most_{};
};

}  // namespace herald
