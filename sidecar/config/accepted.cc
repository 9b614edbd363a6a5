#include "sidecar/config/accepted.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "sidecar/config/json_document.h"
#include "sidecar/os/kept_file.h"

namespace herald {
namespace {

using nlohmann::json;

std::vector<ConfigText> read_texts(const json& document) {
  std::vector<ConfigText> texts;
  for (const json& entry : document.at("files"))
    texts.push_back({entry.at("file").get<std::string>(), entry.at("text").get<std::string>()});
  return texts;
}

}  // namespace

std::expected<void, std::string> AcceptedConfig::keep(std::span<const ConfigText> texts) const {
  if (file_.empty()) return {};
  constexpr mode_t kMode = 0600;  // a probe's headers may hold a password
  json files = json::array();
  for (const ConfigText& each : texts) files.push_back({{"file", each.file}, {"text", each.text}});
  // Only a comment can hold what is no UTF-8.
  const std::string text =
      json{{"files", std::move(files)}}.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  if (text.size() > kMostFileBytes)
    return std::unexpected(
        fmt::format("write {}: it is longer than {} MiB", file_.native(), kMostFileBytes >> 20U));
  return replace_kept_file(file_, text, kMode, Durable::no);
}

std::optional<Config> AcceptedConfig::load(std::span<const ProbeKindCheck> kinds) const {
  const auto text = read_text_file(file_);
  if (!text) return std::nullopt;
  std::vector<ConfigError> errors;
  const auto document = parse_json(*text, file_, errors);
  if (!document) return std::nullopt;
  try {
    const std::vector<ConfigText> texts = read_texts(*document);
    if (texts.empty()) return std::nullopt;
    return parse_config(texts.front(), std::span(texts).subspan(1), kinds).config;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

}  // namespace herald
