// `heraldctl peers`: the router's BGP sessions, from what `status` reports.
#pragma once

#include <string>

#include "sidecar/ctl/calls.h"
#include "sidecar/ctl/text.h"

namespace herald::ctl {

// Whether every session is established, and none lacks a VIP that is wanted.
[[nodiscard]] bool are_peers_as_wanted(const Report& status);

// A line on the router, then one a session; "!" marks each that is not as wanted.
[[nodiscard]] std::string render_peers(const Report& status, const Look& look);

// Exit 1 unless they are as wanted.
[[nodiscard]] Outcome peers(const Options& options);

}  // namespace herald::ctl
