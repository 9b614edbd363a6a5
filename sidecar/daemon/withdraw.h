// The hands of `heraldd --withdraw`, for when a heraldd was killed and none follows (packaging/herald.service,
// packaging/herald-withdraw.service): loop, levers and log around core/withdrawal.h, which decides all of it.
//
// It needs no daemon, and refuses to act beside a heraldd that runs.
#pragma once

#include <expected>
#include <filesystem>
#include <span>
#include <string>

#include "sidecar/core/config.h"
#include "sidecar/core/withdrawal.h"
#include "sidecar/os/log.h"
#include "sidecar/os/loop.h"

namespace herald {

// Returns once it is over: the exit code, 0 or 1. The error, a line for people: nothing was begun.
[[nodiscard]] std::expected<int, std::string> withdraw_left(
    Loop& loop, Log& log, const Config& config, Withdrawal::Vips vips,
    std::span<const std::filesystem::path> template_dirs);

}  // namespace herald
