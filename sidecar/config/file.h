// The configuration: a main file and a directory of service files, parsed and checked into a Config.
//
// Everything that is wrong is reported at once; a Config exists only when nothing is. Nothing here throws,
// opens a socket, resolves a name or knows a probe type: the table of types is passed in and outlives the
// call alone.
//
// Main file: {"router", "control", "defaults", "services"}. A service file, DIR/*.json in name order, hidden
// ones left out, holds either {"services": [...]} or one bare service object, and nothing that belongs to the
// main file.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/config/json_reader.h"
#include "sidecar/config/kinds.h"
#include "sidecar/core/config.h"

namespace herald {

constexpr std::string_view kDefaultConfigFile = "/etc/herald/herald.json";
constexpr std::string_view kDefaultServicesDir = "/etc/herald/services.d";

constexpr std::size_t kMostServices = 10'000;
constexpr std::size_t kMostProbes = 100;  // per service
constexpr std::size_t kMostVips = 1'000;  // per service
constexpr std::size_t kMostServiceFiles = 10'000;
constexpr std::size_t kMostConfigBytes = 67'108'864;  // 64 MiB, all files together

// `file` only names the text in errors.
struct ConfigText {
  std::string file;
  std::string text;
};

struct LoadResult {
  std::optional<Config> config;  // only when errors is empty
  std::vector<ConfigError> errors;
  std::vector<std::string> warnings;
  std::vector<ConfigText> texts = {};  // of the files that the config was read from, the main one first
};

// `services_dir` may be missing when it is the default one; "" is for none.
[[nodiscard]] LoadResult load_config(const std::filesystem::path& file,
                                     const std::filesystem::path& services_dir,
                                     std::span<const ProbeKindCheck> kinds);

// The same from memory; its texts are not kept.
[[nodiscard]] LoadResult parse_config(const ConfigText& main, std::span<const ConfigText> service_files,
                                      std::span<const ProbeKindCheck> kinds);

}  // namespace herald
