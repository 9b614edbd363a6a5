// One value of the main configuration file, whatever else may be wrong with it: where to find a heraldd, or what it has
// kept, when there is no Config to tell.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace herald {

// The absolute path that stands at a JSON pointer ("/control/socket"). None where the file cannot be read, is no JSON, or
// has something else there.
[[nodiscard]] std::optional<std::string> glimpse_path(const std::filesystem::path& file, const char* pointer);

}  // namespace herald
