#include "sidecar/announce/frr/map_shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "sidecar/announce/router/text_lines.h"

namespace herald {
namespace {

// What bgpd (bgpd/bgp_community.c, 8.4.4 to 10.3) prints in the place of numbers.
constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kNamed{{
    {"internet", "0:0"},
    {"graceful-shutdown", "65535:0"},
    {"accept-own", "65535:1"},
    {"route-filter-translated-v4", "65535:2"},
    {"route-filter-v4", "65535:3"},
    {"route-filter-translated-v6", "65535:4"},
    {"route-filter-v6", "65535:5"},
    {"llgr-stale", "65535:6"},
    {"no-llgr", "65535:7"},
    {"accept-own-nexthop", "65535:8"},
    {"blackhole", "65535:666"},
    {"no-export", "65535:65281"},
    {"no-advertise", "65535:65282"},
    {"local-AS", "65535:65283"},
    {"no-peer", "65535:65284"},
}};

// "permit 10" or, where it is only in `other`, with what is in it.
void note_missing(const FrrMapShape& one, const FrrMapShape& other, std::vector<std::string>& found) {
  for (const auto& [entry, lines] : one) {
    const auto same = other.find(entry);
    if (same == other.end()) {
      found.push_back(fmt::format("`{}`", entry));
      continue;
    }
    for (const std::string& line : lines) {
      if (!same->second.contains(line)) found.push_back(fmt::format("`{}`", line));
    }
  }
}

}  // namespace

std::string frr_map_line(const std::string& line) {
  std::vector<std::string> words = words_of(line);
  if (words.size() < 3 || words[0] != "set" || !words[1].ends_with("community"))
    return fmt::format("{}", fmt::join(words, " "));
  for (std::string& word : words) {
    const auto named = std::ranges::find(kNamed, word, &decltype(kNamed)::value_type::first);
    if (named != kNamed.end()) word = named->second;
  }
  std::sort(words.begin() + 2, words.end());
  return fmt::format("{}", fmt::join(words, " "));
}

FrrMapShape frr_map_shape(std::span<const std::string> definition, const std::string& name) {
  FrrMapShape shape;
  std::set<std::string>* entry = nullptr;  // the one that is open
  for (const std::string& line : definition) {
    const auto words = words_of(line);
    if (words.empty()) continue;
    if (words[0] == "route-map") {
      entry = words.size() > 3 && words[1] == name ? &shape[words[2] + " " + words[3]] : nullptr;
    } else if (words[0] == "exit") {
      entry = nullptr;
    } else if (entry != nullptr) {
      entry->insert(frr_map_line(line));
    }
  }
  return shape;
}

std::string frr_map_difference(const FrrMapShape& should, const FrrMapShape& is) {
  std::vector<std::string> extra;
  std::vector<std::string> lacking;
  note_missing(is, should, extra);
  note_missing(should, is, lacking);
  std::string text;
  if (!extra.empty()) text = fmt::format("has {}", fmt::join(extra, ", "));
  if (!lacking.empty()) text += fmt::format("{}lacks {}", text.empty() ? "" : ", ", fmt::join(lacking, ", "));
  return text;
}

std::map<std::string, std::string> FrrMapWatch::changed(const Shapes& maps, const Should& should) {
  std::map<std::string, std::string> found;
  std::erase_if(learned_, [&](const auto& one) { return !maps.contains(one.first); });
  for (const auto& [map, shape] : maps) {
    if (fresh_.contains(map)) learned_[map] = shape;
    const auto learned = learned_.find(map);
    if (learned != learned_.end() && learned->second == shape) continue;
    const auto wanted = should(map);
    if (!wanted || *wanted == shape) continue;
    found[map] = frr_map_difference(learned == learned_.end() ? *wanted : learned->second, shape);
  }
  fresh_.clear();
  return found;
}

}  // namespace herald
