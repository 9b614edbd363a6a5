// How a random world ends: the faults stop, and after a while what is there has to be what is wanted.
#include <fmt/format.h>

#include <algorithm>

#include "sidecar/core/route/policy.h"
#include "tests/sim/random_world.h"

namespace herald::sim {
namespace {

std::string target_name(const ServiceSpec& service, const ProbeSpec& probe) {
  return fmt::format("{}/{}", service.name, probe.name);
}

// What a probe says of a target that is up or dead for good.
bool passes(const ProbeSpec& probe, const Target& target) {
  return (target.mood == Target::Mood::up) != probe.thresholds.invert;
}

bool is_steered(const ServiceSpec& service) {
  return service.announce.via != Via::loopback;
}

}  // namespace

void RandomWorld::calm_down() {
  world_.note("-- the faults stop");
  world_.resume();
  world_.faults() = {.look_delay = plan_.faults.look_delay, .step_delay = plan_.faults.step_delay};
  world_.restore_interface("dummy0");
  world_.router().heal();
  world_.router().catch_up(world_.kernel());
  world_.router().originate();
  for (const ServiceSpec& service : plan_.config.services) {
    for (Admin order : world_.orders(service.name)) {
      if (!order.expires || *order.expires <= world_.now() + 5s) continue;
      order.expires.reset();
      world_.administer({service.name, order});
    }
  }
  for (const std::string& name : targets_) {
    Target& target = world_.target(name);
    target = Target{};
    if (world_.chance(0.3)) target.mood = world_.chance(0.5) ? Target::Mood::failing : Target::Mood::hanging;
    world_.note(fmt::format("-- target {} is {}", name, target.mood == Target::Mood::up ? "up" : "dead"));
  }
  if (world_.runs() && !world_.controller().snapshot(world_.now()).stopping) return;
  world_.crash();
  running_ = plan_.config;
  world_.start(running_);
}

void RandomWorld::check_end() {
  require(world_.runs(), "the process does not run at the end");
  const Snapshot shown = world_.controller().snapshot(world_.now());
  for (std::size_t index = 0; index < running_.services.size(); ++index) {
    check_service(running_.services[index], shown.services[index]);
  }
  check_leftovers();
}

void RandomWorld::check_leftovers() {
  for (const auto& [key, entry] : world_.kernel().addresses()) {
    require(!entry.ours || is_left_for_good(key), "a leftover was left: " + key.vip.prefix);
  }
  for (const AddressKey& key : foreigners_) {
    if (world_.touched_blindly().contains(key)) continue;
    const Kernel::Entry* entry = world_.kernel().find(key);
    require(entry != nullptr && !entry->ours, "somebody else's address was touched: " + key.vip.prefix);
  }
  require(world_.router().fallback.empty() && !world_.router().fallback_remains,
          "something of the fallback was left in the router");
  require(world_.router().denied.empty(), "a denial was left in the router");
  for (const auto& [vip, policy] : world_.router().configuration) {
    require(std::ranges::any_of(running_.services,
                                [&](const ServiceSpec& service) {
                                  if (std::ranges::find(service.vips, vip) == service.vips.end())
                                    return false;
                                  // A former lever's route stays while somebody else has the address's place.
                                  const auto* own = world_.kernel().find({vip, service.announce.interface});
                                  return is_steered(service) || (own != nullptr && !own->ours);
                                }),
            "a leftover was left in the router: " + vip.prefix);
  }
}

// Ours, and where it belongs; or where it was before, since somebody else has its place.
bool RandomWorld::is_left_for_good(const AddressKey& key) const {
  return std::ranges::any_of(running_.services, [&](const ServiceSpec& service) {
    if (std::ranges::find(service.vips, key.vip) == service.vips.end()) return false;
    const Kernel::Entry* own = world_.kernel().find({key.vip, service.announce.interface});
    return service.announce.interface == key.interface || (own != nullptr && !own->ours);
  });
}

bool RandomWorld::is_wanted(const ServiceSpec& service) {
  const AdminState said = judge_orders(world_.orders(service.name), world_.now());
  if (said != AdminState::automatic) return said == AdminState::force;
  std::size_t gates = 0, up = 0;
  for (const ProbeSpec& probe : service.probes) {
    if (probe.role != Role::gate) continue;
    ++gates;
    if (passes(probe, world_.target(target_name(service, probe)))) ++up;
  }
  return judge_gates(service.require, gates, up, gates - up) == ServiceRules::Gates::up;
}

void RandomWorld::check_addresses(const ServiceSpec& service, bool wanted) {
  const AnnounceSpec& announce = service.announce;
  const bool stays = is_steered(service) && announce.vip_on_down == VipOnDown::keep;
  for (const Vip& vip : service.vips) {
    const Kernel::Entry* entry = world_.kernel().find({vip, announce.interface});
    if (entry != nullptr && !entry->ours) continue;
    // Where a filter leaves it out it may have been seen to be harmless, or not.
    const bool kept_off = stays && !wanted && plan_.import;
    if (kept_off && !plan_.takes_all) continue;
    require((entry != nullptr) == (announce.manage_vip && (wanted || (stays && !kept_off))),
            fmt::format("at the end {} is {}there", vip.prefix, entry == nullptr ? "not " : ""));
  }
}

void RandomWorld::check_routes(const ServiceSpec& service, bool wanted) {
  const bool degraded = std::ranges::any_of(service.probes, [&](const ProbeSpec& probe) {
    return probe.role == Role::degrade && !passes(probe, world_.target(target_name(service, probe)));
  });
  for (const Vip& vip : service.vips) {
    const OwnedRoutes& held = world_.router().configuration;
    const auto found = held.find(vip);
    require(
        (found != held.end()) == wanted,
        fmt::format("at the end the router {} {}", wanted ? "does not announce" : "announces", vip.prefix));
    if (!wanted) continue;
    const bool is_forced = world_.was_ordered(service.name);  // then its grade may be of long ago
    const std::string policy = policy_of(service, degraded ? Grade::degraded : Grade::healthy).name;
    require(found->second == policy || is_forced,
            fmt::format("at the end the router announces {} with {}, not with {}", vip.prefix, found->second,
                        policy));
  }
}

void RandomWorld::check_service(const ServiceSpec& service, const ServiceSnapshot& shown) {
  const bool wanted = is_wanted(service);
  check_addresses(service, wanted);
  if (is_steered(service)) check_routes(service, wanted);
  const bool has_foreign = std::ranges::any_of(service.vips, [&](const Vip& vip) {
    const Kernel::Entry* entry = world_.kernel().find({vip, service.announce.interface});
    return !is_steered(service) && entry != nullptr && !entry->ours;
  });
  const std::string_view state = name_of(shown.state);
  // What the router makes of somebody else's address, no wish of herald's ends.
  const auto told = world_.router().view(service.vips).routes;
  const bool is_announced_by_others =
      running_.router.stack != Stack::none && !wanted && std::ranges::any_of(told, [](const auto& one) {
        return one.second.in_rib && !one.second.advertised_to.empty();
      });
  const std::string_view expected = is_announced_by_others ? "withdrawing"
                                    : !wanted              ? "withdrawn"
                                    : has_foreign          ? "announcing"
                                                           : "announced";
  require(state == expected, fmt::format("at the end {} is {}, not {}: {}", service.name, state, expected,
                                         shown.problem.value_or("")));
}

}  // namespace herald::sim
