#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "sidecar/core/route/policy.h"
#include "tests/sim/random_world.h"

namespace herald::sim {
namespace {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  bool chance(double probability) { return std::bernoulli_distribution(probability)(random_); }
  double real(double least, double most) {
    return std::uniform_real_distribution<double>(least, most)(random_);
  }
  std::uint32_t number(std::uint32_t least, std::uint32_t most) {
    return std::uniform_int_distribution<std::uint32_t>(least, most)(random_);
  }
  Duration seconds(std::uint32_t least, std::uint32_t most) {
    return std::chrono::seconds(number(least, most));
  }
  template <typename Item, std::size_t Size>
  Item one_of(const std::array<Item, Size>& items) {
    return items[number(0, Size - 1)];
  }
  // A fault's probability: absent from half of the worlds.
  double fault(double hell, double most) { return chance(0.5) ? hell * real(0, most) : 0; }

 private:
  Random random_;
};

ProbeTiming draw_timing(Dice& dice) {
  ProbeTiming timing;
  timing.interval = dice.one_of(std::array<Duration, 4>{500ms, 1s, 1s, 2s});
  timing.fast_interval = dice.one_of(std::array<Duration, 3>{100ms, 250ms, 500ms});
  timing.down_interval = dice.chance(0.3) ? 2 * timing.interval : timing.interval;
  timing.timeout = timing.interval * dice.number(2, 10) / 10;
  timing.jitter = dice.chance(0.8) ? 0.05 : 0;
  return timing;
}

ProbeThresholds draw_thresholds(Dice& dice) {
  ProbeThresholds thresholds;
  thresholds.rise = dice.number(1, 5);
  thresholds.fall = dice.number(1, 4);
  if (dice.chance(0.2)) {
    const std::uint32_t of = dice.number(4, 10);
    thresholds.window = Window{dice.number(2, of), of};
  }
  if (dice.chance(0.2)) {
    thresholds.hard_fail = {dice.one_of(std::array{Reason::refused, Reason::timeout, Reason::status})};
  }
  thresholds.invert = dice.chance(0.05);
  return thresholds;
}

// Of dice of its own, so that the worlds are what they were before. `auto` suspects by what a target is like.
void draw_overlap(std::uint64_t seed, Config& config) {
  Dice dice(seed * 2654435761U + 11);
  if (dice.chance(0.4)) return;
  for (ServiceSpec& service : config.services) {
    for (ProbeSpec& probe : service.probes) {
      probe.overlap.is_on = dice.chance(0.6);
      if (dice.chance(0.4)) probe.overlap.suspect = probe.timing.timeout * dice.number(1, 19) / 20;
    }
  }
}

ServiceSpec draw_service(Dice& dice, std::uint32_t number, std::uint32_t most_probes) {
  ServiceSpec service;
  service.name = fmt::format("s{}", number);
  for (std::uint32_t vip = 0; vip < (dice.chance(0.25) ? 2U : 1U); ++vip) {
    service.vips.push_back({fmt::format("10.99.{}.{}/32", number, vip + 1)});
  }
  service.announce.interface = dice.chance(0.75) ? "lo" : "dummy0";
  service.announce.lease =
      dice.one_of(std::array<std::optional<Duration>, 5>{std::nullopt, 5s, 10s, 30s, 30s});
  const std::uint32_t probes = dice.number(1, most_probes);
  std::uint32_t gates = 0;
  for (std::uint32_t index = 0; index < probes; ++index) {
    ProbeSpec probe;
    probe.name = fmt::format("p{}", index);
    probe.type = "simulated";
    if (index > 0 && dice.chance(0.3)) probe.role = dice.chance(0.6) ? Role::degrade : Role::info;
    probe.timing = draw_timing(dice);
    probe.thresholds = draw_thresholds(dice);
    if (probe.role == Role::gate) ++gates;
    service.probes.push_back(probe);
  }
  const auto kind = dice.one_of(
      std::array{Require::Kind::all, Require::Kind::all, Require::Kind::any, Require::Kind::at_least});
  service.require = {kind, kind == Require::Kind::at_least ? dice.number(1, gates) : 0};
  if (dice.chance(0.3)) service.hold_down = dice.seconds(1, 15);
  if (dice.chance(0.3)) {
    service.damping =
        Damping{dice.seconds(5, 20), dice.real(1000, 2500), dice.real(500, 1000), dice.seconds(20, 60)};
  }
  service.adopt_timeout = dice.seconds(5, 20);
  if (dice.chance(0.3)) service.unknown_limit = dice.seconds(2, 40);
  service.on_exit = dice.chance(0.3) ? OnExit::keep : OnExit::withdraw;
  return service;
}

constexpr Duration kLongestDrain = 8s + 12s;

// In place of the loopback lever.
void draw_lever(Dice& dice, Via via, ServiceSpec& service) {
  AnnounceSpec& announce = service.announce;
  announce.via = via;
  announce.lease.reset();
  announce.manage_vip = dice.chance(0.85);
  announce.vip_on_down = dice.chance(0.5) ? VipOnDown::remove : VipOnDown::keep;
  if (dice.chance(0.5))
    announce.attributes[static_cast<std::size_t>(Grade::degraded)] = Attributes{.prepend = 2};
  if (dice.chance(0.6))
    announce.attributes[static_cast<std::size_t>(Grade::draining)] = Attributes{.prepend = 3};
  service.drain = {dice.seconds(0, 8), dice.seconds(0, 12)};
}

void change_lever(Dice& dice, Stack stack, ServiceSpec& service) {
  if (service.announce.via == Via::loopback)
    return draw_lever(dice, stack == Stack::frr ? Via::vtysh : Via::birdc, service);
  const std::string interface = service.announce.interface;
  service.announce = {};
  service.announce.interface = interface;
  service.announce.lease = 10s;
}

// Most gates ask one of two targets, so that they fail together.
void draw_brake(Dice& dice, Config& config) {
  config.brake = BrakeSpec{dice.real(0.2, 0.7), dice.number(2, 3), dice.seconds(2, 10)};
  for (ServiceSpec& service : config.services) {
    for (ProbeSpec& probe : service.probes) {
      if (dice.chance(0.8)) probe.target = dice.chance(0.8) ? "shared:0" : "shared:1";
    }
  }
}

void move_interface(ServiceSpec& service) {
  service.announce.interface = other_interface(service.announce.interface);
}

// Somebody else may have got them meanwhile.
ServiceSpec without_vips_of(const std::vector<ServiceSpec>& services, ServiceSpec service) {
  std::erase_if(service.vips, [&](const Vip& vip) {
    return std::ranges::any_of(services, [&](const ServiceSpec& other) {
      return std::ranges::find(other.vips, vip) != other.vips.end();
    });
  });
  return service;
}

Faults draw_faults(Dice& dice, double hell) {
  Faults faults;
  faults.look_fails = dice.fault(hell, 0.3);
  faults.step_fails = dice.fault(hell, 0.4);
  faults.step_lies = dice.fault(hell, 0.3);
  faults.step_denies = dice.fault(hell, 0.3);
  faults.crash_in_step = dice.fault(hell, 0.1);
  faults.notification_lost = dice.fault(hell, 0.8);
  faults.stage_lost = dice.fault(hell, 0.5);
  faults.late_answer = dice.fault(hell, 0.8);
  faults.worker_busy = dice.fault(hell, 0.3);
  if (dice.chance(0.5))
    faults.word_delay = std::chrono::milliseconds(dice.number(1, dice.chance(0.1) ? 1500 : 50));
  faults.router_times_out = dice.fault(hell, 0.3);
  faults.router_stale = dice.fault(hell, 0.3);
  faults.route_fails = dice.fault(hell, 0.4);
  faults.route_lies = dice.fault(hell, 0.3);
  faults.route_denies = dice.fault(hell, 0.3);
  faults.route_hangs = dice.fault(hell, 0.3);
  if (dice.chance(0.5)) faults.route_delay = std::chrono::milliseconds(dice.number(0, 500));
  // As in the daemon, looks and steps are done before their effect returns; later ones take them elsewhere.
  if (dice.chance(0.5)) faults.look_delay = std::chrono::milliseconds(dice.number(1, 300));
  if (dice.chance(0.5)) faults.step_delay = std::chrono::milliseconds(dice.number(1, 300));
  faults.router_delay = std::chrono::milliseconds(dice.number(10, 1000));
  return faults;
}

Rates draw_rates(Dice& dice, double hell) {
  Rates rates;
  rates.moods = dice.real(0, 6);
  rates.crashes = dice.fault(hell, 2);
  rates.stalls = dice.fault(hell, 3);
  rates.stops = dice.fault(hell, 1);
  rates.deletions = dice.fault(hell, 6);
  rates.fights = dice.fault(hell, 1);
  rates.foreigners = dice.fault(hell, 2);
  rates.leftovers = dice.fault(hell, 1);
  rates.interfaces = dice.fault(hell, 1);
  rates.blindness = dice.fault(hell, 1);
  rates.routers = dice.fault(hell, 3);
  rates.words = dice.chance(0.7) ? dice.real(0, 6) : 0;
  rates.typists = dice.fault(hell, 4);
  rates.handovers = dice.fault(hell, 1);
  rates.clearings = dice.chance(0.2) ? dice.real(0, 4) : 0;
  rates.reloads = dice.chance(0.6) ? dice.real(0, 4) : 0;
  return rates;
}

// By dice of its own, so that the seeds of other worlds keep their meaning.
void draw_fallback(std::uint64_t seed, Plan& plan) {
  Dice dice(seed * 40503U + 7);
  plan.config.router.fallback =
      dice.one_of(std::array{FallbackLevel::off, FallbackLevel::deny, FallbackLevel::shutdown});
  plan.config.router.fallback_after = dice.seconds(1, 4);
  if (dice.chance(0.6)) plan.rates.deafness = dice.real(1, 4);
}

// By dice of its own, too.
void draw_fast_withdraw(std::uint64_t seed, Plan& plan) {
  Dice dice(seed * 22695477U + 13);
  plan.config.router.fast_withdraw = dice.chance(0.7);
  plan.takes_part = dice.chance(0.8);
  plan.denied_before = dice.chance(0.3);
}

// By dice of its own, too. In half of the worlds the router tells nothing of it.
void draw_import(std::uint64_t seed, Plan& plan) {
  Dice dice(seed * 69069U + 11);
  if (dice.chance(0.5)) return;
  const bool filtered = dice.chance(0.5);
  plan.import = InterfaceImport{"redistribute connected", filtered};
  plan.takes_all = !filtered || dice.chance(0.5);
}

}  // namespace

