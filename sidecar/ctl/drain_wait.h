// What `drain --wait` makes of a status report: whether the stack still advertises what was drained. Pure.
//
// It takes nothing for gone that was not read back: a router that does not answer goes on advertising.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/ctl/text.h"

namespace herald::ctl {

// What is still advertised of the services in `status`, or is not known to be gone, for people; empty: nothing is.
// `drained`: how long ago they were. What the router was read before says nothing.
[[nodiscard]] std::vector<std::string> not_withdrawn(const Report& status, std::chrono::milliseconds drained);

// Which of the services are not drained any more, and by whose word: somebody has undrained or forced them, or --for is
// over.
[[nodiscard]] std::optional<std::string> not_drained(const Report& status);

}  // namespace herald::ctl
