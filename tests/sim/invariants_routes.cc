// The rules for services whose routes the router announces, and for what the operator says.
#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/invariants.h"

namespace herald::sim {
namespace {

bool has_grade(const ServiceSpec& spec, const Policy& policy, Grade grade) {
  return policy == policy_of(spec, grade);
}

bool any_of(const ServiceSpec& spec, const RouteRules& routes, bool (RouteRules::*is)(const Vip&) const) {
  return std::ranges::any_of(spec.vips, [&](const Vip& vip) { return (routes.*is)(vip); });
}

}  // namespace

void Invariants::administered(const event::Administer& event, TimePoint now) {
  for (ServiceEntry& service : services_) {
    if (service.rules.spec().name == event.service) service.rules.administer(event, now);
  }
}

void Invariants::router_told(TimePoint now) {
  for (ServiceEntry& service : services_) {
    if (!service.rules.routes() || routes_.owned() == nullptr || service.rules.awaits_read()) continue;
    Look look{.taken = true, .ours = routes_.owned_of(service.rules.spec().vips)};
    for (const Vip& vip : service.rules.spec().vips) {
      if (service.rules.is_moving() && !routes_.owned()->contains(vip) && steps_.is_seen_anywhere(vip))
        ++look.elsewhere;
    }
    service.rules.looked(look, now);
  }
}

void Invariants::on(const effect::ApplyRoutes& effect, TimePoint now) {
  for (const IssuedRouteStep& issued : effect.steps) {
    const RouteStep& step = issued.step;
    const ServiceEntry* service = owner(step.vip);
    const auto check = [&](bool holds, std::string_view rule) {
      if (!holds) throw Violation(fmt::format("route \"{}\": {}", to_string(step), rule));
    };
    if (service == nullptr) {
      check_departing(step.vip, step, now);
    } else if (!service->rules.routes()) {  // of a former lever
      check(!step.policy, "nobody is configured to announce it");
      check(service->rules.claim() == ServiceRules::Claim::unwanted ||
                steps_.find_seen({step.vip, service->rules.spec().announce.interface}) != nullptr,
            "withdrawn before its address was seen to announce it");
    } else if (step.policy) {
      check_announcement(*service, step, now);
    } else {
      check(service->rules.claim() == ServiceRules::Claim::unwanted, "a wanted route was withdrawn");
    }
  }
  for (const FallbackStep& step : effect.fallback) {
    for (const Vip& vip : routes_.newly_denied(step)) {
      const ServiceEntry* service = owner(vip);
      const bool unwanted = service != nullptr ? service->rules.claim() == ServiceRules::Claim::unwanted
                                               : leaving_.contains(vip);
      require(unwanted, fmt::format("\"{}\": {} is wanted", to_string(step), vip.prefix));
    }
  }
  for (const DenialStep& step : effect.denials) {
    if (!step.deny) continue;
    require(!stopped_at_, fmt::format("\"{}\": while stopping", to_string(step)));
    const ServiceEntry* service = owner(step.vip);
    const bool unwanted = service != nullptr ? service->rules.claim() == ServiceRules::Claim::unwanted
                                             : leaving_.contains(step.vip);
    require(unwanted, fmt::format("\"{}\": {} is wanted", to_string(step), step.vip.prefix));
  }
  routes_.issued(effect, now);
}

void Invariants::check_announcement(const ServiceEntry& service, const RouteStep& step, TimePoint now) const {
  const ServiceSpec& spec = service.rules.spec();
  const auto check = [&](bool holds, std::string_view rule) {
    if (!holds) throw Violation(fmt::format("route \"{}\": {}", to_string(step), rule));
  };
  check(!stopped_at_, "while stopping");
  check(service.rules.claim() == ServiceRules::Claim::wanted, "it is not wanted");
  const AdminState admin = service.rules.admin(now);
  const bool is_new = !routes_.owned()->contains(step.vip);
  if (admin == AdminState::drain) {
    check(!is_new, "announced anew though it is drained");
    check(has_grade(spec, *step.policy, Grade::draining), "drained, and with another policy");
    return;
  }
  check(has_grade(spec, *step.policy, Grade::healthy) || has_grade(spec, *step.policy, Grade::degraded),
        "with a policy that is not of its grades");
  check(admin == AdminState::force || opinion_of(service).gates == ServiceRules::Gates::up,
        "its gates are not up");
  check(!spec.announce.manage_vip || steps_.find_seen({step.vip, spec.announce.interface}) != nullptr,
        "its VIP was not seen on the interface");
}

void Invariants::check_step_of_route(const ServiceEntry& service, const Step& step, TimePoint now) const {
  const ServiceSpec& spec = service.rules.spec();
  const bool goes = spec.announce.vip_on_down == VipOnDown::remove;
  const ServiceRules::Claim claim = service.rules.claim();
  switch (step.kind) {
    case Step::Kind::add:
      require(spec.announce.manage_vip, "a VIP was added that is not herald's to manage");
      require(!stopped_at_, "a VIP was added while stopping");
      require(!goes || claim == ServiceRules::Claim::wanted ||
                  (claim == ServiceRules::Claim::adopting && routes_.owned_of(spec.vips) > 0),
              "a VIP was added that is not wanted");
      require(!step.lease, "the VIP of a route was added with a lease");
      require(may_lie_there(service),
              "a VIP was added that the router may announce by that, and it is not wanted");
      break;
    case Step::Kind::refresh:
      require(!step.lease, "the VIP of a route was given a lease");
      break;
    case Step::Kind::adopt:
      break;
    case Step::Kind::remove: {
      if (!spec.announce.manage_vip) break;  // a leftover
      require(claim == ServiceRules::Claim::unwanted, "a wanted VIP was removed");
      if (goes_by_itself(service.rules.spec())) break;
      require(goes, "a VIP was removed that stays");
      const auto gone = routes_.gone_since(spec.vips);
      require(gone.has_value(), "a VIP was removed before its route was seen withdrawn");
      require(now >= std::max(*gone, service.rules.unwanted_since()) + spec.drain.linger,
              "a VIP was removed before it had lingered");
    }
  }
}

// Before its route is wanted only a router that does not announce it by itself may have its address.
bool Invariants::may_lie_there(const ServiceEntry& service) const {
  const ServiceSpec& spec = service.rules.spec();
  if (service.rules.claim() == ServiceRules::Claim::wanted || routes_.owned_of(spec.vips) > 0) return true;
  if (any_of(spec, routes_, &RouteRules::is_told)) return false;
  return !any_of(spec, routes_, &RouteRules::has_import) || any_of(spec, routes_, &RouteRules::is_cleared);
}

// Its address announces it, or may do so once nobody looks any more.
bool Invariants::goes_by_itself(const ServiceSpec& spec) const {
  return any_of(spec, routes_, &RouteRules::is_exposed) ||
         (stopped_at_ && any_of(spec, routes_, &RouteRules::has_import));
}

void Invariants::note_addresses() {
  for (const ServiceEntry& service : services_) {
    const ServiceSpec& spec = service.rules.spec();
    for (const Vip& vip : spec.vips) {
      const ObservedAddress* const address = steps_.find({vip, spec.announce.interface});
      if (address != nullptr && address->ours) routes_.note_address(vip);
    }
  }
}

bool Invariants::is_route_lacking(const ServiceEntry& service, const Vip& vip, TimePoint now) const {
  const ServiceSpec& spec = service.rules.spec();
  if (!routes_.may_be_stepped_on(vip)) return false;
  const auto found = routes_.owned()->find(vip);
  const bool is_there = found != routes_.owned()->end();
  if (service.rules.claim() == ServiceRules::Claim::unwanted) return is_there;
  if (service.rules.claim() != ServiceRules::Claim::wanted || stopped_at_) return false;
  const AdminState admin = service.rules.admin(now);
  if (admin == AdminState::drain) return is_there && found->second != policy_of(spec, Grade::draining).name;
  const bool wanted = admin == AdminState::force || opinion_of(service).gates == ServiceRules::Gates::up;
  const bool ready = !spec.announce.manage_vip || steps_.find_seen({vip, spec.announce.interface}) != nullptr;
  if (!wanted || !ready) return false;
  return !is_there || (found->second != policy_of(spec, Grade::healthy).name &&
                       found->second != policy_of(spec, Grade::degraded).name);
}

bool Invariants::is_address_of_route_lacking(const ServiceEntry& service, const AddressKey& key,
                                             TimePoint now) const {
  const ServiceSpec& spec = service.rules.spec();
  if (!spec.announce.manage_vip || steps_.look_failed()) return false;
  const ObservedAddress* address = steps_.find(key);
  const bool goes = spec.announce.vip_on_down == VipOnDown::remove;
  const bool known = service.rules.admin(now) == AdminState::force || routes_.owned_of(spec.vips) > 0 ||
                     opinion_of(service).gates == ServiceRules::Gates::up;
  const bool wanted = service.rules.claim() == ServiceRules::Claim::wanted;
  // Before its route is wanted, only a router that answers can say that it does not announce the address by itself.
  const bool is_asked =
      std::ranges::all_of(spec.vips, [&](const Vip& vip) { return routes_.is_current(vip); });
  if (service.rules.claim() == ServiceRules::Claim::unwanted && is_asked && address != nullptr &&
      address->ours && any_of(spec, routes_, &RouteRules::is_told))
    return true;
  const bool may_be_exposed =
      any_of(spec, routes_, &RouteRules::has_import) || any_of(spec, routes_, &RouteRules::is_exposed);
  if (!goes || wanted)
    return address == nullptr && !stopped_at_ &&
           (goes ? known : (is_asked && !may_be_exposed) || (wanted && known));
  if (service.rules.claim() == ServiceRules::Claim::adopting) return false;
  const auto gone = routes_.gone_since(spec.vips);
  const bool current =
      std::ranges::all_of(spec.vips, [&](const Vip& vip) { return routes_.is_current(vip); });
  // Proved by a read since it is not wanted; where nothing had to be said to the router, none follows at once.
  const auto proved = routes_.first_read_since(service.rules.unwanted_since());
  if (address == nullptr || !address->ours || !gone || !current || !proved) return false;
  return now >= std::max({*gone, *proved, service.rules.changed_at()}) + spec.drain.linger;
}

// What is wanted, or was read back gone by a read that knows of the steps, is not denied.
bool Invariants::is_denied_for_nothing(const ServiceEntry& service, const Vip& vip) const {
  if (!routes_.is_denied(vip) || !routes_.is_current(vip) || stopped_at_) return false;
  if (service.rules.claim() == ServiceRules::Claim::wanted) return true;
  // That its address is gone has to be seen, too.
  return service.rules.claim() == ServiceRules::Claim::unwanted && !routes_.is_in_table(vip) &&
         !steps_.look_failed();
}

void Invariants::check_overdue_routes(TimePoint now) {
  for (const ServiceEntry& service : services_) {
    for (const Vip& vip : service.rules.spec().vips)
      routes_.lingers(vip, is_denied_for_nothing(service, vip), now);
  }
  for (const ServiceEntry& service : services_) {
    if (!service.rules.routes()) continue;
    for (const Vip& vip : service.rules.spec().vips)
      routes_.lacks(vip, is_route_lacking(service, vip, now), now);
  }
}

// Each VIP may be stepped on once before the router has to be read, each time until the deadline of a router that hangs.
Duration Invariants::longest_unread() const {
  Duration longest = 13s;
  for (const ServiceEntry& service : services_) {
    if (service.rules.routes()) longest += 2s * service.rules.spec().vips.size();
  }
  return longest;
}

Duration Invariants::longest_stop() const {
  Duration longest{};
  for (const ServiceEntry& service : services_) {
    const ServiceSpec& spec = service.rules.spec();
    if (service.rules.routes() && spec.announce.vip_on_down == VipOnDown::remove)
      longest = std::max(longest, spec.drain.linger);
  }
  for (const Leaver& one : leavers_) {
    if (!one.vips.empty()) longest = std::max(longest, one.spec.drain.linger);
  }
  return 5s + longest;
}

void Invariants::check_left_routes() const {
  require(!routes_.in_flight(), "a clean exit while routes are under way");
  for (const Vip& vip : routes_.fast_denied()) {
    require(!routes_.answers() || routes_.is_in_table(vip) || owner(vip) == nullptr ||
                owner(vip)->rules.claim() == ServiceRules::Claim::adopting,
            fmt::format("a clean exit left {} denied for nothing", vip.prefix));
  }
  for (const ServiceEntry& service : services_) {
    const ServiceSpec& spec = service.rules.spec();
    if (!service.rules.routes()) continue;
    const bool kept = spec.on_exit == OnExit::keep && service.rules.claim() != ServiceRules::Claim::unwanted;
    require(kept || (routes_.owned() != nullptr && routes_.owned_of(spec.vips) == 0),
            fmt::format("a clean exit left a route of {}", spec.name));
  }
}

}  // namespace herald::sim
