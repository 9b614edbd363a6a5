#include "sidecar/announce/frr/origins.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "sidecar/text/address.h"

namespace herald {
namespace {

constexpr std::string_view kByNetwork = "a `network` line";
constexpr std::string_view kByRedistribution = "redistribution";

// 10.x has the /32 of an address as a route of its own kind, "local".
bool is_of_addresses(std::string_view line) {
  return line.starts_with("redistribute connected") || line.starts_with("redistribute local");
}

std::optional<InterfaceImport> import_of(const std::vector<std::string>& lines) {
  std::optional<InterfaceImport> import;
  for (const std::string& line : lines) {
    if (!is_of_addresses(line)) continue;
    const bool filtered = line.contains(" route-map ");
    if (!import || !filtered) import = InterfaceImport{line, filtered};
  }
  return import;
}

}  // namespace

std::optional<OtherOrigin> frr_origin(const JsonMember& path) {
  if (!path.flag_at("sourced")) return std::nullopt;
  return OtherOrigin{std::string(path.flag_at("local") ? kByNetwork : kByRedistribution)};
}

void name_frr_origins(std::map<Vip, RouterRoute>& routes, const FrrOwned& owned, const std::set<Vip>& own) {
  for (auto& [vip, route] : routes) {
    const std::vector<std::string>& lines = owned.redistribute[is_ipv6(vip) ? 1 : 0];
    route.import = import_of(lines);
    const bool is_own = own.contains(vip) || owned.routes.contains(vip);
    std::erase_if(route.others, [&](const OtherOrigin& other) { return is_own && other.by == kByNetwork; });
    for (OtherOrigin& other : route.others) {
      if (other.by == kByNetwork) other.of_address = owned.import_check;
      if (other.by != kByRedistribution || lines.empty()) continue;
      other = {fmt::format("{}", fmt::join(lines, " or ")), route.import.has_value()};
    }
  }
}

}  // namespace herald
