// What bgpd's JSON says, from FRR 8.4 to 10.x: only fields that all of these have (research and fixtures in
// tests/announce). Pure: text in, facts out.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/route/router_view.h"

namespace herald {

// The commands to ask, in the order in which their answers are parsed: the summary, then one a VIP.
[[nodiscard]] std::vector<std::string> frr_summary_commands(const RouterSpec& spec);
[[nodiscard]] std::string frr_route_command(const RouterSpec& spec, const Vip& vip);

// The peers of `show bgp summary json`, those of `spec.peers` first and in that order. A configured peer that
// bgpd does not have is "not configured". The error is a line for people: bgpd's own words when it has no
// JSON to say.
struct FrrPeers {
  std::vector<RouterPeer> peers;
  std::vector<std::string> ipv4;  // established, and judged for IPv4 VIPs
  std::vector<std::string> ipv6;
  std::vector<std::string> ipv4_without =
      {};  // configured, without a session, and of the family or of no known one
  std::vector<std::string> ipv6_without = {};
  std::vector<std::string> ipv6_nowhere = {};                     // of `ipv6`: sent no IPv6 next hop
  std::array<std::map<std::string, std::uint64_t>, 2> sent = {};  // of both: how many routes
};
[[nodiscard]] std::expected<FrrPeers, std::string> parse_frr_summary(std::string_view text,
                                                                     const RouterSpec& spec);

// How to ask whether a session over IPv4 has a next hop for IPv6: one command a configured Route Server, none where there are
// no IPv6 VIPs. bgpd takes the global address of the interface that the session uses. Where that has none it sends its own IPv4
// address, mapped, or `::` when the address went while the session was up (bgp_nexthop_set(), FRR 8.4 to 10.x): receivers
// reject that, or do not know the way.
[[nodiscard]] std::vector<std::string> frr_next_hop_peers(const RouterSpec& spec,
                                                          const std::vector<Vip>& vips);
[[nodiscard]] std::string frr_next_hop_command(const RouterSpec& spec, const std::string& peer);
[[nodiscard]] bool is_no_ipv6_next_hop(std::string_view next_hop);
// Whether it is one of these. The error is a line for people.
[[nodiscard]] std::expected<bool, std::string> parse_frr_next_hop(std::string_view text,
                                                                  const std::string& peer);

// Answers to several frr_route_command(), one JSON document each.
[[nodiscard]] std::expected<std::map<Vip, RouterRoute>, std::string> parse_frr_routes(
    std::string_view text, const std::vector<Vip>& vips, const FrrPeers& peers, const RouterSpec& spec);

}  // namespace herald
