#include "sidecar/doctor/frr_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "sidecar/text/address.h"

#include "sidecar/announce/router/json_member.h"

namespace herald {
namespace {

using nlohmann::json;

constexpr std::size_t kMostQuoted = 120;

// The JSON documents in vtysh's output; what it says beside them is skipped, what is cut off ends them.
std::vector<json> documents(std::string_view text) {
  std::vector<json> found;
  std::istringstream in{std::string(text)};
  while (in.ignore(std::numeric_limits<std::streamsize>::max(), '{') && !in.eof()) {
    in.unget();
    json document;
    try {
      in >> document;
    } catch (const json::exception&) {
      break;
    }
    found.push_back(std::move(document));
  }
  return found;
}

std::optional<std::uint32_t> number_at(const json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  const auto number = found->get<std::uint64_t>();
  return number <= std::numeric_limits<std::uint32_t>::max()
             ? std::optional(static_cast<std::uint32_t>(number))
             : std::nullopt;
}

bool flag_at(const json& object, std::string_view key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

// The word behind `before`, cut at a blank or ")".
std::string word_behind(std::string_view text, std::string_view before) {
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + before.size());
  return std::string(text.substr(0, text.find_first_of(" ,()\n")));
}

GracefulRestart graceful_restart_from(const std::string& mode) {
  // With "*" it is inherited from the instance.
  if (mode.starts_with("Disable")) return GracefulRestart::off;
  if (mode.starts_with("Helper")) return GracefulRestart::helper;
  if (mode.starts_with("Restart")) return GracefulRestart::restart;
  return GracefulRestart::unknown;
}

FamilyFacts family_from(const json& peer, std::string_view name) {
  const json& families = member(peer, "addressFamilyInfo");
  FamilyFacts facts;
  if (!families.contains(name)) return facts;
  const json& family = member(families, name);
  facts.active = true;
  facts.inbound_policy = flag_at(family, "inboundPathPolicyConfig");
  facts.outbound_policy = flag_at(family, "outboundPathPolicyConfig");
  const bool mapped = !text_at(family, "routeMapForOutgoingAdvertisements").empty();
  if (!mapped) facts.outbound_list = text_at(family, "outgoingUpdatePrefixFilterList");
  facts.accepted = number_at(family, "acceptedPrefixCounter").value_or(0);
  facts.sent = number_at(family, "sentPrefixCounter").value_or(0);
  return facts;
}

PeerFacts peer_from(const std::string& address, const json& peer) {
  constexpr std::uint32_t kSecond = 1000;
  PeerFacts facts;
  facts.address = address;
  facts.state = text_at(peer, "bgpState");
  facts.established = facts.state == "Established";
  facts.local_as = number_at(peer, "localAs");
  facts.remote_as = number_at(peer, "remoteAs");
  if (facts.established) {
    if (const auto hold = number_at(peer, "bgpTimerHoldTimeMsecs")) facts.hold_seconds = *hold / kSecond;
  }
  facts.advertisement_interval_ms = number_at(peer, "minBtwnAdvertisementRunsTimerMsecs").value_or(0);
  facts.graceful_restart = graceful_restart_from(text_at(member(peer, "gracefulRestartInfo"), "localGrMode"));
  facts.families = {family_from(peer, "ipv4Unicast"), family_from(peer, "ipv6Unicast")};
  return facts;
}

std::vector<PrefixListEntry> entries_from(const json& list) {
  std::vector<PrefixListEntry> entries;
  const auto found = list.find("entries");
  if (found == list.end() || !found->is_array()) return entries;
  for (const json& each : *found) {
    PrefixListEntry entry;
    entry.permit = text_at(each, "type") == "permit";
    entry.prefix = text_at(each, "prefix");
    const std::size_t slash = entry.prefix.find('/');
    if (slash == std::string::npos) continue;
    const auto length =
        static_cast<std::uint32_t>(std::strtoul(entry.prefix.c_str() + slash + 1, nullptr, 10));
    const auto least = number_at(each, "minimumPrefixLength");
    const auto most = number_at(each, "maximumPrefixLength");
    constexpr std::uint32_t kLongest = 128;
    entry.least = least.value_or(length);
    entry.most = most ? *most : least ? kLongest : length;
    entries.push_back(std::move(entry));
  }
  return entries;
}

// Whether the first `length` bits are the same.
bool is_inside(const Address& address, const Address& network, std::uint32_t length) {
  constexpr std::uint32_t kByte = 8;
  for (std::uint32_t bit = 0; bit < length; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % kByte));
    if ((address.bytes[bit / kByte] & mask) != (network.bytes[bit / kByte] & mask)) return false;
  }
  return address.family == network.family;
}

