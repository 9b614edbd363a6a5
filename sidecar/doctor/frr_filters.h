// What FRR's filters do to the VIPs, as far as the lists and route-maps of its configuration tell. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sidecar/doctor/frr_facts.h"

namespace herald {

// What the peers' outbound lists do to the VIPs. One that bgpd does not have refuses all, as bgpd does.
void judge_outbound_lists(const PrefixLists& lists, const std::vector<Vip>& vips, RouterFacts& facts);

// Whether the route-map lets it pass; none where an entry before the one that decides asks for more than prefix-lists, or
// there is no such map. A map without an entry that matches denies; a list that is not there matches nothing.
[[nodiscard]] std::optional<bool> map_permits(const FrrFacts& frr, const PrefixLists& lists,
                                              const std::string& map, const Vip& vip);
// Whether herald's list of fast withdrawals lets the rest pass.
void judge_fast_list(const PrefixLists& lists, RouterFacts& facts);
// What outbound route-maps and that of the redistribution do to the VIPs.
void judge_maps(const PrefixLists& lists, const std::vector<Vip>& vips, RouterFacts& facts);

}  // namespace herald
