#include "sidecar/core/service/sight.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace herald {

// ---- what is there

const RouterRoute* ServiceSight::route_of(const Vip& vip) const {
  if (sight_.router == nullptr) return nullptr;
  const auto found = sight_.router->routes.find(vip);
  return found == sight_.router->routes.end() ? nullptr : &found->second;
}

std::optional<std::string> ServiceSight::owned_by(const Vip& vip) const {
  if (sight_.owned == nullptr) return std::nullopt;
  const auto found = sight_.owned->find(vip);
  return found == sight_.owned->end() ? std::nullopt : std::optional{found->second};
}

const ObservedAddress* ServiceSight::find(const Vip& vip) const {
  if (sight_.addresses == nullptr) return nullptr;
  const auto found = sight_.addresses->find({vip, spec_.announce.interface});
  return found == sight_.addresses->end() ? nullptr : &found->second;
}

const ObservedAddress* ServiceSight::find_ours(const Vip& vip) const {
  for (auto one = sight_.addresses->lower_bound({vip, ""}); one != sight_.addresses->end(); ++one) {
    if (one->first.vip != vip) break;
    if (one->second.ours) return &one->second;
  }
  return nullptr;
}

bool ServiceSight::was_removed(const Vip& vip) const {
  return sight_.removed != nullptr && sight_.removed->contains({vip, spec_.announce.interface});
}

bool ServiceSight::is_anywhere(const Vip& vip) const {
  const auto found = sight_.addresses->lower_bound({vip, ""});
  return found != sight_.addresses->end() && found->first.vip == vip;
}

bool ServiceSight::is_here(const Vip& vip) const {
  const ObservedAddress* const address = find(vip);
  return address != nullptr && address->ours && !was_removed(vip);
}

bool ServiceSight::is_ready(const Vip& vip) const {
  return !spec_.announce.manage_vip || (find(vip) != nullptr && !was_removed(vip));
}

std::size_t ServiceSight::ready() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(spec_.vips, [&](const Vip& vip) { return is_ready(vip); }));
}

bool ServiceSight::was_read() const {
  return is_answered() && sight_.router_sequence > dealings_.read_after && dealings_.routes_in_flight == 0;
}

bool ServiceSight::has_arrived() const {
  return has_owned() &&
         std::ranges::all_of(spec_.vips, [&](const Vip& vip) { return sight_.owned->contains(vip); });
}

bool ServiceSight::is_announced(const Vip& vip) const {
  const bool by_address = !routes() || (dealings_.moving && sight_.addresses != nullptr);
  if (by_address && find_ours(vip) != nullptr) return true;
  return routes() && sight_.owned->contains(vip);
}

Presence ServiceSight::presence() const {
  if (!(routes() ? has_owned() : has_looked())) return Presence::unobserved;
  // What is under way is not lost, and what cannot be read any more is as it was.
  if (routes() && (dealings_.routes_in_flight > 0 || sight_.router_sequence <= dealings_.read_after))
    return Presence::some;
  const std::ptrdiff_t present =
      std::ranges::count_if(spec_.vips, [&](const Vip& vip) { return is_announced(vip); });
  if (present == 0) return Presence::none;
  return present == std::ssize(spec_.vips) ? Presence::all : Presence::some;
}

// ---- judged

ServiceSight::Judged ServiceSight::judge(const Wish& wish) const {
  if (wish.adopting) return {ServiceState::adopting, {}};
  const bool wanted = wish.want != Want::absent;
  Problem harmless;  // to the network
  for (const Vip& vip : spec_.vips) {
    Problem problem = wanted ? announce_problem(vip, wish) : withdraw_problem(vip);
    if (!problem) continue;
    const bool is_foreign = !routes() && find(vip) != nullptr && find_ours(vip) == nullptr;
    // What is not ours cannot be withdrawn, and what is denied is not sent: as far as the peers go, that is done.
    if (wanted || !(is_foreign || is_contained(vip))) {
      if (wish.draining) return {ServiceState::draining, std::move(problem)};
      return {wanted ? ServiceState::announcing : ServiceState::withdrawing, std::move(problem)};
    }
    harmless = std::move(problem);
  }
  if (wish.draining) return {ServiceState::draining, {}};
  // It is announced as far as there is anybody to hear it; that there is not is for people to see to.
  if (wanted) return {ServiceState::announced, session_problem()};
  return {wish.held_until ? ServiceState::held : ServiceState::withdrawn, std::move(harmless)};
}

