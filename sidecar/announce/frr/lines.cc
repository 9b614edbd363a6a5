#include "sidecar/announce/frr/lines.h"
#include "sidecar/text/address.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <ranges>
#include <utility>

namespace herald {
namespace {

using StepIndices = std::vector<std::size_t>;

class BatchWriter {
 public:
  BatchWriter(const FrrObjects& objects, std::span<const RouteStep> steps, std::string_view as,
              const FrrMaps& maps, std::span<const FrrFallbackLines> fallback,
              std::span<const FrrDenialLine> denials)
      : objects_(objects), steps_(steps), as_(as), maps_(maps), fallback_(fallback), denials_(denials) {
    batch_.outcomes.resize(steps.size() + fallback.size() + denials.size());
  }

  FrrBatch write(const std::string& router_line) {
    // What cannot be defined takes its steps out, so that no block is opened for them alone.
    const auto definitions = missing_definitions();
    StepIndices live = live_steps([](const RouteStep& /*step*/) { return true; });
    for (std::size_t index = 0; index < fallback_.size(); ++index) live.push_back(steps_.size() + index);
    StepIndices all = live;
    const std::vector<FrrLine> denying = denial_lines(all);
    if (all.empty()) return std::move(batch_);
    add(FrrLine::Kind::enter, "configure terminal", all);
    batch_.lines.insert(batch_.lines.end(), denying.begin(), denying.end());
    if (!live.empty()) write_rest(definitions, router_line, live);
    add(FrrLine::Kind::leave, "end", all);
    return std::move(batch_);
  }

 private:
  struct Definition {
    std::string map;
    std::vector<std::string> lines;
    StepIndices steps;
  };

  void write_rest(const std::vector<Definition>& definitions, const std::string& router_line,
                  const StepIndices& live) {
    for (const Definition& definition : definitions) define(definition);
    fallback([&](const FrrFallbackLines& lines, std::size_t step) {
      for (const auto& each : lines.definitions)
        define({each.front(), {each.begin() + 1, each.end()}, {step}});
    });
    add(FrrLine::Kind::enter, router_line, live);
    fallback([&](const FrrFallbackLines& lines, std::size_t step) { add_all(lines.before, step); });
    family("ipv4", 0, live_steps([](const RouteStep& step) { return !is_ipv6(step.vip); }));
    family("ipv6", 1, live_steps([](const RouteStep& step) { return is_ipv6(step.vip); }));
    fallback([&](const FrrFallbackLines& lines, std::size_t step) { add_all(lines.after, step); });
    add(FrrLine::Kind::leave, "exit", live);
    for (const std::string& map : maps_.unused) add(FrrLine::Kind::tidy, "no route-map " + map, live);
    fallback([&](const FrrFallbackLines& lines, std::size_t step) { add_all(lines.tidying, step); });
  }

  // Adds the steps that have any to `live`.
  std::vector<FrrLine> denial_lines(StepIndices& live) {
    std::vector<FrrLine> lines;
    for (std::size_t index = 0; index < denials_.size(); ++index) {
      const std::size_t step = steps_.size() + fallback_.size() + index;
      const FrrDenialLine& line = denials_[index];
      if (!line) {
        batch_.outcomes[step] = std::unexpected(line.error());
      } else if (*line) {
        live.push_back(step);
        lines.push_back({FrrLine::Kind::set, **line, {step}});
      }
    }
    return lines;
  }

  void add(FrrLine::Kind kind, std::string text, StepIndices steps, std::string map = {}) {
    batch_.lines.push_back({kind, std::move(text), std::move(steps), std::move(map)});
  }

  void add_all(const std::vector<std::string>& lines, std::size_t step) {
    for (const std::string& line : lines) add(FrrLine::Kind::set, line, {step});
  }

  template <typename Visit>
  void fallback(Visit visit) const {
    for (std::size_t index = 0; index < fallback_.size(); ++index)
      visit(fallback_[index], steps_.size() + index);
  }

