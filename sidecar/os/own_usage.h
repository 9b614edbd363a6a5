// What this process takes of the machine (proc(5), getrusage(2)): for people who look on.
//
// It reads files of /proc that the kernel makes of memory, and waits for nothing. What cannot be had is 0.
#pragma once

#include <cstdint>

#include "sidecar/core/types.h"

namespace herald {

struct OwnUsage {
  Duration cpu{};  // user and system
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t descriptors = 0;
  std::uint64_t most_descriptors = 0;
};
[[nodiscard]] OwnUsage own_usage();

}  // namespace herald