VipStanding::Kind ServiceSight::standing(const Vip& vip, const Wish& wish) const {
  using Kind = VipStanding::Kind;
  if (wish.adopting || sight_.addresses == nullptr) return Kind::unsure;
  if (wish.want == Want::present) {
    const bool is_done = routes() ? is_ready(vip) && owned_by(vip) : is_here(vip);
    return is_done ? Kind::free : Kind::unsure;
  }
  if (wish.want != Want::absent || !was_read()) return Kind::unsure;
  if (routes() ? owned_by(vip).has_value() : find_ours(vip) != nullptr) return Kind::unsure;
  return is_stale(vip) ? Kind::stale : Kind::free;
}

VipSnapshot ServiceSight::show(const Vip& vip, const Wish& wish) const {
  const ObservedAddress* const address = find(vip);
  VipSnapshot view;
  view.prefix = vip.prefix;
  view.interface = spec_.announce.interface;
  view.wanted = wish.want != Want::absent;
  view.on_interface = address != nullptr && (address->ours || routes());
  view.foreign = address != nullptr && !address->ours;
  if (view.on_interface) view.lease_until = address->expires;
  if (const RouterRoute* route = route_of(vip)) view.route = *route;
  if (routes()) view.policy = owned_by(vip);
  if (sight_.router == nullptr) return view;
  for (const auto& [peer, held] : sight_.router->fallback)
    if (held.denied.contains(vip)) view.denied_to.push_back(peer);
  return view;
}

// ---- words

std::string ServiceSight::step_error(const Vip& vip) const {
  const auto found = dealings_.step_errors.find(vip);
  return found == dealings_.step_errors.end() ? "" : ": " + found->second;
}

// A step mostly failed by what the read failed by: once is enough.
std::string ServiceSight::silence(const Vip& vip) const {
  const std::string read = ": " + sight_.router->error;
  const std::string step = step_error(vip);
  return fmt::format("{} does not answer{}{}", stack(), read, step == read ? "" : step);
}

std::string ServiceSight::foreign(const Vip& vip) const {
  return fmt::format("{} is on {} without herald's mark: somebody else's, left alone", vip.prefix,
                     spec_.announce.interface);
}

// ---- wanted

Problem ServiceSight::announce_problem(const Vip& vip, const Wish& wish) const {
  if (Problem problem = address_problem(vip)) return problem;
  if (sight_.stack == Stack::none) return {};
  if (sight_.router != nullptr && !sight_.router->reachable) return silence(vip);
  if (!was_read()) return fmt::format("not read back from {} yet{}", stack(), step_error(vip));
  if (Problem problem = route_problem(vip, wish)) return problem;
  if (Problem problem = table_problem(vip)) return problem;
  return advertise_problem(vip);
}

Problem ServiceSight::address_problem(const Vip& vip) const {
  if (routes() && is_ready(vip)) return {};
  const ObservedAddress* const address = find(vip);
  if (address == nullptr || was_removed(vip))
    return fmt::format("{} is not on {}{}", vip.prefix, spec_.announce.interface, step_error(vip));
  return address->ours ? Problem() : foreign(vip);
}

// Whether the router's configuration holds it as wanted.
Problem ServiceSight::route_problem(const Vip& vip, const Wish& wish) const {
  if (!routes()) return {};
  const auto owned = owned_by(vip);
  if (!owned) return fmt::format("{} is not in {}'s configuration{}", vip.prefix, stack(), step_error(vip));
  const std::string& policy = policies_[static_cast<std::size_t>(wish.grade)].name;
  if (*owned == policy || wish.want != Want::present) return {};
  if (const auto altered = sight_.router->altered.find(vip);
      owned->empty() && altered != sight_.router->altered.end())
    return fmt::format("{} is in {}'s configuration, and {}{}", vip.prefix, stack(), altered->second,
                       step_error(vip));
  return fmt::format("{} is in {}'s configuration with {} and not yet with {}{}", vip.prefix, stack(),
                     owned->empty() ? "a policy that is not herald's" : *owned, policy, step_error(vip));
}

Problem ServiceSight::table_problem(const Vip& vip) const {
  const RouterRoute* const route = route_of(vip);
  if (route != nullptr && route->in_rib) return {};
  if (!routes()) {
    return fmt::format(
        "{} is on {} but not in {}'s BGP table; is it redistributed (connected, protocol direct)?",
        vip.prefix, spec_.announce.interface, stack());
  }
  return fmt::format("{} is in {}'s configuration but not in its BGP table{}", vip.prefix, stack(),
                     sight_.stack == Stack::frr ? "; is `no bgp network import-check` set?" : "");
}

// Of what is in the router's table.
Problem ServiceSight::advertise_problem(const Vip& vip) const {
  const RouterRoute& route = *route_of(vip);
  if (!route.missing_from.empty()) {
    return fmt::format(
        "{} is in {}'s BGP table but not advertised to {}; does the outbound policy permit it?", vip.prefix,
        stack(), fmt::join(route.missing_from, ", "));
  }
  if (!route.advertised_to.empty() || sight_.router->peers.empty()) return {};
  return fmt::format("{} is in {}'s BGP table, and no session is established to advertise it by", vip.prefix,
                     stack());
}

