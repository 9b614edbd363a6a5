// What a service makes of what it sees: its presence, its state, and in words what is not yet as wanted.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "sidecar/core/service/run.h"

namespace herald {

const RouterRoute* ServiceRun::route_of(const Vip& vip, const Sight& sight) const {
  if (sight.router == nullptr) return nullptr;
  const auto found = sight.router->routes.find(vip);
  return found == sight.router->routes.end() ? nullptr : &found->second;
}

std::optional<std::string> ServiceRun::owned_by(const Vip& vip, const Sight& sight) const {
  if (sight.owned == nullptr) return std::nullopt;
  const auto found = sight.owned->find(vip);
  return found == sight.owned->end() ? std::nullopt : std::optional{found->second};
}

const ObservedAddress* ServiceRun::find(const Vip& vip, const Sight& sight) const {
  if (sight.addresses == nullptr) return nullptr;
  const auto found = sight.addresses->find({vip, spec_.announce.interface});
  return found == sight.addresses->end() ? nullptr : &found->second;
}

// On any interface: the configuration may have moved it, and it is announced all the same.
const ObservedAddress* ServiceRun::find_ours(const Vip& vip, const Sight& sight) const {
  for (auto one = sight.addresses->lower_bound({vip, ""}); one != sight.addresses->end(); ++one) {
    if (one->first.vip != vip) break;
    if (one->second.ours) return &one->second;
  }
  return nullptr;
}

bool ServiceRun::was_removed(const Vip& vip, const Sight& sight) const {
  return sight.removed != nullptr && sight.removed->contains({vip, spec_.announce.interface});
}

bool ServiceRun::is_anywhere(const Vip& vip, const Sight& sight) const {
  const auto found = sight.addresses->lower_bound({vip, ""});
  return found != sight.addresses->end() && found->first.vip == vip;
}

bool ServiceRun::is_ready(const Vip& vip, const Sight& sight) const {
  return !spec_.announce.manage_vip || (find(vip, sight) != nullptr && !was_removed(vip, sight));
}

// Whether the router was asked since the last step, and has answered.
bool ServiceRun::was_read(const Sight& sight) const {
  return sight.router != nullptr && sight.router->reachable && sight.router_sequence > read_after_ &&
         routes_in_flight_ == 0;
}

// How many of its VIPs are announced by herald.
std::ptrdiff_t ServiceRun::announced(const Sight& sight) const {
  return std::ranges::count_if(spec_.vips, [&](const Vip& vip) {
    const bool by_address = !routes() || (moving_ && sight.addresses != nullptr);
    if (by_address && find_ours(vip, sight) != nullptr) return true;
    return routes() && sight.owned->contains(vip);
  });
}

Presence ServiceRun::presence(const Sight& sight) const {
  if (routes()) {
    if (sight.owned == nullptr || sight.owned_sequence < since_sight_.read) return Presence::unobserved;
    // What is under way is not lost, and what cannot be read any more is as it was.
    if (routes_in_flight_ > 0 || sight.router_sequence <= read_after_) return Presence::some;
  } else if (sight.addresses == nullptr || sight.look_sequence < since_sight_.look) {
    return Presence::unobserved;
  }
  const std::ptrdiff_t present = announced(sight);
  if (present == 0) return Presence::none;
  return present == std::ssize(spec_.vips) ? Presence::all : Presence::some;
}

ServiceRun::Judged ServiceRun::judge(const Sight& sight) const {
  if (wish_.adopting) return {ServiceState::adopting, {}};
  const bool wanted = wish_.want != Want::absent;
  std::string harmless;  // to the network
  for (const Vip& vip : spec_.vips) {
    std::string problem = wanted ? announce_problem(vip, sight) : withdraw_problem(vip, sight);
    if (problem.empty()) continue;
    const bool is_foreign = !routes() && find(vip, sight) != nullptr && find_ours(vip, sight) == nullptr;
    // What is not ours cannot be withdrawn, and what is denied is not sent: as far as the peers go, that is done.
    if (wanted || !(is_foreign || is_contained(vip, sight))) {
      if (wish_.draining) return {ServiceState::draining, std::move(problem)};
      return {wanted ? ServiceState::announcing : ServiceState::withdrawing, std::move(problem)};
    }
    harmless = std::move(problem);
  }
  if (wish_.draining) return {ServiceState::draining, {}};
  if (wanted) return {ServiceState::announced, {}};
  return {wish_.held_until ? ServiceState::held : ServiceState::withdrawn, std::move(harmless)};
}

std::string ServiceRun::step_error(const Vip& vip) const {
  const auto found = step_errors_.find(vip);
  return found == step_errors_.end() ? "" : ": " + found->second;
}

// A step mostly failed by what the read failed by: once is enough.
std::string ServiceRun::silence(const Sight& sight, const std::string& step_error) {
  const std::string read_error = ": " + sight.router->error;
  return fmt::format("{} does not answer{}{}", name_of(sight.stack), read_error,
                     step_error == read_error ? "" : step_error);
}

// ---- wanted

std::string ServiceRun::announce_problem(const Vip& vip, const Sight& sight) const {
  if (std::string problem = address_problem(vip, sight); !problem.empty()) return problem;
  if (sight.stack == Stack::none) return {};
  const std::string_view stack = name_of(sight.stack);
  if (sight.router != nullptr && !sight.router->reachable) return silence(sight, step_error(vip));
  if (!was_read(sight)) return fmt::format("not read back from {} yet{}", stack, step_error(vip));
  if (std::string problem = route_problem(vip, sight); !problem.empty()) return problem;
  return advertise_problem(vip, sight);
}

std::string ServiceRun::address_problem(const Vip& vip, const Sight& sight) const {
  if (routes() && is_ready(vip, sight)) return {};
  const ObservedAddress* address = find(vip, sight);
  const std::string& interface = spec_.announce.interface;
  if (address == nullptr || was_removed(vip, sight))
    return fmt::format("{} is not on {}{}", vip.prefix, interface, step_error(vip));
  if (address->ours) return {};
  return fmt::format("{} is on {} without herald's mark: somebody else's, left alone", vip.prefix, interface);
}

// Whether the router's configuration holds it as wanted.
std::string ServiceRun::route_problem(const Vip& vip, const Sight& sight) const {
  if (!routes()) return {};
  const std::string_view stack = name_of(sight.stack);
  const auto owned = owned_by(vip, sight);
  if (!owned) return fmt::format("{} is not in {}'s configuration{}", vip.prefix, stack, step_error(vip));
  if (*owned == policy().name || wish_.want != Want::present) return {};
  return fmt::format("{} is in {}'s configuration with {} and not yet with {}{}", vip.prefix, stack,
                     owned->empty() ? "a policy that is not herald's" : *owned, policy().name,
                     step_error(vip));
}

std::string ServiceRun::advertise_problem(const Vip& vip, const Sight& sight) const {
  const std::string_view stack = name_of(sight.stack);
  const RouterRoute* route = route_of(vip, sight);
  if (route == nullptr || !route->in_rib) {
    if (!routes()) {
      return fmt::format(
          "{} is on {} but not in {}'s BGP table; is it redistributed (connected, protocol direct)?",
          vip.prefix, spec_.announce.interface, stack);
    }
    const bool frr = sight.stack == Stack::frr;
    return fmt::format("{} is in {}'s configuration but not in its BGP table{}", vip.prefix, stack,
                       frr ? "; is `no bgp network import-check` set?" : "");
  }
  if (!route->missing_from.empty()) {
    return fmt::format(
        "{} is in {}'s BGP table but not advertised to {}; does the outbound policy permit it?", vip.prefix,
        stack, fmt::join(route->missing_from, ", "));
  }
  if (route->advertised_to.empty() && !sight.router->peers.empty()) {
    return fmt::format("{} is in {}'s BGP table, and no session is established to advertise it by",
                       vip.prefix, stack);
  }
  return {};
}

// ---- not wanted

std::string ServiceRun::withdraw_problem(const Vip& vip, const Sight& sight) const {
  return routes() ? withdraw_route_problem(vip, sight) : withdraw_address_problem(vip, sight);
}

std::string ServiceRun::withdraw_address_problem(const Vip& vip, const Sight& sight) const {
  const std::string& interface = spec_.announce.interface;
  if (sight.addresses == nullptr) return "the interfaces were not read yet";
  if (const ObservedAddress* ours = find_ours(vip, sight)) {
    return fmt::format("{} is still on {}{}", vip.prefix, ours->key.interface, step_error(vip));
  }
  if (find(vip, sight) != nullptr) {
    return fmt::format("{} is on {} without herald's mark: somebody else's, left alone", vip.prefix,
                       interface);
  }
  // An unreachable router is no reason to call a route withdrawn or not; it is shown beside the services.
  if (sight.router == nullptr || !sight.router->reachable || sight.stack == Stack::none) return {};
  if (!was_read(sight)) return fmt::format("not read back from {} yet", name_of(sight.stack));
  return is_stale(vip, sight) ? stale_problem(vip, sight) : std::string();
}

std::string ServiceRun::withdraw_route_problem(const Vip& vip, const Sight& sight) const {
  const std::string_view stack = name_of(sight.stack);
  const bool reachable = sight.router == nullptr || sight.router->reachable;
  if (!reachable) {
    if (gone_at_) return {};  // it was gone when the router answered last, and nothing was sent since
    return silence(sight, step_error(vip));
  }
  if (!was_read(sight)) return fmt::format("not read back from {} yet{}", stack, step_error(vip));
  if (owned_by(vip, sight))
    return fmt::format("{} is still in {}'s configuration{}", vip.prefix, stack, step_error(vip));
  return is_stale(vip, sight) ? stale_problem(vip, sight) : std::string();
}

// ---- withdrawn, and still there

// Withdrawn at the lever, read back since, and still in the router's table.
bool ServiceRun::is_stale(const Vip& vip, const Sight& sight) const {
  const RouterRoute* route = route_of(vip, sight);
  if (!was_read(sight) || route == nullptr || !route->in_rib) return false;
  if (routes()) return !owned_by(vip, sight);
  // Where somebody else has it on another interface, the router redistributes that.
  return sight.addresses != nullptr && !is_anywhere(vip, sight);
}

// No established peer is sent it, and it is the fallback's doing.
bool ServiceRun::is_contained(const Vip& vip, const Sight& sight) const {
  if (!is_stale(vip, sight) || sight.ladder == nullptr || !sight.ladder->is_denied(vip)) return false;
  const bool held = std::ranges::any_of(sight.router->fallback,
                                        [&](const auto& one) { return one.second.denied.contains(vip); });
  return held && route_of(vip, sight)->advertised_to.empty();
}

std::string ServiceRun::stale_problem(const Vip& vip, const Sight& sight) const {
  const std::string_view stack = name_of(sight.stack);
  std::string text =
      fmt::format("{} is gone from {} but still in {} BGP table", vip.prefix,
                  routes() ? fmt::format("{}'s configuration", stack) : spec_.announce.interface,
                  routes() ? "its" : fmt::format("{}'s", stack));
  if (sight.ladder == nullptr) return text;
  const auto& advertised_to = route_of(vip, sight)->advertised_to;
  const bool denied = sight.ladder->is_denied(vip);
  if (!advertised_to.empty()) text += fmt::format(", advertised to {}", fmt::join(advertised_to, ", "));
  if (denied) text += advertised_to.empty() ? "; FALLBACK: denied to the peers" : "; FALLBACK: to be denied";
  if (denied && !sight.ladder->shut().empty())
    text += fmt::format(", and the session with {} shut down", fmt::join(sight.ladder->shut(), ", "));
  if (sight.stack != Stack::frr || !(denied || sight.ladder->is_overdue(vip))) return text;
  return text + (routes() ? "; does something else originate it (redistribute, a network line)?"
                          : "; was zebra restarted alone? bgpd hears of no address any more: restart bgpd");
}

VipStanding::Kind ServiceRun::standing(const Vip& vip, const Sight& sight) const {
  using Kind = VipStanding::Kind;
  if (wish_.adopting || sight.addresses == nullptr) return Kind::unsure;
  if (wish_.want == Want::present) {
    const ObservedAddress* here = find(vip, sight);
    const bool ready = routes() ? is_ready(vip, sight) && owned_by(vip, sight)
                                : here != nullptr && here->ours && !was_removed(vip, sight);
    return ready ? Kind::free : Kind::unsure;
  }
  if (wish_.want != Want::absent || !was_read(sight)) return Kind::unsure;
  if (routes() ? owned_by(vip, sight).has_value() : find_ours(vip, sight) != nullptr) return Kind::unsure;
  return is_stale(vip, sight) ? Kind::stale : Kind::free;
}

}  // namespace herald
