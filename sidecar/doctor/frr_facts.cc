#include "sidecar/doctor/frr_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "sidecar/announce/frr/transport.h"
#include "sidecar/announce/frr/view.h"
#include "sidecar/announce/router/json_member.h"
#include "sidecar/text/address.h"

namespace herald {
namespace {

using nlohmann::json;

constexpr std::size_t kMostQuoted = 120;
constexpr std::uint32_t kLongestPrefix = 128;

std::unexpected<std::string> not_json(std::string_view why, std::string_view text) {
  return std::unexpected(fmt::format("bgpd: {}: {}", why, said(text)));
}

std::unexpected<std::string> unexpected_answer(std::string_view problem) {
  return std::unexpected(fmt::format("bgpd does not answer as expected: {}", said(problem)));
}

// What does not fit is as good as not told.
std::optional<std::uint32_t> number_at(const JsonMember& object, std::string_view key) {
  const auto number = object.number_at(key);
  return number && *number <= std::numeric_limits<std::uint32_t>::max()
             ? std::optional(static_cast<std::uint32_t>(*number))
             : std::nullopt;
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

FamilyFacts family_from(const JsonMember& peer, std::string_view name) {
  const JsonMember families = peer.object_at("addressFamilyInfo");
  FamilyFacts facts;
  if (!families.has(name)) return facts;
  const JsonMember family = families.object_at(name);
  facts.active = true;
  facts.inbound_policy = family.flag_at("inboundPathPolicyConfig");
  facts.outbound_policy = family.flag_at("outboundPathPolicyConfig");
  facts.outbound_map = family.text_at("routeMapForOutgoingAdvertisements");
  if (facts.outbound_map.empty()) facts.outbound_list = family.text_at("outgoingUpdatePrefixFilterList");
  const std::string list = family.text_at("outgoingUpdatePrefixFilterList");
  const std::string other = family.text_at("outgoingUpdateNetworkFilterList");
  if (!list.empty()) facts.outbound_slot = "prefix-list " + list;
  if (!other.empty()) facts.outbound_slot = "distribute-list " + other;
  facts.accepted = number_at(family, "acceptedPrefixCounter").value_or(0);
  facts.sent = number_at(family, "sentPrefixCounter").value_or(0);
  return facts;
}

PeerFacts peer_from(const std::string& address, const JsonMember& peer) {
  constexpr std::uint32_t kSecond = 1000;
  PeerFacts facts;
  facts.address = address;
  facts.state = peer.text_at("bgpState");
  facts.established = facts.state == "Established";
  facts.local_as = number_at(peer, "localAs");
  facts.remote_as = number_at(peer, "remoteAs");
  if (facts.established) {
    if (const auto hold = number_at(peer, "bgpTimerHoldTimeMsecs")) facts.hold_seconds = *hold / kSecond;
  }
  facts.advertisement_interval_ms = number_at(peer, "minBtwnAdvertisementRunsTimerMsecs").value_or(0);
  facts.graceful_restart =
      graceful_restart_from(peer.object_at("gracefulRestartInfo").text_at("localGrMode"));
  facts.families = {family_from(peer, "ipv4Unicast"), family_from(peer, "ipv6Unicast")};
  facts.no_ipv6_next_hop = facts.established && is_no_ipv6_next_hop(peer.text_at("nexthopGlobal"));
  return facts;
}

std::uint32_t length_in(std::string_view prefix) {
  std::uint32_t length = kLongestPrefix;
  const std::string_view digits = prefix.substr(prefix.find('/') + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), length);
  return std::min(length, kLongestPrefix);
}

std::vector<PrefixListEntry> entries_from(const JsonMember& list) {
  std::vector<PrefixListEntry> entries;
  list.each_of_list("entries", [&](const JsonMember& each) {
    PrefixListEntry entry;
    entry.permit = each.text_at("type") == "permit";
    entry.prefix = each.text_at("prefix");
    const auto least = number_at(each, "minimumPrefixLength");
    const auto most = number_at(each, "maximumPrefixLength");
    if (!entry.prefix.contains('/')) return each.fail("has no prefix");
    const std::uint32_t length = length_in(entry.prefix);
    entry.least = least.value_or(length);
    entry.most = most ? *most : least ? kLongestPrefix : length;
    entries.push_back(std::move(entry));
  });
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
  const std::uint32_t length = length_in(entry.prefix);
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
  const auto found = json_documents(text);
  if (!found) return not_json(found.error(), text);
  if (found->empty()) {
    const std::string_view line = text.substr(0, std::min(text.find('\n'), kMostQuoted));
    return std::unexpected(fmt::format("bgpd: {}", line.empty() ? "no answer" : line));
  }
  std::optional<std::string> problem;
  const JsonMember document(found->front(), problem);
  std::vector<PeerFacts> peers;
  for (const std::string& address : spec.peers) {
    const JsonMember peer = document.object_at(address);
    if (peer.empty()) {
      peers.push_back({.address = address, .state = "not configured"});
    } else {
      peers.push_back(peer_from(address, peer));
    }
  }
  if (spec.peers.empty()) {
    for (const auto& [address, peer] : found->front().items()) {
      // "vrfId" and such stand beside the peers; one without an address has the name of an interface.
      if (parse_address(address) || (peer.is_object() && peer.contains("bgpState")))
        peers.push_back(peer_from(address, document.object_at(address)));
    }
  }
  if (problem) return unexpected_answer(*problem);
  return peers;
}

std::expected<void, std::string> parse_frr_prefix_lists(std::string_view text, PrefixLists& lists) {
  const auto found = json_documents(text);
  if (!found) return not_json(found.error(), text);
  std::optional<std::string> problem;
  const auto take = [&lists](const std::string& name, const JsonMember& list) {
    if (!list.has("entries")) return false;
    // Both families may have a list of this name; an entry matches its own alone.
    std::vector<PrefixListEntry>& entries = lists[name];
    for (PrefixListEntry& entry : entries_from(list)) entries.push_back(std::move(entry));
    return true;
  };
  for (const json& document : *found) {
    JsonMember(document, problem).each_member([&](const std::string& name, const JsonMember& list) {
      // 8.4 puts them into an object with the daemon's name, "BGP", and 10.3 into "bgpd".
      if (take(name, list)) return;
      list.each_member(
          [&](const std::string& inner_name, const JsonMember& inner) { take(inner_name, inner); });
    });
  }
  if (problem) return unexpected_answer(*problem);
  return {};
}

bool permits(const std::vector<PrefixListEntry>& list, const Vip& vip) {
  if (list.empty()) return true;
  const Address address = address_of(vip);
  for (const PrefixListEntry& entry : list) {
    if (matches(entry, address)) return entry.permit;
  }
  return false;
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
      if (peer != nullptr && line.contains("(Connected)")) peer->must_be_connected = true;
    } else if (peer != nullptr && line.starts_with(" unresolved")) {
      peer->next_hop_resolved = false;
    } else if (peer != nullptr && line.starts_with(" resolved")) {
      peer->next_hop_resolved = true;
    }
  }
}

