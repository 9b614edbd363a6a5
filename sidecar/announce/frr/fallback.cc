#include "sidecar/announce/frr/fallback.h"

#include <fmt/format.h>

#include <algorithm>

#include "sidecar/core/route/policy.h"

namespace herald {
namespace {

constexpr std::string_view kMessage = "HERALD-fallback: it is still sent what was withdrawn";
constexpr std::array<std::string_view, FrrFilters::kFamilies> kFamilyNames{"ipv4", "ipv6"};

// "HERALD-fallback:ipv4:1f3a5c7e", and of a map that stands in the place of another ":" and that one's name.
constexpr std::size_t kListLength = kFallbackPrefix.size() + 4 + 1 + 8;

bool is_fallback(std::string_view map) {
  return map.starts_with(kFallbackPrefix);
}

std::string list_of(const std::string& map) {
  return map.substr(0, kListLength);
}

std::string replaced_by(const std::string& map) {
  return map.size() > kListLength ? map.substr(kListLength + 1) : "";
}

std::size_t family_of(const Vip& vip) {
  return vip.prefix.contains(':') ? 1 : 0;
}

std::set<Vip> of_family(const std::set<Vip>& vips, std::size_t family) {
  std::set<Vip> some;
  for (const Vip& vip : vips) {
    if (family_of(vip) == family) some.insert(vip);
  }
  return some;
}

std::vector<std::string> tidying(const FrrFilters& filters) {
  std::vector<std::string> lines;
  std::set<std::string> used_lists;
  for (const std::string& map : filters.used_maps) used_lists.insert(list_of(map));
  for (const std::string& map : filters.maps) {
    if (!filters.used_maps.contains(map)) lines.push_back("no route-map " + map);
  }
  for (const auto& [list, vips] : filters.lists) {
    if (used_lists.contains(list)) continue;
    const bool ipv6 = !vips.empty() && family_of(*vips.begin()) == 1;
    lines.push_back(fmt::format("no {} prefix-list {}", ipv6 ? "ipv6" : "ip", list));
  }
  return lines;
}

class StepWriter {
 public:
  StepWriter(const FallbackStep& step, const FrrFilters& filters, const FrrObjects& objects)
      : step_(step), filters_(filters), objects_(objects) {}

  FrrFallbackLines write() {
    if (step_.peer.empty()) {
      lines_.tidying = tidying(filters_);
      return std::move(lines_);
    }
    // The session is the last to be taken, and the first to be given back.
    const bool shut = filters_.shut.contains(step_.peer);
    if (shut && !step_.wanted.shut)
      lines_.before.push_back(fmt::format("no neighbor {} shutdown", step_.peer));
    for (std::size_t family = 0; family < FrrFilters::kFamilies; ++family) filter(family);
    if (!shut && step_.wanted.shut)
      lines_.after.push_back(fmt::format("neighbor {} shutdown message {}", step_.peer, kMessage));
    return std::move(lines_);
  }

 private:
  void filter(std::size_t family) {
    const std::string here = name_at(filters_.out_maps[family], step_.peer);
    const std::string own = is_fallback(here) ? replaced_by(here) : here;
    const std::set<Vip> vips = of_family(step_.wanted.denied, family);
    auto& lines = lines_.families[family];
    if (!vips.empty()) {
      const std::string map = define(family, vips, own);
      lines.push_back(fmt::format("neighbor {} route-map {} out", step_.peer, map));
    } else if (is_fallback(here) && own.empty()) {
      lines.push_back(fmt::format("no neighbor {} route-map {} out", step_.peer, here));
    } else if (is_fallback(here)) {
      lines.push_back(fmt::format("neighbor {} route-map {} out", step_.peer, own));
    }
  }

  std::string define(std::size_t family, const std::set<Vip>& vips, const std::string& own) {
    const std::string group = name_at(filters_.groups, step_.peer);
    const std::string called = own.empty() ? name_at(filters_.out_maps[family], group) : own;
    std::string content = called;
    for (const Vip& vip : vips) content += " " + vip.prefix;
    const std::string list =
        fmt::format("{}{}:{}", kFallbackPrefix, kFamilyNames[family], name_hash(content));
    const std::string map = own.empty() ? list : fmt::format("{}:{}", list, own);
    auto& definition = lines_.definitions.emplace_back(1, map);
    for (std::string& line : objects_.fallback(vips, map, list, called))
      definition.push_back(std::move(line));
    return map;
  }

  const FallbackStep& step_;
  const FrrFilters& filters_;
  const FrrObjects& objects_;
  FrrFallbackLines lines_;
};

}  // namespace

std::string name_at(const std::map<std::string, std::string>& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? "" : found->second;
}

PeerFallbacks fallbacks_in(const FrrFilters& filters) {
  PeerFallbacks all;
  for (const std::string& peer : filters.shut) all[peer].shut = true;
  for (const auto& maps : filters.out_maps) {
    for (const auto& [peer, map] : maps) {
      if (!is_fallback(map)) continue;
      PeerFallback& held = all[peer];
      const auto list = filters.lists.find(list_of(map));
      held.whole = held.whole && list != filters.lists.end() && filters.maps.contains(map);
      if (list != filters.lists.end()) held.denied.insert(list->second.begin(), list->second.end());
    }
  }
  return all;
}

bool has_remains(const FrrFilters& filters) {
  return !tidying(filters).empty();
}

FrrFallbackLines frr_fallback_lines(const FallbackStep& step, const FrrFilters& filters,
                                    const FrrObjects& objects) {
  return StepWriter(step, filters, objects).write();
}

}  // namespace herald
