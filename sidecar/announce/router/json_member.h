// What routers print as JSON, read leniently: what is missing or of another type reads as empty.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace herald {

// {} for anything that is not there or is no object.
inline const nlohmann::json& member(const nlohmann::json& object, std::string_view key) {
  static const nlohmann::json kNone = nlohmann::json::object();
  if (!object.is_object()) return kNone;
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : kNone;
}

inline std::string text_at(const nlohmann::json& object, std::string_view key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace herald
