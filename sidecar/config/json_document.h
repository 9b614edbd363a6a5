// A JSON text file, read strictly: `//` comments are allowed, duplicate keys are not, and depth, size and
// number of values have limits, so that no file can crash or exhaust the program. Nothing here throws.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/config/json_reader.h"
#include "sidecar/os/text_file.h"

namespace herald {

constexpr std::size_t kMostJsonDepth = 64;
constexpr std::size_t kMostJsonValues = 1'000'000;

// None when the text is no JSON document. Duplicate keys are reported and the last one stands, so that what
// else is wrong can be reported too. `file` only names the text in errors.
[[nodiscard]] std::optional<nlohmann::json> parse_json(std::string_view text, const std::string& file,
                                                       std::vector<ConfigError>& errors);

}  // namespace herald
