// What bgpd's running configuration holds of herald's. Pure: text in, facts out.
//
// Never the configuration as a whole: bgpd itself filters the few kinds of lines that say it.
#pragma once

#include <array>
#include <expected>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/announce/frr/denials.h"
#include "sidecar/announce/frr/fallback.h"
#include "sidecar/announce/frr/map_shape.h"
#include "sidecar/core/config.h"

namespace herald {

[[nodiscard]] std::string frr_owned_command();

struct FrrOwned {
  std::map<Vip, std::string> routes;        // RouterView::owned
  std::map<Vip, std::string> missing_maps;  // of routes whose map is herald's by its name, and is not there
  std::map<std::string, FrrMapShape> maps;  // of policies, whoever uses them
  std::set<std::string> used_maps;          // of these, what some `network` line of any instance names
  // How to enter our instance without creating one: empty when bgpd has no instance of ours. With the AS in it only
  // where bgpd insists on it.
  std::string router_line;
  std::string as;                   // as bgpd writes it
  bool import_check = true;         // `network` lines wait for what they name to be in the kernel's table
  bool sets_ipv6_next_hop = false;  // some route-map does, for whichever session
  FrrFilters filters;
  FrrDenials denials;
  std::array<std::vector<std::string>, 2> redistribute;  // IPv4, IPv6: lines of our instance
};

// `vips`: those whose `network` lines are ours whatever their map, for they belong to services that are announced by
// vtysh. The error is a line for people.
[[nodiscard]] std::expected<FrrOwned, std::string> parse_frr_owned(std::string_view text,
                                                                   const RouterSpec& spec,
                                                                   const std::set<Vip>& vips);

}  // namespace herald
