// What `heraldctl doctor` reads of FRR, from 8.4 to 10.x. Pure: text in, facts out; asking is frr_facts_reader's.
//
// Of a configuration only the lines are looked at that the rules ask for; the rest may be anything. Errors are lines for
// people; JSON of another shape than expected is one.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/doctor/router_facts.h"

namespace herald {

// `show version` of bgpd ("FRRouting 8.4.4 (host) on ...") and `vtysh --help`; "" when it is neither.
[[nodiscard]] std::string parse_frr_version(std::string_view text);
[[nodiscard]] std::string parse_vtysh_version(std::string_view text);

// `show bgp neighbors json`: those of `spec.peers`, or all where it names none.
[[nodiscard]] std::expected<std::vector<PeerFacts>, std::string> parse_frr_neighbors(std::string_view text,
                                                                                     const RouterSpec& spec);

// One entry of a prefix-list: matches prefixes inside `prefix` of `least` to `most` bits.
struct PrefixListEntry {
  bool permit = false;
  std::string prefix;
  std::uint32_t least = 0;
  std::uint32_t most = 0;

  bool operator==(const PrefixListEntry&) const = default;
};
using PrefixLists = std::map<std::string, std::vector<PrefixListEntry>>;  // entries in their order

// `show ip prefix-list json` or `show ipv6 prefix-list json`; added to what is there.
[[nodiscard]] std::expected<void, std::string> parse_frr_prefix_lists(std::string_view text,
                                                                      PrefixLists& lists);
[[nodiscard]] bool permits(const std::vector<PrefixListEntry>& list, const Vip& vip);

// `show running-config` of bgpd, for the instance of the VRF.
void parse_frr_config(std::string_view text, const std::string& vrf, FrrFacts& facts);
// The lines of a file that announce or assign one of the VIPs, or announce anything with a map of herald's.
[[nodiscard]] std::vector<std::string> saved_frr_lines(std::string_view text, const std::vector<Vip>& vips);

// The lines of a file that deny something by herald's list of fast withdrawals.
[[nodiscard]] std::vector<std::string> saved_frr_denials(std::string_view text);
// `show running-config` of zebra: for how long it holds a change back.
[[nodiscard]] std::uint32_t parse_zebra_work_queue(std::string_view text);

// `show ip nht` and `show ipv6 nht` of zebra: whether it has a way to each peer.
void parse_frr_nht(std::string_view text, std::vector<PeerFacts>& peers);

// Answers to several frr_route_command(), one JSON document each, for VIPs in their order.
[[nodiscard]] std::expected<std::map<Vip, VipFacts>, std::string> parse_frr_vips(
    std::string_view text, const std::vector<Vip>& vips, const std::vector<PeerFacts>& peers);

}  // namespace herald
