// A whole router configuration toward the Route Server, for the services at hand: what `heraldctl render` prints.
#pragma once

#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "sidecar/announce/frr/template.h"
#include "sidecar/core/config.h"

namespace herald {

// For `stack` (frr or bird), whatever the configuration says of it. The errors are lines for people: missing keys by
// their names, services whose lever is the other stack's, errors of the template.
[[nodiscard]] std::expected<std::string, std::vector<std::string>> render_route_server(
    const Config& config, Stack stack, std::span<const std::filesystem::path> template_dirs);

}  // namespace herald