// A Route Server without a session is not sent anything; that all others are is no reason to be silent.
Problem ServiceSight::session_problem() const {
  if (!is_answered()) return {};
  const auto with_state = [this](const std::string& address) {
    const auto peer = std::ranges::find(sight_.router->peers, address, &RouterPeer::address);
    return peer == sight_.router->peers.end() ? address : fmt::format("{} ({})", address, peer->state);
  };
  for (const Vip& vip : spec_.vips) {
    const RouterRoute* const route = route_of(vip);
    // That it is sent to nobody at all: advertise_problem().
    if (route == nullptr || route->without_session.empty() || route->advertised_to.empty()) continue;
    std::vector<std::string> without;
    std::ranges::transform(route->without_session, std::back_inserter(without), with_state);
    return fmt::format("sent to {} alone: no session with {}", fmt::join(route->advertised_to, ", "),
                       fmt::join(without, ", "));
  }
  return {};
}

// ---- not wanted

Problem ServiceSight::withdraw_problem(const Vip& vip) const {
  return routes() ? withdraw_route_problem(vip) : withdraw_address_problem(vip);
}

Problem ServiceSight::withdraw_address_problem(const Vip& vip) const {
  if (sight_.addresses == nullptr) return "the interfaces were not read yet";
  if (const ObservedAddress* ours = find_ours(vip))
    return fmt::format("{} is still on {}{}", vip.prefix, ours->key.interface, step_error(vip));
  if (find(vip) != nullptr) return foreign(vip);
  // An unreachable router is no reason to call a route withdrawn or not; it is shown beside the services.
  if (!is_answered() || sight_.stack == Stack::none) return {};
  if (!was_read()) return fmt::format("not read back from {} yet", stack());
  return is_stale(vip) ? stale_problem(vip) : Problem();
}

Problem ServiceSight::withdraw_route_problem(const Vip& vip) const {
  if (sight_.router != nullptr && !sight_.router->reachable) {
    // It was gone when the router answered last, and nothing was sent since.
    return dealings_.gone_at ? Problem() : silence(vip);
  }
  if (!was_read()) return fmt::format("not read back from {} yet{}", stack(), step_error(vip));
  if (owned_by(vip))
    return fmt::format("{} is still in {}'s configuration{}", vip.prefix, stack(), step_error(vip));
  return is_stale(vip) ? stale_problem(vip) : Problem();
}

// ---- withdrawn, and still there

bool ServiceSight::is_stale(const Vip& vip) const {
  const RouterRoute* const route = route_of(vip);
  if (!was_read() || route == nullptr || !route->in_rib) return false;
  if (routes()) return !owned_by(vip);
  // Where somebody else has it on another interface, the router redistributes that.
  return sight_.addresses != nullptr && !is_anywhere(vip);
}

bool ServiceSight::is_contained(const Vip& vip) const {
  if (!is_stale(vip) || sight_.ladder == nullptr || !sight_.ladder->is_denied(vip)) return false;
  const bool held = std::ranges::any_of(sight_.router->fallback,
                                        [&](const auto& one) { return one.second.denied.contains(vip); });
  return held && route_of(vip)->advertised_to.empty();
}

Problem ServiceSight::stale_problem(const Vip& vip) const {
  const std::string text =
      routes()
          ? fmt::format("{} is gone from {}'s configuration but still in its BGP table", vip.prefix, stack())
          : fmt::format("{} is gone from {} but still in {}'s BGP table", vip.prefix,
                        spec_.announce.interface, stack());
  return sight_.ladder == nullptr ? text : text + fallback_text(vip);
}

// What the fallback does about it, and what else may be.
std::string ServiceSight::fallback_text(const Vip& vip) const {
  std::string text;
  const auto& advertised_to = route_of(vip)->advertised_to;
  const bool denied = sight_.ladder->is_denied(vip);
  if (!advertised_to.empty()) text += fmt::format(", advertised to {}", fmt::join(advertised_to, ", "));
  if (denied) text += advertised_to.empty() ? "; FALLBACK: denied to the peers" : "; FALLBACK: to be denied";
  if (denied && !sight_.ladder->shut().empty())
    text += fmt::format(", and the session with {} shut down", fmt::join(sight_.ladder->shut(), ", "));
  if (sight_.stack != Stack::frr || !(denied || sight_.ladder->is_overdue(vip))) return text;
  return text + (routes() ? "; does something else originate it (redistribute, a network line)?"
                          : "; was zebra restarted alone? bgpd hears of no address any more: restart bgpd");
}

}  // namespace herald
