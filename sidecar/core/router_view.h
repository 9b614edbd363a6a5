// What the routing stack says about herald's VIPs, read back by an adapter; the core only compares it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sidecar/core/types.h"

namespace herald {

struct RouterPeer {
  std::string address;
  std::string state;  // the stack's own word: "Established", "Active", ...
  bool established = false;

  bool operator==(const RouterPeer&) const = default;
};

struct RouterRoute {
  bool in_rib = false;                     // originated here and in the BGP table
  std::vector<std::string> advertised_to;  // addresses of established peers
  std::vector<std::string> missing_from;   // established peers of the VIP's family that were not sent it

  bool operator==(const RouterRoute&) const = default;
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

  bool operator==(const RouterView&) const = default;
};

}  // namespace herald
