// The levers by the configuration: which stack's, and with what.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sidecar/announce/router/lever.h"
#include "sidecar/core/config.h"
#include "sidecar/os/loop.h"

namespace herald {

// By `router.stack`; none for `none`. Takes what it needs out of `config`, which may go. `leaving`: VIPs that the configuration
// has no more; reads cover them, too.
[[nodiscard]] std::unique_ptr<RouterLever> make_router_lever(
    Loop& loop, const Config& config, std::span<const std::filesystem::path> template_dirs,
    std::span<const Vip> leaving = {});

// What is wrong with the templates that the levers of `config` need, a line each.
[[nodiscard]] std::vector<std::string> template_problems(const Config& config,
                                                         std::span<const std::filesystem::path> dirs);

}  // namespace herald
