// What a routing stack says about itself, as far as `heraldctl doctor` judges it: read by an adapter, judged by
// doctor_rules. An absent value is one that the stack does not tell, and no rule holds that against it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/route/router_view.h"
#include "sidecar/core/types.h"

namespace herald {

// The address families in the order of arrays here.
inline constexpr std::size_t kIpv4 = 0;
inline constexpr std::size_t kIpv6 = 1;

// One address family of a session.
struct FamilyFacts {
  bool active = false;  // the session is meant to carry it
  std::optional<bool> inbound_policy = std::nullopt;
  std::optional<bool> outbound_policy = std::nullopt;
  std::string outbound_list = {};  // FRR: the prefix-list that VIPs pass, where that is all that filters
  bool outbound_empty = false;     // that list has no entries, which FRR takes for "all"
  std::string outbound_map = {};   // FRR: the route-map that VIPs pass
  std::string outbound_slot =
      {};  // FRR: what has the place of an outbound prefix-list: "prefix-list X", or ""
  std::uint32_t accepted = 0;
  std::uint32_t sent = 0;

  bool operator==(const FamilyFacts&) const = default;
};

// `helper` offers to keep a restarting peer's routes, `restart` asks peers to keep ours.
enum class GracefulRestart : std::uint8_t { unknown, off, helper, restart };

struct PeerFacts {
  std::string address;
  std::string state;  // the stack's own word
  bool established = false;
  std::optional<std::uint32_t> local_as = std::nullopt;
  std::optional<std::uint32_t> remote_as = std::nullopt;
  std::optional<std::uint32_t> hold_seconds = std::nullopt;  // of the session that is established
  std::uint32_t advertisement_interval_ms = 0;
  GracefulRestart graceful_restart = GracefulRestart::unknown;
  std::optional<bool> next_hop_resolved =
      std::nullopt;  // FRR: zebra's tracking; without it FRR does not connect
  bool must_be_connected =
      false;  // FRR: eBGP without ebgp-multihop, which wants it on a network of this machine
  bool no_ipv6_next_hop = false;  // FRR: see is_no_ipv6_next_hop()
  std::array<FamilyFacts, 2> families = {};

  bool operator==(const PeerFacts&) const = default;
};

struct VipFacts {
  bool in_rib = false;
  std::size_t origins = 0;                      // ways by which it got into the table here
  std::vector<std::string> advertised_to = {};  // established peers
  std::vector<std::string> missing_from = {};
  std::vector<OtherOrigin> others = {};        // BIRD: beside herald's own protocol
  std::optional<InterfaceImport> import = {};  // BIRD: a direct protocol of its family
  std::vector<std::string> held_back_by =
      {};  // FRR: outbound filters that refuse it, "prefix-list X", "route-map Y"
  std::optional<bool> redistributed =
      {};  // FRR: whether the redistribution of connected addresses would take it
  std::vector<std::string> learned_from = {};  // peers that announce it to this machine
  std::vector<std::string> onward_to =
      {};  // peers that are told of it, though its best path is another machine's

  bool operator==(const VipFacts&) const = default;
};

// One line of a configuration file that matters, with where it is.
struct SavedLine {
  std::string file;
  std::string text;

  bool operator==(const SavedLine&) const = default;
};

// How FRR redistributes connected addresses in one family.
struct Redistribution {
  bool on = false;
  std::string route_map;  // or none

  bool operator==(const Redistribution&) const = default;
};

// One entry of a route-map, as far as it can be told whether a prefix matches it.
struct MapEntry {
  bool permit = true;
  std::vector<std::string> lists;  // all of them have to permit it; none: it matches everything
  bool unclear = false;            // it asks for something else, or goes on elsewhere

  bool operator==(const MapEntry&) const = default;
};

// What only FRR has.
struct FrrFacts {
  std::string profile = "traditional";
  bool has_instance = false;
  bool ebgp_requires_policy = true;
  bool import_check = true;
  bool suppress_fib_pending = false;
  bool update_delay = false;
  std::array<Redistribution, 2> redistribute;
  std::map<Vip, std::string> networks;  // to the name of the route-map, or ""
  std::map<std::string, std::map<std::uint32_t, MapEntry>>
      maps;                         // by name, then in the order of their numbers
  bool sets_ipv6_next_hop = false;  // some map does
  std::optional<bool> fast_list_permits =
      std::nullopt;  // of HERALD-fast, the rest; none: there is no such list
  std::optional<std::uint32_t> work_queue_ms = std::nullopt;  // for which zebra holds a change back

  bool operator==(const FrrFacts&) const = default;
};

// What only BIRD has.
struct BirdFacts {
  bool has_direct = false;                         // a `protocol direct` that is up
  std::optional<bool> has_include = std::nullopt;  // bird.conf reads herald's file
  std::string config_file;                         // the one that was looked at

  bool operator==(const BirdFacts&) const = default;
};

struct RouterFacts {
  bool reachable = false;
  std::optional<std::string> error;  // why it is not, or what it left unanswered first
  std::string version;               // "8.4.4"
  std::string client_version;        // vtysh's
  std::vector<PeerFacts> peers;
  std::map<Vip, VipFacts> vips;  // every configured one
  std::vector<SavedLine> saved;  // lines of files that announce or assign a configured VIP at boot
  std::vector<SavedLine> saved_denials =
      {};                             // that keep a VIP from the peers at boot: entries of HERALD-fast
  std::vector<SavedLine> unreadable;  // files that could not be read, and why
  FrrFacts frr;
  BirdFacts bird;

  bool operator==(const RouterFacts&) const = default;
};

}  // namespace herald
