// The operators' orders about services as other programs read them: whose they are, why, since when and until when.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "sidecar/core/snapshot.h"
#include "sidecar/text/clocks.h"

namespace herald {

// `admin_by`: the one that decides; null while there is none.
[[nodiscard]] nlohmann::ordered_json admin_json(const Admin& admin, const ClockPair& clocks);
// `orders`: all that stand, each with its `state`.
[[nodiscard]] nlohmann::ordered_json orders_json(std::span<const Admin> orders, const ClockPair& clocks);

// What an undrain of these services answers with: which drains `ended` between two looks, and which are `standing`.
[[nodiscard]] nlohmann::ordered_json undrain_report(const Snapshot& before, const Snapshot& after,
                                                    std::span<const std::string> services,
                                                    const ClockPair& clocks);

}  // namespace herald