bool matches(const PrefixListEntry& entry, const Address& address) {
  const std::size_t slash = entry.prefix.find('/');
  const auto network = parse_address(std::string_view(entry.prefix).substr(0, slash));
  if (!network || address.prefix_length < entry.least || address.prefix_length > entry.most) return false;
  const auto length = static_cast<std::uint32_t>(std::strtoul(entry.prefix.c_str() + slash + 1, nullptr, 10));
  return length <= address.prefix_length && is_inside(address, *network, length);
}

}  // namespace

std::string parse_frr_version(std::string_view text) {
  return word_behind(text, "FRRouting ");
}

std::string parse_vtysh_version(std::string_view text) {
  return word_behind(text, "(version ");
}

std::expected<std::vector<PeerFacts>, std::string> parse_frr_neighbors(std::string_view text,
                                                                       const RouterSpec& spec) {
  const std::vector<json> found = documents(text);
  if (found.empty()) {
    std::string line(text.substr(0, std::min(text.find('\n'), kMostQuoted)));
    return std::unexpected(line.empty() ? "bgpd: no answer" : "bgpd: " + line);
  }
  std::vector<PeerFacts> peers;
  for (const std::string& address : spec.peers) {
    const json& peer = member(found.front(), address);
    if (peer.empty()) {
      peers.push_back({.address = address, .state = "not configured"});
    } else {
      peers.push_back(peer_from(address, peer));
    }
  }
  if (!spec.peers.empty()) return peers;
  for (const auto& [address, peer] : found.front().items()) {
    if (peer.is_object() && peer.contains("bgpState")) peers.push_back(peer_from(address, peer));
  }
  return peers;
}

void parse_frr_prefix_lists(std::string_view text, PrefixLists& lists) {
  const auto take = [&lists](const std::string& name, const json& list) {
    if (!list.is_object() || !list.contains("entries")) return false;
    // Both families may have a list of this name; an entry matches its own alone.
    std::vector<PrefixListEntry>& entries = lists[name];
    for (PrefixListEntry& entry : entries_from(list)) entries.push_back(std::move(entry));
    return true;
  };
  for (const json& document : documents(text)) {
    if (!document.is_object()) continue;
    for (const auto& [name, list] : document.items()) {
      // 8.4 puts them into an object with the daemon's name, "BGP", and 10.3 into "bgpd".
      if (take(name, list) || !list.is_object()) continue;
      for (const auto& [inner_name, inner] : list.items()) take(inner_name, inner);
    }
  }
}

bool permits(const std::vector<PrefixListEntry>& list, const Vip& vip) {
  if (list.empty()) return true;
  const Address address = address_of(vip);
  for (const PrefixListEntry& entry : list) {
    if (matches(entry, address)) return entry.permit;
  }
  return false;
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
    for (const std::string& name : used.at(vip.prefix.contains(':') ? kIpv6 : kIpv4)) {
      const auto found = lists.find(name);
      if (found == lists.end() || !permits(found->second, vip)) facts.vips[vip].held_back_by.push_back(name);
    }
  }
}

void parse_frr_nht(std::string_view text, std::vector<PeerFacts>& peers) {
  std::istringstream lines{std::string(text)};
  PeerFacts* peer = nullptr;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    if (line.front() != ' ') {
      // "10.1.1.4" or, later, "10.1.1.4(Connected)"
      const std::string address = line.substr(0, line.find_first_of("( /"));
      const auto found = std::ranges::find(peers, address, &PeerFacts::address);
      peer = found == peers.end() ? nullptr : &*found;
    } else if (peer != nullptr && line.starts_with(" unresolved")) {
      peer->next_hop_resolved = false;
    } else if (peer != nullptr && line.starts_with(" resolved")) {
      peer->next_hop_resolved = true;
    }
  }
}

std::map<Vip, VipFacts> parse_frr_vips(std::string_view text, const std::vector<Vip>& vips,
                                       const std::vector<PeerFacts>& peers) {
  std::map<Vip, VipFacts> facts;
  const std::vector<json> found = documents(text);
  for (std::size_t index = 0; index < vips.size() && index < found.size(); ++index) {
    const Vip& vip = vips[index];
    VipFacts& one = facts[vip];
    const auto paths = found[index].find("paths");
    if (paths == found[index].end() || !paths->is_array()) continue;
    one.origins = static_cast<std::size_t>(
        std::ranges::count_if(*paths, [](const json& path) { return flag_at(path, "sourced"); }));
    // What is not the best (not valid, for one) is in the table and goes nowhere.
    one.in_rib = std::ranges::any_of(*paths, [](const json& path) {
      return flag_at(path, "sourced") && !member(path, "bestpath").empty();
    });
    if (!one.in_rib) continue;
    const std::size_t family = vip.prefix.contains(':') ? kIpv6 : kIpv4;
    for (const PeerFacts& peer : peers) {
      if (!peer.established || !peer.families.at(family).active) continue;
      const bool sent = member(found[index], "advertisedTo").contains(peer.address);
      (sent ? one.advertised_to : one.missing_from).push_back(peer.address);
    }
  }
  return facts;
}

}  // namespace herald
