// What the routing stack says about herald's VIPs, read back by an adapter; the core only compares it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/types.h"

namespace herald {

// In the place of a state: the stack has no such peer.
inline constexpr std::string_view kNotConfigured = "not configured";

struct RouterPeer {
  std::string address;
  std::string state;  // the stack's own word: "Established", "Active", ...
  bool established = false;
  std::string session = {};  // which one it is, in the stack's words: another text is another session
  // Prefixes of all families; none: the stack does not tell.
  std::optional<std::uint64_t> sent = std::nullopt;
  std::optional<std::uint64_t> accepted = std::nullopt;

  bool operator==(const RouterPeer&) const = default;
};

// What has a VIP in the router's table beside that which herald configures there.
struct OtherOrigin {
  std::string by;           // in the stack's words: "redistribute static", "protocol direct1"
  bool of_address = false;  // an address on an interface is what it goes by

  bool operator==(const OtherOrigin&) const = default;
};

// By what the router takes every address on an interface into its table.
struct InterfaceImport {
  std::string by;         // as OtherOrigin's
  bool filtered = false;  // a policy may leave some of them out

  bool operator==(const InterfaceImport&) const = default;
};

struct RouterRoute {
  bool in_rib = false;                     // originated here and in the BGP table
  std::vector<std::string> advertised_to;  // addresses of established peers
  std::vector<std::string> missing_from;   // established peers of the VIP's family that were not sent it
  std::vector<std::string> without_session =
      {};  // configured Route Servers that would be sent it, were there a session
  std::vector<OtherOrigin> others = {};
  std::optional<InterfaceImport> import = {};  // of the VIP's family
  std::vector<std::string> no_next_hop = {};   // of missing_from: sent it without an IPv6 next hop

  bool operator==(const RouterRoute&) const = default;
};

// What the router holds of the fallback (fallback.h) toward one peer.
struct PeerFallback {
  std::set<Vip> denied;  // not sent to it
  bool shut = false;     // the session is shut down, by herald
  bool whole = true;     // else somebody has deleted a part of it: nobody knows what is sent

  bool operator==(const PeerFallback&) const = default;
};
using PeerFallbacks = std::map<std::string, PeerFallback>;  // by the peer's address

// Who takes part in the fast withdrawal (fast_withdraw.h), in one address family.
struct FastSlot {
  std::map<std::string, std::uint64_t> peers =
      {};  // whose outbound list is herald's: how many routes each is sent
  std::map<std::string, std::string> others =
      {};                                   // established, and judged: what they have in its place, or ""
  std::optional<std::string> problem = {};  // why herald's list is not used, for people

  bool operator==(const FastSlot&) const = default;
};

struct FastView {
  std::array<FastSlot, 2> slots = {};  // IPv4, IPv6
  std::set<Vip> denied = {};           // by herald's list

  bool operator==(const FastView&) const = default;
};

struct RouterView {
  bool reachable = false;
  std::string error;  // why not: "vtysh: no answer within 2s"
  std::vector<RouterPeer> peers;
  std::map<Vip, RouterRoute> routes;  // every configured VIP when reachable
  // What the router's configuration holds of herald's: VIP to the name of the policy that it is announced with
  // (policy.h), empty where the router has it without one of herald's. Also leftovers of services that the
  // configuration has no more.
  std::map<Vip, std::string> owned = {};
  // Of those with an empty name, where it is somebody's doing: what they did, for people: "somebody changed the route-map
  // HERALD-web-healthy: it has `set metric 999`".
  std::map<Vip, std::string> altered = {};
  // The router is about to change what it does by itself: to be read again then, at the latest.
  std::optional<Duration> read_within = {};
  PeerFallbacks fallback = {};
  bool fallback_remains = false;  // objects of the fallback that nothing uses
  FastView fast = {};

  bool operator==(const RouterView&) const = default;
};

}  // namespace herald