  template <typename Predicate>
  StepIndices live_steps(Predicate wanted) const {
    StepIndices found;
    for (std::size_t index = 0; index < steps_.size(); ++index) {
      if (batch_.outcomes[index] && wanted(steps_[index])) found.push_back(index);
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
        for (const std::size_t index : indices) batch_.outcomes[index] = std::unexpected(lines.error());
        continue;
      }
      missing.push_back({map, std::move(*lines), std::move(indices)});
    }
    return missing;
  }

  // Takes away what a map holds and should not. What it lacks comes with its definition, and so does an entry of another action,
  // which takes the place of the one with its number.
  void undo(const std::string& map, const FrrMapShape& is, const FrrMapShape& should,
            const StepIndices& steps) {
    for (const auto& [entry, lines] : is) {
      const auto same = should.find(entry);
      if (same == should.end()) {
        const std::string number = entry.substr(entry.find(' '));
        if (std::ranges::none_of(should, [&](const auto& one) { return one.first.ends_with(number); }))
          add(FrrLine::Kind::tidy, fmt::format("no route-map {} {}", map, entry), steps);
        continue;
      }
      if (lines == same->second) continue;
      add(FrrLine::Kind::enter, fmt::format("route-map {} {}", map, entry), steps);
      for (const std::string& line : lines) {
        if (!same->second.contains(line)) add(FrrLine::Kind::tidy, "no " + line, steps);
      }
      add(FrrLine::Kind::leave, "exit", steps);
    }
  }

  void define(const Definition& definition) {
    const auto& [map, lines, steps] = definition;
    if (const auto edited = maps_.edited.find(map); edited != maps_.edited.end()) {
      undo(map, edited->second, frr_map_shape(lines, map), steps);
    } else if (maps_.doubtful.contains(map)) {
      add(FrrLine::Kind::set, "no route-map " + map, steps);
    }
    bool inside = false;
    const auto leave = [&] {
      if (std::exchange(inside, false)) add(FrrLine::Kind::leave, "exit", steps, map);
    };
    for (const std::string& line : lines) {
      const bool enters = line.starts_with("route-map ");
      if (enters || line == "exit") leave();
      if (enters) inside = true;
      // What is outside of the map's blocks has no block to lose.
      if (line != "exit")
        add(enters ? FrrLine::Kind::enter : FrrLine::Kind::set, line, steps, inside ? map : "");
    }
    leave();
  }

  void family(std::string_view name, std::size_t number, const StepIndices& indices) {
    StepIndices all = indices;
    fallback([&](const FrrFallbackLines& lines, std::size_t step) {
      if (!lines.families[number].empty()) all.push_back(step);
    });
    if (all.empty()) return;
    add(FrrLine::Kind::enter, fmt::format("address-family {} unicast", name), all);
    for (const std::size_t index : indices) {
      const RouteStep& step = steps_[index];
      if (step.policy && maps_.deleted.contains(step.policy->name)) continue;
      const auto lines =
          step.policy ? objects_.network(step.vip, step.policy->name) : objects_.no_network(step.vip, "");
      for (const std::string& line : lines) add(FrrLine::Kind::set, line, {index});
    }
    fallback([&](const FrrFallbackLines& lines, std::size_t step) { add_all(lines.families[number], step); });
    add(FrrLine::Kind::leave, "exit-address-family", all);
  }

  const FrrObjects& objects_;
  std::span<const RouteStep> steps_;
  std::string_view as_;
  const FrrMaps& maps_;
  std::span<const FrrFallbackLines> fallback_;
  std::span<const FrrDenialLine> denials_;
  FrrBatch batch_;
};

}  // namespace

FrrBatch frr_batch(const FrrObjects& objects, std::span<const RouteStep> steps,
                   const std::string& router_line, std::string_view as, const FrrMaps& maps,
                   std::span<const FrrFallbackLines> fallback, std::span<const FrrDenialLine> denials) {
  return BatchWriter(objects, steps, as, maps, fallback, denials).write(router_line);
}

}  // namespace herald
