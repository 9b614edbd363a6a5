// Reading a probe's own keys a second time: check() has seen them in the configuration, make() gets their
// text.
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sidecar/config/json_reader.h"

namespace herald::probes {

// `read` is what check() uses too. The error is a line for people; with settings that passed check() there is
// none.
template <typename Settings>
[[nodiscard]] std::expected<Settings, std::string> parse_settings(const std::string& text,
                                                                  Settings (*read)(ObjectReader&)) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  std::vector<ConfigError> errors;
  ObjectReader keys(json, "", "", errors);
  Settings settings = read(keys);
  keys.finish();
  if (!errors.empty()) return std::unexpected(to_string(errors.front()));
  return settings;
}

// Reports the keys of a probe's socket as errors, where the probe has none: they would do nothing. What
// `defaults` says for all probes never gets here.
inline void refuse_socket_keys(ObjectReader& keys, const std::string& target) {
  for (const char* key : {"source", "bind_device", "mark"}) {
    if (keys.json().contains(key)) keys.fail(key, "has no effect on " + target);
  }
}

}  // namespace herald::probes
