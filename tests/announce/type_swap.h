// What a router printed, with one member at a time of another type: its answers come from a program that changes with every
// release, and no junk that is well-formed may end herald or pass for "nothing is there".
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace herald {

inline nlohmann::json deep_list() {
  nlohmann::json deep;
  for (int depth = 0; depth < 1000; ++depth) deep = nlohmann::json::array({std::move(deep)});
  return deep;
}

// One of every type, some in several sizes.
inline std::vector<nlohmann::json> json_values() {
  using nlohmann::json;
  return {nullptr, true, 0, -1, 1e300, "", "x", json::array(), json::object(), deep_list()};
}

// JSON pointers to everything in `value`, which stands at `at`.
inline void collect_places(const nlohmann::json& value, const std::string& at,
                           std::vector<std::string>& places) {
  if (!at.empty()) places.push_back(at);
  if (!value.is_structured()) return;
  for (const auto& [key, member] : value.items()) collect_places(member, at + "/" + key, places);
}

inline bool is_of_type(const nlohmann::json& value, const nlohmann::json& other) {
  const bool both_counts = value.is_number_integer() && value >= 0 && other.is_number_integer();
  return both_counts || value.type() == other.type();
}

// `document` with the member at `place` replaced: every member at every depth, by each of json_values() that is of another
// type. `is_deep`: nested deeper than any answer.
using OnSwap = std::function<void(const std::string& place, const std::string& text, bool is_deep)>;
inline void each_type_swap(const nlohmann::json& document, const OnSwap& visit) {
  std::vector<std::string> places;
  collect_places(document, "", places);
  for (const std::string& place : places) {
    const nlohmann::json::json_pointer pointer(place);
    for (const nlohmann::json& value : json_values()) {
      const bool is_deep = value.is_array() && !value.empty();
      if (!is_deep && is_of_type(value, document.at(pointer))) continue;
      nlohmann::json changed = document;
      changed.at(pointer) = value;
      visit(place, changed.dump(), is_deep);
    }
  }
}

}  // namespace herald
