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

class BatchWriter {
 public:
  BatchWriter(const FrrObjects& objects, std::span<const RouteStep> steps, std::string_view as,
              const FrrMaps& maps)
      : objects_(objects), steps_(steps), as_(as), maps_(maps) {
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
      auto lines = objects_.route_map(*steps_[indices.front()].policy, as_);
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
    bool inside = false;
    const auto leave = [&] {
      if (std::exchange(inside, false)) add(Kind::leave, "exit", steps, map);
    };
    for (const std::string& line : lines) {
      const bool enters = line.starts_with("route-map ");
      if (enters || line == "exit") leave();
      if (enters) inside = true;
      if (line != "exit") add(enters ? Kind::enter : Kind::set, line, steps, map);
    }
    leave();
  }

  void family(std::string_view name, const StepIndices& indices) {
    if (indices.empty()) return;
    add(Kind::enter, fmt::format("address-family {} unicast", name), indices);
    for (const std::size_t index : indices) {
      const RouteStep& step = steps_[index];
      const auto lines =
          step.policy ? objects_.network(step.vip, step.policy->name) : objects_.no_network(step.vip, "");
      for (const std::string& line : lines) add(Kind::set, line, {index});
    }
    add(Kind::leave, "exit-address-family", indices);
  }

  const FrrObjects& objects_;
  std::span<const RouteStep> steps_;
  std::string_view as_;
  const FrrMaps& maps_;
  FrrBatch batch_;
};

}  // namespace

FrrBatch frr_batch(const FrrObjects& objects, std::span<const RouteStep> steps,
                   const std::string& router_line, std::string_view as, const FrrMaps& maps) {
  return BatchWriter(objects, steps, as, maps).write(router_line);
}

}  // namespace herald
