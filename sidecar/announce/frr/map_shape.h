// What a route-map holds, whoever wrote it: herald's template, or bgpd's running configuration, which says the same in
// other words (names of communities, another order). Pure.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

namespace herald {

// By entry ("permit 10"), what is in it: "set metric 200".
using FrrMapShape = std::map<std::string, std::set<std::string>>;

// Of a line in an entry: "set community graceful-shutdown 65001:100" is "set community 65001:100 65535:0".
[[nodiscard]] std::string frr_map_line(const std::string& line);

// Of the map `name`, out of the lines that define it (FrrObjects::route_map).
[[nodiscard]] FrrMapShape frr_map_shape(std::span<const std::string> definition, const std::string& name);

// For people, in FRR's words, what `is` has and lacks: "has `set metric 999`, lacks `set metric 200`". Empty where both are
// alike.
[[nodiscard]] std::string frr_map_difference(const FrrMapShape& should, const FrrMapShape& is);

// Which maps somebody has changed. What bgpd shows of a map once herald has defined it is right, in whatever words it
// does: an operator's template may hold more than is known here, and nothing is mended for its wording alone twice.
class FrrMapWatch {
 public:
  using Shapes = std::map<std::string, FrrMapShape>;  // by the map's name
  // As herald would define it; none where that is not known.
  using Should = std::function<std::optional<FrrMapShape>(const std::string& map)>;

  void defined(const std::set<std::string>& maps) { fresh_.insert(maps.begin(), maps.end()); }
  // With what frr_map_difference() says of each.
  [[nodiscard]] std::map<std::string, std::string> changed(const Shapes& maps, const Should& should);

 private:
  std::set<std::string> fresh_;  // defined since the last look
  Shapes learned_;
};

}  // namespace herald
