#include "sidecar/announce/frr/view.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "sidecar/announce/frr/origins.h"
#include "sidecar/announce/frr/transport.h"
#include "sidecar/announce/router/json_member.h"
#include "sidecar/text/address.h"

namespace herald {
namespace {

using nlohmann::json;

// "vrf NAME " or nothing: the default instance needs no word, and old releases take none.
std::string vrf_of(const RouterSpec& spec) {
  return spec.vrf == "default" ? "" : fmt::format("vrf {} ", spec.vrf);
}

// What vtysh says beside the answers (about a missing vtysh.conf, for one) is skipped.
std::expected<std::vector<json>, std::string> documents(std::string_view text) {
  auto found = json_documents(text);
  if (!found) return std::unexpected(fmt::format("bgpd: {}: {}", found.error(), said(text)));
  if (found->empty()) return std::unexpected(fmt::format("bgpd: {}", said(text)));
  return found;
}

std::string unexpected_answer(std::string_view problem) {
  return fmt::format("bgpd does not answer as expected: {}", said(problem));
}

// How many there were. Not peerUptimeEstablishedEpoch: bgpd works it out anew each time, and it wavers by a second.
std::string session_of(const JsonMember& peer) {
  const auto count = [&](std::string_view key) {
    const auto number = peer.number_at(key);
    return number ? fmt::format("{}", *number) : "?";
  };
  return fmt::format("{} established, {} dropped", count("connectionsEstablished"),
                     count("connectionsDropped"));
}

void add(std::optional<std::uint64_t>& sum, std::optional<std::uint64_t> count) {
  if (count) sum = sum.value_or(0) + *count;
}

void collect(const JsonMember& family, std::vector<RouterPeer>& peers, std::vector<std::string>& established,
             std::map<std::string, std::uint64_t>& sent) {
  family.object_at("peers").each_member([&](const std::string& address, const JsonMember& peer) {
    const std::string state = peer.text_at("state");
    if (state.empty()) peer.fail("has no state");
    const bool up = state == "Established";
    if (up) established.push_back(address);
    if (const auto count = peer.count_at("pfxSnt"); up && count) sent[address] = *count;
    std::string session = session_of(peer);
    auto found = std::ranges::find(peers, address, &RouterPeer::address);
    if (found == peers.end()) found = peers.insert(peers.end(), {address, state, up, std::move(session)});
    add(found->sent, peer.count_at("pfxSnt"));
    add(found->accepted, peer.count_at("pfxRcd"));
  });
}

bool is_judged(const std::string& address, const RouterSpec& spec) {
  return spec.peers.empty() || std::ranges::find(spec.peers, address) != spec.peers.end();
}

// Configured ones first and in their order: an operator looks for them there.
std::vector<RouterPeer> ordered(std::vector<RouterPeer> seen, const RouterSpec& spec) {
  std::vector<RouterPeer> peers;
  for (const std::string& address : spec.peers) {
    const auto found = std::ranges::find(seen, address, &RouterPeer::address);
    peers.push_back(found == seen.end() ? RouterPeer{address, std::string(kNotConfigured), false} : *found);
  }
  for (RouterPeer& peer : seen) {
    if (std::ranges::find(spec.peers, peer.address) == spec.peers.end()) peers.push_back(std::move(peer));
  }
  return peers;
}

// Of those that bgpd does not know nobody knows the family.
std::vector<std::string> without_session(const JsonMember& family, const FrrPeers& peers,
                                         const RouterSpec& spec) {
  std::vector<std::string> without;
  const JsonMember members = family.object_at("peers");
  std::ranges::copy_if(spec.peers, std::back_inserter(without), [&](const std::string& address) {
    const auto peer = std::ranges::find(peers.peers, address, &RouterPeer::address);
    return !peer->established && (peer->state == kNotConfigured || members.has(address));
  });
  return without;
}

// What is sent without a next hop is as good as not sent.
void without_next_hop(RouterRoute& route, const FrrPeers& peers) {
  for (const std::string& peer : peers.ipv6_nowhere) {
    if (std::erase(route.advertised_to, peer) == 0) continue;
    route.missing_from.push_back(peer);
    route.no_next_hop.push_back(peer);
  }
}

// Of a prefix that is not in its table bgpd says "{}"; anything else has paths.
RouterRoute route_from(const JsonMember& document, const FrrPeers& peers, bool ipv6, const RouterSpec& spec) {
  RouterRoute route;
  route.without_session = ipv6 ? peers.ipv6_without : peers.ipv4_without;
  if (document.empty()) return route;
  if (!document.has("paths")) document.fail("has no paths");
  document.each_of_list("paths", [&](const JsonMember& path) {
    const bool is_ours = path.flag_at("sourced");
    const bool is_best = !path.object_at("bestpath").empty();
    route.in_rib = route.in_rib || (is_ours && is_best);
    if (auto origin = frr_origin(path)) route.others.push_back(std::move(*origin));
  });
  const JsonMember advertised = document.object_at("advertisedTo");
  for (const std::string& peer : ipv6 ? peers.ipv6 : peers.ipv4)
    (advertised.has(peer) ? route.advertised_to : route.missing_from).push_back(peer);
  // Without a list of Route Servers, other peers may be meant not to hear it: one that does is enough.
  if (spec.peers.empty() && !route.advertised_to.empty()) route.missing_from.clear();
  if (ipv6) without_next_hop(route, peers);
  std::erase_if(route.missing_from, [&](const std::string& peer) { return !is_judged(peer, spec); });
  return route;
}

}  // namespace

std::vector<std::string> frr_summary_commands(const RouterSpec& spec) {
  return {fmt::format("show bgp {}summary json", vrf_of(spec))};
}

std::string frr_route_command(const RouterSpec& spec, const Vip& vip) {
  return fmt::format("show bgp {}{} unicast {} json", vrf_of(spec), is_ipv6(vip) ? "ipv6" : "ipv4",
                     vip.prefix);
}

std::expected<FrrPeers, std::string> parse_frr_summary(std::string_view text, const RouterSpec& spec) {
  const auto found = documents(text);
  if (!found) return std::unexpected(found.error());
  std::optional<std::string> problem;
  const JsonMember summary(found->front(), problem);
  if (!summary.has("ipv4Unicast") && !summary.has("ipv6Unicast")) {
    // {} or {"warning": ...}: bgpd runs without an instance, or this VRF has none.
    const std::string warning = summary.text_at("warning");
    if (!warning.empty()) return std::unexpected(said(warning));
    return std::unexpected(fmt::format("bgpd has no BGP instance in vrf {}", spec.vrf));
  }
  FrrPeers peers;
  std::vector<RouterPeer> seen;
  collect(summary.object_at("ipv4Unicast"), seen, peers.ipv4, peers.sent[0]);
  collect(summary.object_at("ipv6Unicast"), seen, peers.ipv6, peers.sent[1]);
  if (problem) return std::unexpected(unexpected_answer(*problem));
  peers.peers = ordered(std::move(seen), spec);
  peers.ipv4_without = without_session(summary.object_at("ipv4Unicast"), peers, spec);
  peers.ipv6_without = without_session(summary.object_at("ipv6Unicast"), peers, spec);
  return peers;
}

std::vector<std::string> frr_next_hop_peers(const RouterSpec& spec, const std::vector<Vip>& vips) {
  std::vector<std::string> peers;
  if (!std::ranges::any_of(vips, [](const Vip& vip) { return is_ipv6(vip); })) return peers;
  std::ranges::copy_if(spec.peers, std::back_inserter(peers), [](const std::string& address) {
    const auto parsed = parse_address(address);
    return parsed && parsed->family == AF_INET;
  });
  return peers;
}

bool is_no_ipv6_next_hop(std::string_view next_hop) {
  return next_hop == "::" || next_hop.starts_with("::ffff:");
}

std::string frr_next_hop_command(const RouterSpec& spec, const std::string& peer) {
  return fmt::format("show bgp {}neighbors {} json", vrf_of(spec), peer);
}

std::expected<bool, std::string> parse_frr_next_hop(std::string_view text, const std::string& peer) {
  const auto found = documents(text);
  if (!found) return std::unexpected(found.error());
  std::optional<std::string> problem;
  const std::string next_hop = JsonMember(found->front(), problem).object_at(peer).text_at("nexthopGlobal");
  if (problem) return std::unexpected(unexpected_answer(*problem));
  return is_no_ipv6_next_hop(next_hop);
}

std::expected<std::map<Vip, RouterRoute>, std::string> parse_frr_routes(std::string_view text,
                                                                        const std::vector<Vip>& vips,
                                                                        const FrrPeers& peers,
                                                                        const RouterSpec& spec) {
  const auto found = documents(text);
  if (!found) return std::unexpected(found.error());
  if (found->size() != vips.size()) {
    return std::unexpected(
        fmt::format("bgpd: {} answers to {} questions: {}", found->size(), vips.size(), said(text)));
  }
  std::map<Vip, RouterRoute> routes;
  for (std::size_t index = 0; index < vips.size(); ++index) {
    std::optional<std::string> problem;
    const JsonMember document((*found)[index], problem);
    const Vip& vip = vips[index];
    const std::string prefix = document.text_at("prefix");
    RouterRoute route = route_from(document, peers, is_ipv6(vip), spec);
    if (problem) return std::unexpected(unexpected_answer(fmt::format("of {}, {}", vip.prefix, *problem)));
    if (!prefix.empty() && prefix != vip.prefix)
      return std::unexpected(fmt::format("bgpd: asked for {}, was told of {}", vip.prefix, said(prefix)));
    routes[vip] = std::move(route);
  }
  return routes;
}

}  // namespace herald
