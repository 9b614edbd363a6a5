// The router and its sessions as other programs read them, and what reports share about what is not known: that is null.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "sidecar/core/snapshot.h"
#include "sidecar/text/clocks.h"

namespace herald {

[[nodiscard]] nlohmann::ordered_json time_or_null(const std::optional<TimePoint>& when,
                                                  const ClockPair& clocks);
// The router answered the last read.
[[nodiscard]] bool can_read_back(const Snapshot& snapshot);

// `router` of the status: its stack, whether it answers, sessions, and what stands in it of fallback and fast withdrawals.
[[nodiscard]] nlohmann::ordered_json router_json(const Snapshot& snapshot, const ClockPair& clocks);

}  // namespace herald
