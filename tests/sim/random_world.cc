#include "tests/sim/random_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace herald::sim {
namespace {

constexpr Duration kLongestPause = 20s;  // between a crash and the restart

std::string target_name(const ServiceSpec& service, const ProbeSpec& probe) {
  return fmt::format("{}/{}", service.name, probe.name);
}

}  // namespace

RandomWorld::RandomWorld(std::uint64_t seed, Transcript::Detail detail, std::size_t lines)
    : plan_(draw_plan(seed)),
      world_(seed, plan_.faults, detail, lines),
      chaos_ends_(kBeginning + plan_.chaos),
      running_(plan_.config),
      withdrawals_(seed),
      nudging_(seed) {
  for (const ServiceSpec& service : plan_.config.services) {
    for (const ProbeSpec& probe : service.probes) targets_.push_back(target_name(service, probe));
  }
  world_.router().import = plan_.import;
  world_.router().takes_all = plan_.takes_all;
  world_.router().takes_part = plan_.takes_part;
  if (plan_.denied_before)  // an earlier herald's, of another configuration too
    world_.router().denied = {plan_.config.services.front().vips.front(), Vip{"10.99.202.3/32"}};
  world_.when_it_crashes([this] { restart_after(world_.up_to(kLongestPause)); });
}

void RandomWorld::run() {
  if (world_.chance(0.3)) {
    AddressKey found = some_vip();
    if (world_.chance(0.3)) found.interface = other_interface(found.interface);
    world_.put_address(found, true, 20s);
  }
  for (const ServiceSpec& service : plan_.config.services) {
    for (const Vip& vip : service.vips) {
      if (!service.announce.manage_vip)
        world_.put_address({vip, service.announce.interface}, false, std::nullopt);
    }
  }
  if (world_.chance(0.3)) type_into_router();
  world_.start(running_);
  interfere();
  world_.run_until(chaos_ends_);
  calm_down();
  world_.run_until(chaos_ends_ + plan_.quiet);
  check_end();
}

// ---- chaos -----------------------------------------------------------------------------------------------------

void RandomWorld::interfere() {
  const Rates& rates = plan_.rates;
  every(rates.moods * static_cast<double>(targets_.size()), "moods", [this] { change_mood(); });
  every(rates.outages, "outages", [this] { break_shared(); });
  every(rates.crashes, "crash", [this] { crash(); });
  every(rates.stalls, "stall", [this] { stall(); });
  every(rates.stops, "stop", [this] { stop(); });
  every(rates.deletions, "deletions", [this] { remove(some_vip()); });
  every(rates.fights, "fights", [this] { fight(); });
  every(rates.foreigners, "foreigners", [this] { add_foreigner(); });
  every(rates.leftovers, "leftovers", [this] { add_leftover(); });
  every(rates.interfaces, "interfaces", [this] { lose_interface(); });
  every(rates.blindness, "blindness", [this] { go_blind(); });
  every(rates.routers, "router troubles", [this] { trouble_router(); });
  every(rates.deafness, "deafness", [this] { deafen_router(); });
  every(rates.words, "words", [this] { say_a_word(); });
  every(rates.words, "asks", [this] { ask_for_attempts(); });
  every(rates.clearings, "clearings", [this] { clear_damping(); });
  every(rates.typists, "typists", [this] { type_into_router(); });
  every(rates.handovers, "handovers", [this] { hand_over(); });
  every(rates.reloads, "reloads", [this] { reload(); });
  if (nudging_.any()) forge_nudges();
}

void RandomWorld::every(double per_minute, const std::string& what, std::function<void()> action) {
  if (per_minute > 0)
    schedule(Duration(static_cast<Duration::rep>(60e9 / per_minute)), what, std::move(action));
}

void RandomWorld::schedule(Duration mean, const std::string& what, std::function<void()> action) {
  const double wait =
      std::exponential_distribution<double>(1)(world_.random()) * static_cast<double>(mean.count());
  world_.at(world_.now() + Duration(static_cast<Duration::rep>(wait)),
            [this, mean, what, action = std::move(action)] {
              if (!is_chaos()) return;
              world_.count(what);
              action();
              schedule(mean, what, action);
            });
}

void RandomWorld::change_mood() {
  static constexpr std::array kMoods{
      Target::Mood::up,      Target::Mood::up,       Target::Mood::up,
      Target::Mood::failing, Target::Mood::hanging,  Target::Mood::slow,
      Target::Mood::warning, Target::Mood::flapping, Target::Mood::inconclusive};
  static constexpr std::array kReasons{Reason::refused, Reason::status, Reason::reset};
  const std::string& name = targets_[world_.random()() % targets_.size()];
  Target& target = world_.target(name);
  target.mood = kMoods[world_.random()() % kMoods.size()];
  target.reason = kReasons[world_.random()() % kReasons.size()];
  target.latency = target.mood == Target::Mood::slow ? world_.up_to(3s) : world_.up_to(50ms);
  target.unreliable = std::uniform_real_distribution<double>(0, 1)(world_.random());
  if (target.mood == Target::Mood::failing && target.reason == Reason::refused) nudge(name);
  world_.note(fmt::format("-- target {} is in mood {} ({})", name, static_cast<int>(target.mood),
                          name_of(target.reason)));
}

