// What heraldctl shows of the operators' orders, which stand beside each other: whose they are, why and until when; and what
// has become of them by an undrain.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sidecar/ctl/text.h"

namespace herald::ctl {

// A line for each order about a service: "  admin: drain by root since 10:00:00, 2m ago: update; ends in 9m".
[[nodiscard]] std::string orders_text(const Report& service, WallTime now, const Look& look);

// Somebody has forced it, and a drain beats that.
[[nodiscard]] bool waits_to_be_forced(const Report& service);

// Of the reply to an undrain: whose drains have ended, and whose still stand; a line each.
[[nodiscard]] std::string undrain_text(const Report& reply, WallTime now);

// Whether an undrain has done what was asked. One drain of one's own is enough where others still stand; where nothing was
// one's own and others stand, the service is out and that is none of one's own doing. Of `--all` services, who has a drain
// in some is done with all.
[[nodiscard]] bool has_ended_in_each(const Report& reply, const std::vector<std::string>& services);
[[nodiscard]] bool has_ended_some(const Report& reply);

inline constexpr std::string_view kNotOnesOwn =
    "what still stands is not yours: end it as its owner (--by NAME), or everybody's (--all-orders)\n";

}  // namespace herald::ctl