std::string other_interface(const std::string& interface) {
  return interface == "lo" ? "dummy0" : "lo";
}

Plan draw_plan(std::uint64_t seed) {
  Dice dice(seed * 2654435761U + 1);
  Plan plan;
  plan.config.router.stack = dice.one_of(std::array{Stack::none, Stack::frr, Stack::bird});
  const std::uint32_t services = dice.number(1, 4);
  for (std::uint32_t index = 0; index < services; ++index) {
    plan.config.services.push_back(draw_service(dice, index, services == 1 ? 6 : 2));
  }
  const Stack stack = plan.config.router.stack;
  for (ServiceSpec& service : plan.config.services) {
    if (stack != Stack::none && dice.chance(0.6))
      draw_lever(dice, stack == Stack::frr ? Via::vtysh : Via::birdc, service);
  }
  const bool brakes = dice.chance(0.4);
  if (brakes) draw_brake(dice, plan.config);
  const double hell = dice.chance(0.2) ? 0 : dice.real(0.1, 1);
  plan.faults = draw_faults(dice, hell);
  plan.rates = draw_rates(dice, hell);
  if (stack == Stack::frr) draw_fallback(seed, plan);
  if (stack == Stack::frr) draw_fast_withdraw(seed, plan);
  if (stack != Stack::none) draw_import(seed, plan);
  if (brakes) plan.rates.outages = dice.real(0, 4);
  draw_overlap(seed, plan.config);
  plan.chaos = dice.seconds(30, 150);
  plan.quiet = 45s;
  // Any service may get a lever of any sort by a reload.
  for (const ServiceSpec& service : plan.config.services) {
    const Duration held = service.hold_down + (service.damping ? service.damping->max_suppress : 0s);
    plan.quiet = std::max(plan.quiet,
                          30s + held + service.adopt_timeout + (stack == Stack::none ? 0s : kLongestDrain));
  }
  if (brakes) plan.quiet += plan.config.brake->hold;
  return plan;
}

