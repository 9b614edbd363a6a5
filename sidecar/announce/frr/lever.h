// FRR as a lever: bgpd's `network` lines, each with a route-map of herald's that says with which attributes.
//
// Owned: the maps with herald's prefix, and the `network` lines of the VIPs of services that are announced by vtysh or
// whose map has that prefix, in the unicast families of the one instance that is configured. Nothing else is written, no
// instance is created, and nothing is saved: after a restart of FRR the routes are absent until herald knows better.
#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "sidecar/announce/router/lever.h"
#include "sidecar/core/config.h"
#include "sidecar/os/loop.h"

namespace herald {

// Takes what it needs out of `config`, which may go. Without its templates it reads and withdraws, and every other
// step is an error. A read() during an apply() waits for its end.
[[nodiscard]] std::unique_ptr<RouterLever> make_frr_lever(
    Loop& loop, const Config& config, std::span<const std::filesystem::path> template_dirs,
    std::span<const Vip> leaving = {});

}  // namespace herald
