#include "sidecar/announce/frr/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sidecar/announce/frr/transport.h"

#include "sidecar/announce/router/json_member.h"

namespace herald {
namespace {

using nlohmann::json;

// "vrf NAME " or nothing: the default instance needs no word, and old releases take none.
std::string vrf_of(const RouterSpec& spec) {
  return spec.vrf == "default" ? "" : fmt::format("vrf {} ", spec.vrf);
}

bool is_ipv6(const Vip& vip) {
  return vip.prefix.contains(':');
}

// The JSON documents in vtysh's output, in order. Anything between them is vtysh talking (about a missing
// vtysh.conf, for one) and is skipped.
std::expected<std::vector<json>, std::string> documents(std::string_view text) {
  std::vector<json> found;
  std::istringstream in{std::string(text)};
  while (in.ignore(std::numeric_limits<std::streamsize>::max(), '{') && !in.eof()) {
    in.unget();
    json document;
    try {
      in >> document;
    } catch (const json::exception&) {
      return std::unexpected(fmt::format("bgpd: what it printed is not JSON: {}", said(text)));
    }
    found.push_back(std::move(document));
  }
  if (found.empty()) return std::unexpected(fmt::format("bgpd: {}", said(text)));
  return found;
}

// How many there were. Not peerUptimeEstablishedEpoch: bgpd works it out anew each time, and it wavers by a second.
std::string session_of(const json& peer) {
  const auto count = [&](const char* key) {
    const auto value = peer.find(key);
    const bool known = value != peer.end() && value->is_number_unsigned();
    return known ? fmt::format("{}", value->get<std::uint64_t>()) : "?";
  };
  return fmt::format("{} established, {} dropped", count("connectionsEstablished"),
                     count("connectionsDropped"));
}

void collect(const json& family, std::vector<RouterPeer>& peers, std::vector<std::string>& established) {
  for (const auto& [address, peer] : member(family, "peers").items()) {
    if (!peer.is_object()) continue;
    const std::string state = text_at(peer, "state");
    const bool up = state == "Established";
    if (up) established.push_back(address);
    if (std::ranges::find(peers, address, &RouterPeer::address) == peers.end())
      peers.push_back({address, state, up, session_of(peer)});
  }
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

RouterRoute route_from(const json& document, const std::vector<std::string>& established,
                       const RouterSpec& spec) {
  RouterRoute route;
  const auto paths = document.find("paths");
  if (paths == document.end() || !paths->is_array()) return route;
  route.in_rib = std::ranges::any_of(*paths, [](const json& path) {
    return path.is_object() && path.value("sourced", false) && !member(path, "bestpath").empty();
  });
  const json& advertised = member(document, "advertisedTo");
  for (const std::string& peer : established) {
    (advertised.contains(peer) ? route.advertised_to : route.missing_from).push_back(peer);
  }
  // Without a list of Route Servers, other peers may be meant not to hear it: one that does is enough.
  if (spec.peers.empty() && !route.advertised_to.empty()) route.missing_from.clear();
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
  const json& summary = found->front();
  if (!summary.contains("ipv4Unicast") && !summary.contains("ipv6Unicast")) {
    // {} or {"warning": ...}: bgpd runs without an instance, or this VRF has none.
    const std::string warning = text_at(summary, "warning");
    return std::unexpected(warning.empty() ? fmt::format("bgpd has no BGP instance in vrf {}", spec.vrf)
                                           : warning);
  }
  FrrPeers peers;
  std::vector<RouterPeer> seen;
  collect(member(summary, "ipv4Unicast"), seen, peers.ipv4);
  collect(member(summary, "ipv6Unicast"), seen, peers.ipv6);
  peers.peers = ordered(std::move(seen), spec);
  return peers;
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
    const json& document = (*found)[index];
    const Vip& vip = vips[index];
    const std::string prefix = text_at(document, "prefix");
    if (!prefix.empty() && prefix != vip.prefix) {
      return std::unexpected(fmt::format("bgpd: asked for {}, was told of {}", vip.prefix, prefix));
    }
    routes[vip] = route_from(document, is_ipv6(vip) ? peers.ipv6 : peers.ipv4, spec);
  }
  return routes;
}

}  // namespace herald
