// How long a probe's last good answers took: what is usual for it, so that what is unusual can be told before its deadline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sidecar/core/types.h"

namespace herald {

class Latencies {
 public:
  static constexpr std::size_t kMost = 200;

  void add(Duration latency);
  void clear() { *this = {}; }
  // Of a hundred of the last kMost one took longer; while there are fewer than a hundred none did. None before the first.
  [[nodiscard]] std::optional<Duration> p99() const;

 private:
  std::vector<std::uint32_t> microseconds_;  // the last kMost, the oldest at next_
  std::size_t next_ = 0;
};

}  // namespace herald
