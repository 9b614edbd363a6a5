// What attempts cost of this process's CPU time, and at whose it is: sampled every kSample of CPU time, which costs an attempt
// nothing that can be measured. At whose it is stands on the page at every moment.
//
// A callback that does not come to an end within work::kMostCallback of CPU time ends the process, with kCostExit and its run on the
// page: nothing else could be done with a library that does not come back. One process has one of these.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sidecar/os/loop.h"
#include "sidecar/work/spawning.h"

namespace herald::prober {

class Cost {
 public:
  static constexpr Duration kSample = std::chrono::milliseconds(10);
  // Of CPU time: a TLS handshake takes 1 to 5 ms on a slow machine, the longest body that is searched some.
  static constexpr Duration kMostAttempt = std::chrono::milliseconds(100);

  // `page` stays open as long as the process lives. Throws where the kernel has no such timer or page.
  Cost(Loop& loop, int page);
  Cost(const Cost&) = delete;
  Cost& operator=(const Cost&) = delete;
  ~Cost();

  // The runs that were found at work since it was asked last, once for each sample; 0 for nobody's.
  [[nodiscard]] std::vector<std::uint64_t> samples();

 private:
  static void on_tick(int signal) noexcept;
};

}  // namespace herald::prober
