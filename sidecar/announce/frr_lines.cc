#include "sidecar/announce/frr_lines.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <ranges>
#include <utility>

namespace herald {
namespace {

using Kind = FrrLine::Kind;
using StepIndices = std::vector<std::size_t>;

bool is_ipv6(const Vip& vip) {
  return vip.prefix.contains(':');
}

bool is_large(const std::string& community) {
  return std::ranges::count(community, ':') == 2;
}

class BatchWriter {
 public:
  BatchWriter(std::span<const RouteStep> steps, std::string_view as, const FrrMaps& maps)
      : steps_(steps), as_(as), maps_(maps) {
    batch_.errors.resize(steps.size());
  }

  FrrBatch write(const std::string& router_line) {
    // What cannot be defined takes its steps out, so that no block is opened for them alone.
    const auto definitions = missing_definitions();
    const StepIndices live = live_steps([](const RouteStep& /*step*/) { return true; });
    if (live.empty()) return std::move(batch_);
    add(Kind::enter, "configure terminal", live);
    for (const Definition& definition : definitions) define(definition);
    add(Kind::enter, router_line, live);
    family("ipv4", live_steps([](const RouteStep& step) { return !is_ipv6(step.vip); }));
    family("ipv6", live_steps([](const RouteStep& step) { return is_ipv6(step.vip); }));
    add(Kind::leave, "exit", live);
    for (const std::string& map : maps_.unused) add(Kind::tidy, "no route-map " + map, live);
    add(Kind::leave, "end", live);
    return std::move(batch_);
  }

 private:
  struct Definition {
    std::string map;
    std::vector<std::string> lines;
    StepIndices steps;
  };

  void add(Kind kind, std::string text, StepIndices steps, std::string map = {}) {
    batch_.lines.push_back({kind, std::move(text), std::move(steps), std::move(map)});
  }

  template <typename Predicate>
  StepIndices live_steps(Predicate wanted) const {
    StepIndices found;
    for (std::size_t index = 0; index < steps_.size(); ++index) {
      if (batch_.errors[index].empty() && wanted(steps_[index])) found.push_back(index);
    }
    return found;
  }

  std::vector<Definition> missing_definitions() {
    std::map<std::string, StepIndices> users;
    for (std::size_t index = 0; index < steps_.size(); ++index) {
      const auto& policy = steps_[index].policy;
      if (policy && !maps_.defined.contains(policy->name)) users[policy->name].push_back(index);
    }
    std::vector<Definition> missing;
    for (auto& [map, indices] : users) {
      auto lines = route_map_lines(*steps_[indices.front()].policy, as_);
      if (!lines) {
        for (const std::size_t index : indices) batch_.errors[index] = lines.error();
        continue;
      }
      missing.push_back({map, std::move(*lines), std::move(indices)});
    }
    return missing;
  }

  void define(const Definition& definition) {
    const auto& [map, lines, steps] = definition;
    if (maps_.doubtful.contains(map)) add(Kind::set, "no route-map " + map, steps);
    add(Kind::enter, lines.front(), steps, map);
    for (const std::string& line : lines | std::views::drop(1)) add(Kind::set, line, steps, map);
    add(Kind::leave, "exit", steps, map);
  }

  void family(std::string_view name, const StepIndices& indices) {
    if (indices.empty()) return;
    add(Kind::enter, fmt::format("address-family {} unicast", name), indices);
    for (const std::size_t index : indices) {
      const RouteStep& step = steps_[index];
      add(Kind::set, step.policy ? network_line(step.vip, step.policy->name) : no_network_line(step.vip),
          {index});
    }
    add(Kind::leave, "exit-address-family", indices);
  }

  std::span<const RouteStep> steps_;
  std::string_view as_;
  const FrrMaps& maps_;
  FrrBatch batch_;
};

}  // namespace

std::expected<std::vector<std::string>, std::string> route_map_lines(const Policy& policy,
                                                                     std::string_view as) {
  const Attributes& attributes = policy.attributes;
  std::vector<std::string> lines{fmt::format("route-map {} permit 10", policy.name)};
  if (attributes.prepend > 0) {
    // Not `last-as`: a route of our own has no AS in its path yet.
    if (as.empty()) return std::unexpected("prepend: needs router.bgp.as");
    const std::vector<std::string_view> path(attributes.prepend, as);
    lines.push_back(fmt::format("set as-path prepend {}", fmt::join(path, " ")));
  }
  if (attributes.med) lines.push_back(fmt::format("set metric {}", *attributes.med));
  if (attributes.local_preference)
    lines.push_back(fmt::format("set local-preference {}", *attributes.local_preference));
  std::vector<std::string> communities = attributes.communities;
  const auto large = std::ranges::stable_partition(communities, std::not_fn(is_large)).begin();
  if (large != communities.begin())
    lines.push_back(fmt::format("set community {} additive", fmt::join(communities.begin(), large, " ")));
  if (large != communities.end())
    lines.push_back(fmt::format("set large-community {} additive", fmt::join(large, communities.end(), " ")));
  return lines;
}

std::string network_line(const Vip& vip, std::string_view map) {
  return fmt::format("network {} route-map {}", vip.prefix, map);
}

std::string no_network_line(const Vip& vip) {
  return fmt::format("no network {}", vip.prefix);
}

FrrBatch frr_batch(std::span<const RouteStep> steps, const std::string& router_line, std::string_view as,
                   const FrrMaps& maps) {
  return BatchWriter(steps, as, maps).write(router_line);
}

}  // namespace herald
