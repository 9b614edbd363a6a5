// The fallback in bgpd's words: for each peer an outbound route-map that denies some VIPs, and the session shut down. Pure.
//
// Owned, and told by their names: route-maps and prefix-lists that begin with kFallbackPrefix, which no service's policy
// can have, and sessions that are shut down with a message that begins so. A map stands in the place of the neighbor's own
// outbound map, whose name is then in its own, so that a later herald can put it back, or in front of the one that the
// neighbor has from its peer-group. The operator's maps and lists are never edited.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/announce/frr/objects.h"
#include "sidecar/core/route/route_step.h"

namespace herald {

// Of a neighbor's map or list by a key; "" where it has none.
[[nodiscard]] std::string name_at(const std::map<std::string, std::string>& map, const std::string& key);

inline constexpr std::string_view kFallbackPrefix = "HERALD-fallback:";

// What bgpd's running configuration says about it, for the instance of ours.
struct FrrFilters {
  static constexpr std::size_t kFamilies = 2;  // IPv4, IPv6

  std::map<std::string, std::string> groups;                           // peer-group by neighbor
  std::array<std::map<std::string, std::string>, kFamilies> out_maps;  // by neighbor or peer-group
  std::set<std::string> shut;                                          // neighbors, by herald
  std::set<std::string> maps;                                          // of the fallback
  std::map<std::string, std::set<Vip>> lists;                          // of the fallback
  std::set<std::string> used_maps;                                     // of these, in any instance
  // What has the place of an outbound prefix-list, by neighbor or peer-group: "prefix-list ANYCAST", "distribute-list 10".
  std::array<std::map<std::string, std::string>, kFamilies> out_lists = {};
};

[[nodiscard]] PeerFallbacks fallbacks_in(const FrrFilters& filters);
[[nodiscard]] bool has_remains(const FrrFilters& filters);

// What one step has to say, in the order of the members.
struct FrrFallbackLines {
  std::vector<std::vector<std::string>> definitions;  // each with the name of its map first
  std::vector<std::string> before;                    // in the instance
  std::array<std::vector<std::string>, FrrFilters::kFamilies> families;
  std::vector<std::string> after;    // in the instance
  std::vector<std::string> tidying;  // outside of it
};
[[nodiscard]] FrrFallbackLines frr_fallback_lines(const FallbackStep& step, const FrrFilters& filters,
                                                  const FrrObjects& objects);

}  // namespace herald
