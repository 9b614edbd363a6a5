// What heraldctl prints for people, made of the reports that heraldd gives. Pure, but for the local time
// zone.
#pragma once

#include <string>

#include "sidecar/ctl/text.h"

namespace herald::ctl {

// As the daemon judges it; what does not say so is not.
[[nodiscard]] bool is_as_wanted(const Report& service);

// What the router says of itself and its sessions, in a line.
[[nodiscard]] std::string router_line(const Report& status, const Look& look);

// A line on the router, then one a service; "!" marks each that is not as wanted, its problem is below.
[[nodiscard]] std::string render_status(const Report& status, const Look& look);

// One service as a tree: verdict, problem, VIPs with what the kernel and each peer say, probes, what
// happened.
[[nodiscard]] std::string render_why(const Report& why, const Look& look);

// "up -> down", "admin auto -> drain"; of a transition in why, history and watch.
[[nodiscard]] std::string change_text(const Report& transition);

// Whether one of the results of `probe` is a pass, or a warning, which is one.
[[nodiscard]] bool has_passed(const Report& result);
// Results of probes, a line each.
[[nodiscard]] std::string render_results(const Report& results, const Look& look);

// Transitions, oldest first, a line each.
[[nodiscard]] std::string render_history(const Report& history, const Look& look);

// One transition as a line of its own.
[[nodiscard]] std::string render_transition(const Report& transition, WallTime now, const Look& look);

}  // namespace herald::ctl
