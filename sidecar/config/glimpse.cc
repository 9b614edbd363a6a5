#include "sidecar/config/glimpse.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "sidecar/config/json_document.h"

namespace herald {

std::optional<std::string> glimpse_path(const std::filesystem::path& file, const char* pointer) {
  const auto text = read_text_file(file);
  if (!text) return std::nullopt;
  std::vector<ConfigError> ignored;
  const auto document = parse_json(*text, file, ignored);
  const nlohmann::json::json_pointer place(pointer);
  if (!document || !document->contains(place)) return std::nullopt;
  const nlohmann::json& value = (*document)[place];
  if (!value.is_string()) return std::nullopt;
  auto path = value.get<std::string>();
  return path.starts_with('/') ? std::optional(std::move(path)) : std::nullopt;
}

}  // namespace herald
