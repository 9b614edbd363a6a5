// In which network namespace this process is.
#pragma once

#include <cstdint>

namespace herald {

// Its inode, by which two processes see whether it is the same; 0 where that cannot be had.
[[nodiscard]] std::uint64_t network_namespace();

}  // namespace herald