Edit edit(const Config& running, const Config& full, std::uint64_t seed) {
  Dice dice(seed);
  Edit edit{running, {}};
  std::vector<ServiceSpec>& services = edit.config.services;
  std::vector<ServiceSpec> missing;
  std::ranges::copy_if(full.services, std::back_inserter(missing), [&](const ServiceSpec& service) {
    return std::ranges::find(services, service.name, &ServiceSpec::name) == services.end();
  });
  const std::vector<ServiceSpec>& candidates =
      services.empty() || (!missing.empty() && dice.chance(0.6)) ? missing : services;
  const ServiceSpec chosen = candidates[dice.number(0, static_cast<std::uint32_t>(candidates.size()) - 1)];
  const auto found = std::ranges::find(services, chosen.name, &ServiceSpec::name);
  if (found == services.end()) {
    services.push_back(without_vips_of(services, chosen));
    if (services.back().vips.empty()) services.pop_back();
    edit.what = "nothing";
    if (services.empty() || services.back().name != chosen.name) return edit;
    if (dice.chance(0.5)) move_interface(services.back());
    edit.what = "returned services";
  } else if (dice.chance(0.2)) {
    services.erase(found);
    edit.what = "dropped services";
  } else if (dice.chance(0.6)) {
    move_interface(*found);
    edit.what = "moved services";
  } else {
    for (ProbeSpec& probe : found->probes) probe.thresholds = draw_thresholds(dice);
    edit.what = "changed thresholds";
  }
  return edit;
}