// Its listener is gone, and the kernel says so.
void RandomWorld::nudge(const std::string& target) {
  if (!nudging_.any()) return;
  const auto after = nudging_.told_after();
  if (!after) return world_.count("lost nudges");
  world_.at(world_.now() + *after, [this, target] { world_.nudge(target, Nudge::listener_gone); });
}

void RandomWorld::forge_nudges() {
  world_.at(world_.now() + nudging_.wait(), [this] {
    if (!is_chaos()) return;
    for (const Nudging::Forged& one : nudging_.forge(targets_.size())) {
      world_.at(world_.now() + one.after, [this, one] { world_.nudge(targets_[one.target], one.why); });
    }
    forge_nudges();
  });
}

// Mostly it hangs; now and then it is then killed.
void RandomWorld::break_shared() {
  const std::string shared = fmt::format("shared:{}", world_.random()() % 2);
  const bool hangs = world_.chance(0.8);
  const bool starves = hangs && world_.chance(0.3);  // the machine: nobody answers, and herald runs late
  const auto set = [this, shared, starves](const Target& target) {
    for (const ServiceSpec& service : plan_.config.services) {
      for (const ProbeSpec& probe : service.probes) {
        if (!starves && probe.target != shared) continue;
        world_.target(target_name(service, probe)) = target;
        if (target.mood == Target::Mood::failing) nudge(target_name(service, probe));
      }
    }
  };
  world_.note(fmt::format("-- {} {}", starves ? "everything" : shared, hangs ? "hangs" : "refuses"));
  if (starves) {
    world_.at(world_.now() + world_.up_to(2s), [this] {
      if (is_chaos()) world_.stall(Duration(150ms) + world_.up_to(400ms));
    });
  }
  set({.mood = hangs ? Target::Mood::hanging : Target::Mood::failing});
  const Duration lasts = world_.up_to(25s);
  if (hangs && world_.chance(0.2)) {
    world_.at(world_.now() + lasts / 2, [this, set, shared] {
      if (!is_chaos()) return;
      world_.note(fmt::format("-- {} is killed", shared));
      set({.mood = Target::Mood::failing});
    });
  }
  world_.at(world_.now() + lasts, [this, set, shared] {
    if (!is_chaos()) return;
    world_.note(fmt::format("-- {} is up", shared));
    set({});
  });
}

void RandomWorld::crash() {
  if (!world_.runs()) return;
  world_.crash();
  restart_after(world_.up_to(kLongestPause));
}

void RandomWorld::restart_after(Duration pause) {
  const Config former = running_;
  if (world_.chance(0.4)) {
    Edit edited = edit(running_, plan_.config, world_.random()());
    world_.note("-- the configuration is edited: " + edited.what);
    world_.count(edited.what);
    running_ = std::move(edited.config);
  }
  withdraw(former);
  start_after(pause);
}

void RandomWorld::stall() {
  const bool is_long = world_.chance(0.4);
  world_.stall(world_.up_to(is_long ? Duration(60s) : Duration(3s)));
  if (is_long) world_.count("long stalls");
}

void RandomWorld::stop() {
  world_.terminate();
  replace_within(6s, world_.up_to(kLongestPause));
}

void RandomWorld::hand_over() {
  world_.hand_over();
  replace_within(5s, world_.up_to(2s));
}

void RandomWorld::reload() {
  if (!world_.runs() || world_.controller().stopping() || world_.is_stalled()) return;
  for (std::uint64_t edits = 1 + world_.random()() % 3; edits > 0; --edits) {
    Edit edited = edit_alive(running_, plan_.config, world_.random()());
    world_.note("-- the configuration is edited: " + edited.what);
    world_.count("alive: " + edited.what);
    running_ = std::move(edited.config);
  }
  world_.reload(running_);
}

// systemd kills what has not gone in time.
void RandomWorld::replace_within(Duration patience, Duration pause) {
  world_.at(world_.now() + patience, [this, pause] {
    if (!is_chaos()) return;
    if (world_.runs()) world_.crash();
    restart_after(pause);
  });
}

AddressKey RandomWorld::some_vip() {
  const std::vector<ServiceSpec>& services =
      running_.services.empty() ? plan_.config.services : running_.services;
  const ServiceSpec& service = services[world_.random()() % services.size()];
  return {service.vips[world_.random()() % service.vips.size()], service.announce.interface};
}

void RandomWorld::remove(const AddressKey& key) {
  foreigners_.erase(key);
  world_.remove_address(key);
}

