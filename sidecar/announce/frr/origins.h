// By what bgpd has a VIP in its table, where that is not herald's `network` line. Pure.
//
// bgpd tells two kinds of its own paths apart (8.4 to 10.x): `network` is "sourced" and "local", what is redistributed is only
// "sourced". Which `redistribute` line it was it does not tell, so all of the family are named.
#pragma once

#include <map>
#include <set>

#include "sidecar/announce/frr/owned.h"
#include "sidecar/announce/router/json_member.h"
#include "sidecar/core/route/router_view.h"

namespace herald {

// From one path of `show bgp ... json`: none where a peer told it.
[[nodiscard]] std::optional<OtherOrigin> frr_origin(const JsonMember& path);

// Gives the origins that parse_frr_routes() has found the words of bgpd's configuration, and takes away those that are
// herald's. `own`: VIPs of services that are announced by vtysh; each `network` line of theirs is.
void name_frr_origins(std::map<Vip, RouterRoute>& routes, const FrrOwned& owned, const std::set<Vip>& own);

}  // namespace herald
