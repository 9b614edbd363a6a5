#include "sidecar/doctor/frr_filters.h"

#include <algorithm>
#include <array>
#include <set>

#include "sidecar/core/route/fast_withdraw.h"
#include "sidecar/core/route/policy.h"
#include "sidecar/text/address.h"

namespace herald {

std::optional<bool> map_permits(const FrrFacts& frr, const PrefixLists& lists, const std::string& map,
                                const Vip& vip) {
  const auto found = frr.maps.find(map);
  if (found == frr.maps.end()) return std::nullopt;
  for (const auto& [number, entry] : found->second) {
    if (entry.unclear) return std::nullopt;
    const bool matches = std::ranges::all_of(entry.lists, [&](const std::string& name) {
      const auto list = lists.find(name);
      return list != lists.end() && permits(list->second, vip);
    });
    if (matches) return entry.permit;
  }
  return false;
}

namespace {

// herald's own fallback is no fault of the operator's.
void judge_outbound_map(const PrefixLists& lists, const Vip& vip, const std::string& map,
                        RouterFacts& facts) {
  if (map.empty() || map.starts_with(kPolicyPrefix) || map_permits(facts.frr, lists, map, vip) != false)
    return;
  std::vector<std::string>& by = facts.vips[vip].held_back_by;
  const std::string name = "route-map " + map;
  if (std::ranges::find(by, name) == by.end()) by.push_back(name);
}

void judge_redistribution(const PrefixLists& lists, const Vip& vip, RouterFacts& facts) {
  const Redistribution& redistribution = facts.frr.redistribute.at(is_ipv6(vip) ? kIpv6 : kIpv4);
  if (!redistribution.on) return;
  facts.vips[vip].redistributed =
      redistribution.route_map.empty() ? true : map_permits(facts.frr, lists, redistribution.route_map, vip);
}

}  // namespace

void judge_maps(const PrefixLists& lists, const std::vector<Vip>& vips, RouterFacts& facts) {
  for (const Vip& vip : vips) {
    judge_redistribution(lists, vip, facts);
    for (const PeerFacts& peer : facts.peers)
      judge_outbound_map(lists, vip, peer.families.at(is_ipv6(vip) ? kIpv6 : kIpv4).outbound_map, facts);
  }
}

void judge_fast_list(const PrefixLists& lists, RouterFacts& facts) {
  const auto found = lists.find(std::string(kFastList));
  if (found == lists.end()) return;
  facts.frr.fast_list_permits = std::ranges::any_of(
      found->second, [](const PrefixListEntry& entry) { return entry.permit && entry.least != entry.most; });
}

void judge_outbound_lists(const PrefixLists& lists, const std::vector<Vip>& vips, RouterFacts& facts) {
  std::array<std::set<std::string>, 2> used;
  for (PeerFacts& peer : facts.peers) {
    for (const std::size_t family : {kIpv4, kIpv6}) {
      FamilyFacts& one = peer.families.at(family);
      if (one.outbound_list.empty()) continue;
      used.at(family).insert(one.outbound_list);
      const auto found = lists.find(one.outbound_list);
      one.outbound_empty = found != lists.end() && found->second.empty();
    }
  }
  for (const Vip& vip : vips) {
    for (const std::string& name : used.at(is_ipv6(vip) ? kIpv6 : kIpv4)) {
      const auto found = lists.find(name);
      // What herald itself denies by its list is no fault of the operator's.
      const bool is_heralds = name == kFastList && found != lists.end();
      if (!is_heralds && (found == lists.end() || !permits(found->second, vip)))
        facts.vips[vip].held_back_by.push_back("prefix-list " + name);
    }
  }
}

}  // namespace herald