void RandomWorld::fight() {
  const AddressKey key = some_vip();
  const Duration pause = world_.up_to(400ms) + 1ms;
  const TimePoint end = world_.now() + world_.up_to(15s);
  for (TimePoint when = world_.now(); when < end; when += pause) {
    world_.at(when, [this, key] { remove(key); });
  }
}

void RandomWorld::add_foreigner() {
  AddressKey key = some_vip();
  if (world_.chance(0.2)) key.interface = other_interface(key.interface);
  if (world_.chance(0.3)) key = {{fmt::format("192.0.2.{}/32", world_.random()() % 250)}, "lo"};
  if (world_.kernel().find(key) != nullptr) return;
  world_.put_address(key, false, std::nullopt);
  if (world_.kernel().find(key) == nullptr) return;  // its interface is not there
  if (world_.chance(0.7)) {
    world_.at(world_.now() + world_.up_to(30s), [this, key] { remove(key); });
  } else {
    foreigners_.insert(key);
  }
}

void RandomWorld::add_leftover() {
  const AddressKey key{{fmt::format("10.99.200.{}/32", world_.random()() % 250)},
                       world_.chance(0.5) ? "lo" : "dummy0"};
  if (world_.kernel().find(key) == nullptr) {
    world_.put_address(key, true, world_.chance(0.5) ? std::optional<Duration>(20s) : std::nullopt);
  }
}

void RandomWorld::lose_interface() {
  world_.remove_interface("dummy0");
  std::erase_if(foreigners_, [](const AddressKey& key) { return key.interface == "dummy0"; });
  world_.at(world_.now() + world_.up_to(20s), [this] { world_.restore_interface("dummy0"); });
}

void RandomWorld::go_blind() {
  world_.note("-- looks begin to fail");
  world_.faults().look_fails = 1;
  world_.at(world_.now() + world_.up_to(40s), [this] {
    if (!is_chaos()) return;
    world_.note("-- looks work again");
    world_.faults().look_fails = plan_.faults.look_fails;
  });
}

void RandomWorld::trouble_router() {
  Router& router = world_.router();
  const TimePoint until = world_.now() + world_.up_to(20s);
  bool* const broken = std::array{&router.answers, &router.redistributes, &router.established,
                                  &router.permits}[world_.random()() % 4];
  if (world_.chance(0.4)) return world_.restart_router(world_.up_to(10s));
  *broken = false;
  world_.at(until, [broken] { *broken = true; });
}

void RandomWorld::deafen_router() {
  world_.note("-- the router hears nothing any more");
  world_.router().hears = false;
  world_.router().denies = world_.chance(0.6);
  world_.at(world_.now() + world_.up_to(60s), [this] {
    world_.note("-- the router hears again");
    world_.router().hears = world_.router().denies = true;
    world_.router().catch_up(world_.kernel());
    world_.router().originate();
  });
}

void RandomWorld::say_a_word() {
  const ServiceSpec& service = plan_.config.services[world_.random()() % plan_.config.services.size()];
  const std::vector<Admin> orders = world_.orders(service.name);
  const bool stands = judge_orders(orders, world_.now()) != AdminState::automatic;
  Admin admin{.reason = "", .who = some_operator(), .since = world_.now()};
  Ends ends;
  if (!stands || world_.chance(0.4)) {
    admin.state = world_.chance(0.7) ? AdminState::drain : AdminState::force;
    if (world_.chance(0.4)) admin.expires = world_.now() + world_.up_to(30s);
  } else if (!world_.chance(0.3)) {  // else everybody's end
    ends.state = world_.chance(0.7) ? AdminState::drain : AdminState::force;
    if (world_.chance(0.8)) ends.whose = orders[world_.random()() % orders.size()].who;
  }
  world_.administer({service.name, admin, ends});
}

std::string RandomWorld::some_operator() {
  static const std::array<const char*, 4> kNames{"root", "ann", "bob", "playbook"};
  return kNames.at(world_.random()() % kNames.size());
}

void RandomWorld::ask_for_attempts() {
  const bool counts = world_.chance(0.5);
  std::uint32_t probe = 0;
  for (const ServiceSpec& service : running_.services) {
    for (std::size_t i = 0; i < service.probes.size(); ++i, ++probe) {
      if (world_.chance(0.5)) world_.ask_for_attempt(ProbeId{probe}, counts);
    }
  }
}

void RandomWorld::clear_damping() {
  world_.clear_damping(plan_.config.services[world_.random()() % plan_.config.services.size()].name);
}

void RandomWorld::type_into_router() {
  if (running_.router.stack == Stack::none) return;
  const Vip vip =
      world_.chance(0.2) ? Vip{fmt::format("10.99.201.{}/32", world_.random()() % 250)} : some_vip().vip;
  if (world_.chance(0.6)) return world_.configure_router(vip, std::nullopt);
  world_.configure_router(vip, world_.chance(0.5) ? "" : "HERALD-old-healthy");
}

}  // namespace herald::sim