Edit edit_alive(const Config& running, const Config& full, std::uint64_t seed) {
  Dice dice(seed);
  Edit alive{running, {}};
  std::vector<ServiceSpec>& services = alive.config.services;
  if (services.empty() || dice.chance(0.4)) return edit(running, full, seed);
  const auto some = [&]() -> ServiceSpec& {
    return services[dice.number(0, static_cast<std::uint32_t>(services.size()) - 1)];
  };
  ServiceSpec& chosen = some();
  ProbeSpec& probe = chosen.probes[dice.number(0, static_cast<std::uint32_t>(chosen.probes.size()) - 1)];
  switch (dice.number(0, running.router.stack == Stack::none ? 2 : 3)) {
    case 0:
      std::swap(chosen.vips, some().vips);
      alive.what = "swapped VIPs";
      break;
    case 1:
      probe.settings += "x";
      alive.what = "other targets";
      break;
    case 2:
      probe.timing = draw_timing(dice);
      if (probe.overlap.is_on) probe.overlap.is_on = dice.chance(0.5);
      alive.what = "other times";
      break;
    default:
      change_lever(dice, running.router.stack, chosen);
      alive.what = "other levers";
  }
  return alive;
}

std::string describe(const Plan& plan) {
  const Faults& faults = plan.faults;
  const Rates& rates = plan.rates;
  const auto ms = [](Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  };
  std::string text = fmt::format(
      "stack {}, import {}{}, fallback {} after {} ms, chaos {} ms, quiet {} ms\n"
      "  probabilities: look fails {:.2f}; step fails {:.2f}, lies {:.2f}, denies {:.2f}, crashes {:.2f}; "
      "notification lost "
      "{:.2f}; stage lost "
      "{:.2f}; late answer {:.2f}; worker busy {:.2f}; router times out {:.2f}, stale {:.2f}; route fails "
      "{:.2f}, lies {:.2f}, "
      "denies {:.2f}, "
      "hangs {:.2f}\n"
      "  delays: word {} ms, look {} ms, step {} ms, router {} ms, routes {} ms\n"
      "  a minute: moods {:.1f}, crashes {:.1f}, stalls {:.1f}, stops {:.1f}, deletions {:.1f}, fights "
      "{:.1f}, foreigners "
      "{:.1f}, leftovers {:.1f}, interfaces {:.1f}, blindness {:.1f}, routers {:.1f}, deafness {:.1f}, words "
      "{:.1f}, typists "
      "{:.1f}, handovers {:.1f}, reloads {:.1f}\n",
      name_of(plan.config.router.stack),
      !plan.import            ? "untold"
      : plan.import->filtered ? "filtered"
                              : "plain",
      plan.takes_all ? " of all" : "", name_of(plan.config.router.fallback),
      ms(plan.config.router.fallback_after), ms(plan.chaos), ms(plan.quiet), faults.look_fails,
      faults.step_fails, faults.step_lies, faults.step_denies, faults.crash_in_step, faults.notification_lost,
      faults.stage_lost, faults.late_answer, faults.worker_busy, faults.router_times_out, faults.router_stale,
      faults.route_fails, faults.route_lies, faults.route_denies, faults.route_hangs, ms(faults.word_delay),
      ms(faults.look_delay), ms(faults.step_delay), ms(faults.router_delay), ms(faults.route_delay),
      rates.moods, rates.crashes, rates.stalls, rates.stops, rates.deletions, rates.fights, rates.foreigners,
      rates.leftovers, rates.interfaces, rates.blindness, rates.routers, rates.deafness, rates.words,
      rates.typists, rates.handovers, rates.reloads);
  for (const ServiceSpec& service : plan.config.services) {
    text += fmt::format(
        "  service {} by {} on {}: {} VIPs{}, VIP {} on down, drain {} ms{} and linger {} ms, lease {} ms, "
        "require {} {}, hold_down {} ms, damping {}, adopt {} ms, unknown {} ms, "
        "{}\n",
        service.name, name_of(service.announce.via), service.announce.interface, service.vips.size(),
        service.announce.manage_vip ? "" : " not managed",
        service.announce.vip_on_down == VipOnDown::keep ? "stays" : "goes", ms(service.drain.delay),
        has_draining(service.announce) ? " shown" : "", ms(service.drain.linger),
        service.announce.lease ? ms(*service.announce.lease) : 0, static_cast<int>(service.require.kind),
        service.require.count, ms(service.hold_down), service.damping ? "on" : "off",
        ms(service.adopt_timeout), ms(service.unknown_limit.value_or(Duration{})),
        service.on_exit == OnExit::keep ? "keep" : "withdraw");
    for (const ProbeSpec& probe : service.probes) {
      text += fmt::format(
          "    probe {} {}: interval {} ms, fast {} ms, down {} ms, timeout {} ms, rise {}, fall "
          "{}{}{}{}{}\n",
          probe.name, name_of(probe.role), ms(probe.timing.interval), ms(probe.timing.fast_interval),
          ms(probe.timing.down_interval), ms(probe.timing.timeout), probe.thresholds.rise,
          probe.thresholds.fall,
          probe.thresholds.window
              ? fmt::format(", window {}/{}", probe.thresholds.window->fail, probe.thresholds.window->of)
              : "",
          probe.thresholds.hard_fail.empty()
              ? ""
              : fmt::format(", hard {}", name_of(probe.thresholds.hard_fail[0])),
          probe.thresholds.invert ? ", invert" : "",
          !probe.overlap.is_on     ? ""
          : !probe.overlap.suspect ? ", overlap"
                                   : fmt::format(", overlap from {} ms", ms(*probe.overlap.suspect)));
    }
  }
  return text;
}

}  // namespace herald::sim
