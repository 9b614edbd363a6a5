#include "sidecar/core/service/sight.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
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

const ObservedAddress* ServiceSight::find_foreign(const Vip& vip) const {
  if (sight_.addresses == nullptr) return nullptr;
  for (auto one = sight_.addresses->lower_bound({vip, ""}); one != sight_.addresses->end(); ++one) {
    if (one->first.vip != vip) break;
    if (!one->second.ours) return &one->second;
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

bool ServiceSight::is_left_elsewhere() const {
  if (sight_.addresses == nullptr) return false;
  return std::ranges::none_of(spec_.vips, [&](const Vip& vip) { return is_here(vip); }) &&
         std::ranges::any_of(spec_.vips, [&](const Vip& vip) { return find_ours(vip) != nullptr; });
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
  bool blames = false;
  for (const Vip& vip : spec_.vips) {
    Problem problem = wanted ? announce_problem(vip, wish) : withdraw_problem(vip);
    if (problem) {
      const bool by_others = !wanted && is_announced_by_others(vip);
      const bool is_foreign = !routes() && find(vip) != nullptr && find_ours(vip) == nullptr && !by_others;
      // What is not ours cannot be withdrawn, and what is denied is not sent: as far as the peers go, that is done.
      if (wanted || !(is_foreign || is_contained(vip))) {
        if (wish.draining) return {ServiceState::draining, std::move(problem), by_others};
        const ServiceState state = wanted ? ServiceState::announcing : ServiceState::withdrawing;
        return {state, std::move(problem), by_others};
      }
      harmless = std::move(problem);
    } else if (problem = exposure_problem(vip); problem && !wanted && !harmless) {
      harmless = std::move(problem);
      blames = true;
    }
  }
  if (wish.draining) return {ServiceState::draining, {}};
  // It is announced as far as there is anybody to hear it; that there is not is for people to see to.
  if (wanted) return {ServiceState::announced, session_problem()};
  const ServiceState state = wish.held_until ? ServiceState::held : ServiceState::withdrawn;
  return {state, std::move(harmless), blames};
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
  if (wish.want != Want::present) view.kept_off = kept_off(vip);
  if (sight_.router == nullptr) return view;
  view.denied_fast = is_denied_fast(vip);
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
  if (!route.no_next_hop.empty()) {
    return fmt::format(
        "{} is sent to {} without an IPv6 next hop, and rejected; the interface of that session needs a "
        "global IPv6 "
        "address, or the outbound route-map `set ipv6 next-hop global ADDRESS`",
        vip.prefix, fmt::join(route.no_next_hop, ", "));
  }
  if (!route.missing_from.empty() && is_denied_fast(vip)) {
    return fmt::format(
        "{} is denied to {} by herald's own list (router.fast_withdraw), and is about to be lifted",
        vip.prefix, fmt::join(route.missing_from, ", "));
  }
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
  if (is_announced_by_others(vip)) return others_text(vip);
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
  if (is_announced_by_others(vip) && find_foreign(vip) != nullptr) return others_text(vip);
  return is_stale(vip) ? stale_problem(vip) : Problem();
}

// ---- by others, or by herald's own address

// An origin that goes by an address needs one that is not herald's; where the router does not say what originates it, that is
// enough.
bool ServiceSight::is_announced_by_others(const Vip& vip) const {
  const RouterRoute* const route = route_of(vip);
  if (!was_read() || route == nullptr || !route->in_rib) return false;
  if (routes() ? owned_by(vip).has_value() : sight_.addresses != nullptr && find_ours(vip) != nullptr)
    return false;
  const bool by_itself = std::ranges::any_of(route->others, std::not_fn(&OtherOrigin::of_address));
  if (!by_itself && find_foreign(vip) == nullptr) return false;
  const bool is_established = std::ranges::any_of(sight_.router->peers, &RouterPeer::established);
  return !route->advertised_to.empty() || !is_established;
}

// No withdrawal of herald's ends that: it is somebody else's, and not the fallback's to deny.
bool ServiceSight::is_of_foreign_address(const Vip& vip) const {
  return find_foreign(vip) != nullptr && std::ranges::any_of(route_of(vip)->others, &OtherOrigin::of_address);
}

// By the means of the first VIP: they are of one family mostly, and then the same for all.
std::optional<InterfaceImport> ServiceSight::import() const {
  for (const Vip& vip : spec_.vips) {
    const RouterRoute* const route = route_of(vip);
    if (route != nullptr && route->import) return route->import;
  }
  return std::nullopt;
}

// That it is announced is proof at once. That it is not needs a read from after the addresses were there.
std::optional<ExposureProof> ServiceSight::prove_exposure() const {
  if (!is_answered() || sight_.addresses == nullptr) return std::nullopt;
  bool all_there = true;
  for (const Vip& vip : spec_.vips) {
    const RouterRoute* const route = route_of(vip);
    const bool is_there = find_ours(vip) != nullptr && !was_removed(vip);
    if (is_there && route != nullptr && std::ranges::any_of(route->others, &OtherOrigin::of_address))
      return ExposureProof{true, import()};
    // Elsewhere it tells nothing: an import may look at some interfaces alone.
    all_there = all_there && is_here(vip) && route != nullptr;
  }
  if (!all_there || !was_read() || sight_.router_sequence <= dealings_.address_after) return std::nullopt;
  return ExposureProof{false, import()};
}

Exposure ServiceSight::exposure() const {
  const std::optional<InterfaceImport> by = is_answered() ? import() : dealings_.import;
  if (dealings_.exposure && dealings_.exposure->import == by)
    return dealings_.exposure->exposed ? Exposure::seen : Exposure::none;
  if (!is_answered() || !has_owned()) return Exposure::unknown;
  if (!by) return Exposure::none;
  return by->filtered ? Exposure::perhaps : Exposure::likely;
}

std::optional<std::string> ServiceSight::kept_off(const Vip& vip) const {
  const bool stays = routes() && spec_.announce.manage_vip && spec_.announce.vip_on_down == VipOnDown::keep;
  if (!stays || sight_.addresses == nullptr || is_anywhere(vip) || owned_by(vip)) return std::nullopt;
  const Exposure exposed = exposure();
  if (exposed == Exposure::none || exposed == Exposure::unknown) return std::nullopt;
  const auto by = import();
  const std::string_view word = exposed == Exposure::seen ? "announces" : "may announce";
  return fmt::format("{} is kept off {} until the service is announced, for {} {} what is there{}",
                     vip.prefix, spec_.announce.interface, stack(), word,
                     by ? fmt::format(" ({})", by->by) : "");
}

// What is kept off where a policy may let it be is no fault.
Problem ServiceSight::exposure_problem(const Vip& vip) const {
  const std::optional<std::string> text = kept_off(vip);
  if (!text || exposure() == Exposure::perhaps) return {};
  return *text + "; leave it out there (heraldctl doctor)";
}

// Who has it announced, and what there is to do about it.
std::string ServiceSight::others_text(const Vip& vip) const {
  const RouterRoute& route = *route_of(vip);
  std::vector<std::string> by;
  for (const OtherOrigin& other : route.others) by.push_back(other.by);
  std::string text =
      fmt::format("{} is announced all the same, {}", vip.prefix,
                  route.advertised_to.empty() ? "as soon as there is a session"
                                              : fmt::format("to {}", fmt::join(route.advertised_to, ", ")));
  const std::string means = by.empty() ? "" : fmt::format(" by {}", fmt::join(by, " and "));
  const ObservedAddress* const address = find_foreign(vip);
  if (address == nullptr) return fmt::format("{}: {} originates it{}", text, stack(), means);
  const std::string& interface = address->key.interface;
  text += fmt::format(": it is on {} without herald's mark, somebody else's, and {} originates it{}; ",
                      interface, stack(), means);
  if (!routes() || spec_.announce.manage_vip)
    text += fmt::format("`heraldctl adopt {}` takes it over, ", spec_.name);
  return text + fmt::format("`ip address del {} dev {}` removes it", vip.prefix, interface);
}

// ---- withdrawn, and still there

bool ServiceSight::is_stale(const Vip& vip) const {
  const RouterRoute* const route = route_of(vip);
  if (!was_read() || route == nullptr || !route->in_rib) return false;
  if (routes()) return !owned_by(vip) && !is_of_foreign_address(vip);
  // Where somebody else has it on another interface, the router redistributes that.
  return sight_.addresses != nullptr && !is_anywhere(vip);
}

bool ServiceSight::is_denied_fast(const Vip& vip) const {
  return is_answered() && sight_.router->fast.denied.contains(vip);
}

bool ServiceSight::is_contained(const Vip& vip) const {
  if (!is_stale(vip)) return false;
  if (is_denied_fast(vip)) return route_of(vip)->advertised_to.empty();
  if (sight_.ladder == nullptr || !sight_.ladder->is_denied(vip)) return false;
  const bool held = std::ranges::any_of(sight_.router->fallback,
                                        [&](const auto& one) { return one.second.denied.contains(vip); });
  return held && route_of(vip)->advertised_to.empty();
}

Problem ServiceSight::stale_problem(const Vip& vip) const {
  std::string text = routes() ? fmt::format("{} is gone from {}'s configuration but still in its BGP table",
                                            vip.prefix, stack())
                              : fmt::format("{} is gone from {} but still in {}'s BGP table", vip.prefix,
                                            spec_.announce.interface, stack());
  if (is_denied_fast(vip)) text += "; denied to the peers since it was withdrawn (router.fast_withdraw)";
  if (sight_.ladder != nullptr) text += fallback_text(vip);
  for (const OtherOrigin& other : route_of(vip)->others) text += fmt::format("; {} has it there", other.by);
  return text;
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