std::expected<std::map<Vip, VipFacts>, std::string> parse_frr_vips(std::string_view text,
                                                                   const std::vector<Vip>& vips,
                                                                   const std::vector<PeerFacts>& peers) {
  const auto found = json_documents(text);
  if (!found) return not_json(found.error(), text);
  std::map<Vip, VipFacts> facts;
  std::optional<std::string> problem;
  for (std::size_t index = 0; index < vips.size() && index < found->size(); ++index) {
    const Vip& vip = vips[index];
    const JsonMember document((*found)[index], problem);
    VipFacts& one = facts[vip];
    document.each_of_list("paths", [&](const JsonMember& path) {
      const bool is_ours = path.flag_at("sourced");
      // What is not the best (not valid, for one) is in the table and goes nowhere.
      const bool is_best = !path.object_at("bestpath").empty();
      one.origins += is_ours ? 1 : 0;
      one.in_rib = one.in_rib || (is_ours && is_best);
      if (const std::string from = path.object_at("peer").text_at("peerId"); !is_ours && !from.empty())
        one.learned_from.push_back(from);
    });
    const JsonMember advertised = document.object_at("advertisedTo");
    if (!one.in_rib)
      advertised.each_member([&](const std::string& to, const JsonMember&) { one.onward_to.push_back(to); });
    if (!one.in_rib) continue;
    const std::size_t family = is_ipv6(vip) ? kIpv6 : kIpv4;
    for (const PeerFacts& peer : peers) {
      if (!peer.established || !peer.families.at(family).active) continue;
      (advertised.has(peer.address) ? one.advertised_to : one.missing_from).push_back(peer.address);
    }
  }
  if (problem) return unexpected_answer(*problem);
  return facts;
}

}  // namespace herald
