#include "sidecar/config/accepted.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "sidecar/config/json_document.h"
#include "sidecar/os/text_file.h"

namespace herald {
namespace {

using nlohmann::json;

// None where it is not what keep() has written.
std::vector<ConfigText> read_texts(const json& document) {
  std::vector<ConfigText> texts;
  const auto files = document.find("files");
  if (files == document.end() || !files->is_array()) return {};
  for (const json& entry : *files) {
    const auto file = entry.find("file");
    const auto text = entry.find("text");
    if (file == entry.end() || text == entry.end() || !file->is_string() || !text->is_string()) return {};
    texts.push_back({file->get<std::string>(), text->get<std::string>()});
  }
  return texts;
}

}  // namespace

std::expected<std::string, std::string> AcceptedConfig::text_of(std::span<const ConfigText> texts) const {
  json files = json::array();
  for (const ConfigText& each : texts) files.push_back({{"file", each.file}, {"text", each.text}});
  // Only a comment can hold what is no UTF-8.
  std::string text =
      json{{"files", std::move(files)}}.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  if (text.size() > kMostFileBytes)
    return std::unexpected(
        fmt::format("write {}: it is longer than {} MiB", file_.native(), kMostFileBytes >> 20U));
  return text;
}

std::optional<Config> AcceptedConfig::load(std::span<const ProbeKindCheck> kinds) const {
  const auto text = read_text_file(file_);
  return text ? parse_accepted(*text, kinds) : std::nullopt;
}

std::optional<Config> parse_accepted(const std::string& text, std::span<const ProbeKindCheck> kinds) {
  std::vector<ConfigError> errors;
  const auto document = parse_json(text, "accepted.json", errors);
  if (!document) return std::nullopt;
  const std::vector<ConfigText> texts = read_texts(*document);
  if (texts.empty()) return std::nullopt;
  return parse_config(texts.front(), std::span(texts).subspan(1), kinds).config;
}

}  // namespace herald
