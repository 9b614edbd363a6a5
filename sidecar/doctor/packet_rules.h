// Whether something between the wire and the sockets hands on what is sent to a VIP: nftables (iptables-nft is that, too), the older
// iptables, IPVS. Read as far as who runs doctor may; rules are not interpreted, only looked through for what translates.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "sidecar/core/types.h"

namespace herald {

struct PacketRules {
  bool translates = false;       // something is handed on, whatever it is
  std::set<Vip> names_vip = {};  // VIPs that such rules, or IPVS, name

  bool operator==(const PacketRules&) const = default;
};

// What `nft -j list ruleset` printed (libnftables-json(5)); none: it is no such thing.
[[nodiscard]] std::optional<PacketRules> parse_ruleset(std::string_view json, const std::set<Vip>& vips);
// /proc/net/ip_vs: a line for each virtual service, "TCP  0A630001:0050 wlc".
[[nodiscard]] std::set<Vip> parse_ip_vs(std::string_view text, const std::set<Vip>& vips);

// None: who runs this may not read them.
[[nodiscard]] std::optional<PacketRules> read_packet_rules(const std::set<Vip>& vips);

}  // namespace herald
