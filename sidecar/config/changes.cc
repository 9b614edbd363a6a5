#include "sidecar/config/changes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace herald {

ConfigChanges changes_between(const Config& running, const Config& next) {
  std::map<std::string_view, const ServiceSpec*> before;
  for (const ServiceSpec& service : running.services) before[service.name] = &service;
  ConfigChanges changes;
  for (const ServiceSpec& service : next.services) {
    const auto found = before.find(service.name);
    if (found == before.end()) {
      changes.added.push_back(service.name);
      continue;
    }
    if (*found->second != service) changes.changed.push_back(service.name);
    before.erase(found);
  }
  for (const ServiceSpec& service : running.services) {
    if (before.contains(service.name)) changes.removed.push_back(service.name);
  }
  changes.router = running.router != next.router;
  changes.brake = running.brake != next.brake;
  changes.http = running.http != next.http;
  return changes;
}

std::string to_string(const ConfigChanges& changes) {
  constexpr std::size_t kMostNamed = 5;
  std::vector<std::string> parts;
  const auto add = [&](const std::vector<std::string>& names, std::string_view what) {
    if (names.empty()) return;
    const auto last = names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kMostNamed));
    parts.push_back(fmt::format("{} {} ({}{})", names.size(), what, fmt::join(names.begin(), last, ", "),
                                names.size() > kMostNamed ? ", ..." : ""));
  };
  add(changes.changed, "changed");
  add(changes.added, "added");
  add(changes.removed, "removed");
  if (changes.router) parts.emplace_back("the router");
  if (changes.brake) parts.emplace_back("the brake");
  if (changes.http) parts.emplace_back("where it is seen by HTTP");
  return parts.empty() ? "nothing" : fmt::format("{}", fmt::join(parts, ", "));
}

std::vector<std::string> unchangeable(const Config& running, const Config& next) {
  const RouterSpec& left = running.router;
  const RouterSpec& right = next.router;
  const std::pair<const char*, bool> keys[] = {
      {"control.socket", running.control.socket != next.control.socket},
      {"control.group", running.control.group != next.control.group},
      {"workers", running.workers != next.workers},
      {"state_dir", running.state_dir != next.state_dir},
      {"router.stack", left.stack != right.stack},
      {"router.bgp.vrf", left.vrf != right.vrf},
      {"router.vtysh.pathspace", left.vtysh.pathspace != right.vtysh.pathspace},
      {"router.vtysh.socket_dir", left.vtysh.socket_dir != right.vtysh.socket_dir},
      {"router.bird.socket", left.bird.socket != right.bird.socket},
      {"router.bird.include", left.bird.include != right.bird.include},
  };
  std::vector<std::string> problems;
  for (const auto& [key, differs] : keys) {
    if (differs) problems.push_back(fmt::format("{} cannot change at a reload: restart heraldd for it", key));
  }
  return problems;
}

}  // namespace herald
