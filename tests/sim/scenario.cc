#include "tests/sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <sstream>
#include <stdexcept>

namespace herald::sim {
namespace {

// The words of one line, taken from the front.
class Words {
 public:
  explicit Words(const std::string& line) : all_(line) {
    std::istringstream stream(line);
    for (std::string word; stream >> word;) words_.push_back(word);
  }

  [[nodiscard]] bool empty() const { return words_.empty(); }
  [[nodiscard]] const std::string& all() const { return all_; }
  std::string next() {
    if (words_.empty()) throw std::runtime_error("a word is missing");
    std::string word = std::move(words_.front());
    words_.pop_front();
    return word;
  }
  std::string next_or(const std::string& otherwise) { return empty() ? otherwise : next(); }
  double number() { return std::stod(next()); }
  std::uint32_t count() { return static_cast<std::uint32_t>(std::stoul(next())); }
  Duration duration() {
    const std::string word = next();
    std::size_t digits = 0;
    const double number = std::stod(word, &digits);
    const std::string unit = word.substr(digits);
    const double seconds = unit == "ms" ? 1e-3 : unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
    if (seconds == 0) throw std::runtime_error("not a duration: " + word);
    return std::chrono::round<std::chrono::milliseconds>(std::chrono::duration<double>(number * seconds));
  }
  std::optional<Duration> lease() {
    if (words_.empty() || words_.front() != "off") return duration();
    next();
    return std::nullopt;
  }
  AddressKey address() {
    const std::string vip = next();
    return {{vip}, next_or("lo")};
  }
  Reason reason() {
    const std::string word = next();
    const auto reason = from_name<Reason>(word);
    if (!reason || *reason == Reason::none) throw std::runtime_error("not a reason: " + word);
    return *reason;
  }
  std::string rest() {
    std::string text;
    while (!empty()) text += (text.empty() ? "" : " ") + next();
    return text;
  }

 private:
  std::string all_;
  std::deque<std::string> words_;
};

template <typename Handler>
const Handler& look_up(const std::map<std::string, Handler>& table, const std::string& word) {
  const auto found = table.find(word);
  if (found == table.end()) throw std::runtime_error("unknown word: " + word);
  return found->second;
}

// ---- the configuration -----------------------------------------------------------------------------------------

void read_require(ServiceSpec& service, Words& words) {
  const std::string word = words.next();
  if (word == "all")
    service.require = {};
  else if (word == "any")
    service.require = {Require::Kind::any, 0};
  else
    service.require = {Require::Kind::at_least, static_cast<std::uint32_t>(std::stoul(word))};
}

void read_via(ServiceSpec& service, Words& words) {
  const std::string word = words.next();
  service.announce.via = word == "vtysh" ? Via::vtysh : word == "birdc" ? Via::birdc : Via::loopback;
  service.announce.lease.reset();
}

void read_service(Config& config, Words& words) {
  using Handler = std::function<void(ServiceSpec&, Words&)>;
  static const std::map<std::string, Handler> kKeys{
      {"vip", [](auto& service, auto& w) { service.vips.push_back({w.next()}); }},
      {"require", read_require},
      {"lease", [](auto& service, auto& w) { service.announce.lease = w.lease(); }},
      {"interface", [](auto& service, auto& w) { service.announce.interface = w.next(); }},
      {"hold_down", [](auto& service, auto& w) { service.hold_down = w.duration(); }},
      {"unknown_limit", [](auto& service, auto& w) { service.unknown_limit = w.duration(); }},
      {"adopt_timeout", [](auto& service, auto& w) { service.adopt_timeout = w.duration(); }},
      {"via", [](auto& service, auto& w) { read_via(service, w); }},
      {"vip_on_down",
       [](auto& service, auto& w) {
         service.announce.vip_on_down = w.next() == "remove" ? VipOnDown::remove : VipOnDown::keep;
       }},
      {"unmanaged", [](auto& service, auto& /*w*/) { service.announce.manage_vip = false; }},
      {"degraded",
       [](auto& service, auto& w) { service.announce.attributes[1] = Attributes{.prepend = w.count()}; }},
      {"draining",
       [](auto& service, auto& w) { service.announce.attributes[2] = Attributes{.prepend = w.count()}; }},
      {"drain",  // delay linger
       [](auto& service, auto& w) { service.drain = DrainSpec{w.duration(), w.duration()}; }},
      {"on_exit", [](auto& service,
                     auto& w) { service.on_exit = w.next() == "keep" ? OnExit::keep : OnExit::withdraw; }},
      {"damping",  // half_life suppress reuse max_suppress
       [](auto& service, auto& w) {
         service.damping = Damping{w.duration(), w.number(), w.number(), w.duration()};
       }},
  };
  ServiceSpec service;
  service.name = words.next();
  service.announce.lease = 1h;
  while (!words.empty()) look_up(kKeys, words.next())(service, words);
  config.services.push_back(std::move(service));
}

void read_probe(Config& config, Words& words) {
  using Handler = std::function<void(ProbeSpec&, Words&)>;
  static const std::map<std::string, Handler> kKeys{
      {"interval",
       [](auto& probe, auto& w) { probe.timing.interval = probe.timing.down_interval = w.duration(); }},
      {"fast", [](auto& probe, auto& w) { probe.timing.fast_interval = w.duration(); }},
      {"down", [](auto& probe, auto& w) { probe.timing.down_interval = w.duration(); }},
      {"timeout", [](auto& probe, auto& w) { probe.timing.timeout = w.duration(); }},
      {"jitter", [](auto& probe, auto& w) { probe.timing.jitter = w.number(); }},
      {"rise", [](auto& probe, auto& w) { probe.thresholds.rise = w.count(); }},
      {"fall", [](auto& probe, auto& w) { probe.thresholds.fall = w.count(); }},
      {"window",
       [](auto& probe, auto& w) { probe.thresholds.window = Window{w.count(), w.count()}; }},  // fail of
      {"hard_fail", [](auto& probe, auto& w) { probe.thresholds.hard_fail.push_back(w.reason()); }},
      {"invert", [](auto& probe, auto& /*w*/) { probe.thresholds.invert = true; }},
      {"degrade", [](auto& probe, auto& /*w*/) { probe.role = Role::degrade; }},
      {"info", [](auto& probe, auto& /*w*/) { probe.role = Role::info; }},
      {"shares", [](auto& probe, auto& w) { probe.target = w.next(); }},
  };
  const std::string name = words.next();
  const auto service = std::ranges::find(config.services, name, &ServiceSpec::name);
  if (service == config.services.end()) throw std::runtime_error("no such service: " + name);
  ProbeSpec probe;
  probe.name = words.next();
  probe.type = "simulated";
  probe.timing.jitter = 0;
  while (!words.empty()) look_up(kKeys, words.next())(probe, words);
  service->probes.push_back(std::move(probe));
}

void read_router(Config& config, Words& words) {
  const std::string word = words.next();
  config.router.stack = word == "frr" ? Stack::frr : word == "bird" ? Stack::bird : Stack::none;
  const std::string fallback = words.next_or("");
  if (fallback == "fast") config.router.fast_withdraw = true;
  if (fallback == "deny") config.router.fallback = FallbackLevel::deny;
  if (fallback == "shutdown") config.router.fallback = FallbackLevel::shutdown;
}

// ---- what happens ----------------------------------------------------------------------------------------------

using Act = std::function<void(World&)>;

std::string target_named(const Config& config, const std::string& name) {
  for (const ServiceSpec& service : config.services) {
    for (const ProbeSpec& probe : service.probes) {
      const std::string full = fmt::format("{}/{}", service.name, probe.name);
      if (name == full || name == probe.name) return full;
    }
  }
  throw std::runtime_error("no such probe: " + name);
}

Act read_target(const Config& config, Words& words) {
  using Mood = Target::Mood;
  using Handler = std::function<Target(Words&)>;
  static const std::map<std::string, Handler> kMoods{
      {"up", [](auto& /*w*/) { return Target{}; }},
      {"refuse", [](auto& /*w*/) { return Target{.mood = Mood::failing}; }},
      {"fail", [](auto& w) { return Target{.mood = Mood::failing, .reason = w.reason()}; }},
      {"hang", [](auto& /*w*/) { return Target{.mood = Mood::hanging}; }},
      {"slow", [](auto& w) { return Target{.mood = Mood::slow, .latency = w.duration()}; }},
      {"warn", [](auto& /*w*/) { return Target{.mood = Mood::warning}; }},
      {"inconclusive", [](auto& /*w*/) { return Target{.mood = Mood::inconclusive}; }},
      {"pattern", [](auto& w) { return Target{.mood = Mood::patterned, .pattern = w.next()}; }},
  };
  const std::string name = target_named(config, words.next());
  const Target target = look_up(kMoods, words.next())(words);
  return [name, target](World& world) { world.target(name) = target; };
}

Act read_router_act(Words& words) {
  using Handler = std::function<void(Router&)>;
  static const std::map<std::string, Handler> kWords{
      {"silent", [](Router& router) { router.answers = false; }},
      {"answers", [](Router& router) { router.answers = true; }},
      {"deaf", [](Router& router) { router.hears = false; }},
      {"takes-part", [](Router& router) { router.takes_part = true; }},
      {"denies", [](Router& router) { router.denied.insert({"10.99.0.1/32"}); }},
      {"leaks", [](Router& router) { router.denies = false; }},
      {"ignores", [](Router& router) { router.redistributes = false; }},
      {"redistributes", [](Router& router) { router.redistributes = true; }},
      {"imports", [](Router& router) { router.import = InterfaceImport{"protocol direct1", false}; }},
      {"imports-filtered", [](Router& router) { router.import = InterfaceImport{"protocol direct1", true}; }},
      {"takes-all", [](Router& router) { router.takes_all = true; }},
      {"filters", [](Router& router) { router.permits = false; }},
      {"permits", [](Router& router) { router.permits = true; }},
      {"loses-peer", [](Router& router) { router.established = false; }},
      {"gets-peer", [](Router& router) { router.established = true; }},
  };
  const std::string word = words.next();
  if (word == "restart") return [down = words.duration()](World& world) { world.restart_router(down); };
  return [change = look_up(kWords, word)](World& world) { change(world.router()); };
}

// "steps fail", "steps work": a fault that always happens, or never.
Act read_fault(double Faults::* fault, Words& words, const std::string& always) {
  const double probability = words.next() == always ? 1 : 0;
  return [fault, probability](World& world) { world.faults().*fault = probability; };
}

Act read_steps(Words& words) {
  const std::string word = words.next();
  const Faults faults{.step_fails = word == "fail" ? 1.0 : 0,
                      .step_lies = word == "lie" ? 1.0 : 0,
                      .step_denies = word == "deny" ? 1.0 : 0};
  return [faults](World& world) { world.faults() = faults; };
}

Act read_routes(Words& words) {
  const std::string word = words.next();
  const Faults faults{.route_fails = word == "fail" ? 1.0 : 0,
                      .route_lies = word == "lie" ? 1.0 : 0,
                      .route_denies = word == "deny" ? 1.0 : 0,
                      .route_hangs = word == "hang" ? 1.0 : 0};
  return [faults](World& world) { world.faults() = faults; };
}

// "network 10.99.0.9/32 HERALD-old-healthy", "no-network 10.99.0.1/32"
Act read_network(Words& words) {
  const Vip vip{words.next()};
  return [vip, policy = words.next_or("")](World& world) { world.configure_router(vip, policy); };
}

// "drain web", "drain web for 60s", "drain web by ann", "drain web by ann for 60s"; "undo web" ends everybody's, "undo web by
// ann" only hers.
Act read_word(AdminState state, Words& words) {
  const std::string service = words.next();
  std::optional<Duration> span;
  std::optional<std::string> by;
  std::string next = words.next_or("");
  if (next == "by") {
    by = words.next();
    next = words.next_or("");
  }
  if (next == "for") span = words.duration();
  return [state, service, span, by](World& world) {
    Admin admin{.state = state, .reason = "", .who = by.value_or("root"), .since = world.now()};
    if (span) admin.expires = world.now() + *span;
    world.administer({service, admin, {.whose = by}});
  };
}

void show(World& world) {
  if (!world.runs()) world.note("= the process does not run");
  const Snapshot shown = world.runs() ? world.controller().snapshot(world.now()) : Snapshot{};
  for (const ServiceSnapshot& service : shown.services) {
    world.note(fmt::format("= {} is {}, {}: {}{}{}", service.name, name_of(service.state),
                           name_of(service.health), service.reason, service.problem ? "; problem: " : "",
                           service.problem.value_or("")));
  }
  for (const auto& [key, entry] : world.kernel().addresses()) {
    const auto left = [&] {
      if (!entry.lifetime) return std::string("for good");
      return fmt::format("{:.0f} s left",
                         std::chrono::duration<double>(entry.set_at + *entry.lifetime - world.now()).count());
    };
    world.note(fmt::format("= {} on {}, {}, {}", key.vip.prefix, key.interface,
                           entry.ours ? "ours" : "foreign", left()));
  }
  for (const auto& [vip, policy] : world.router().configuration)
    world.note(fmt::format("= {} in the router's configuration, {}", vip.prefix, policy));
}

Act read_act(const Config& config, Words& words) {
  using Handler = std::function<Act(const Config&, Words&)>;
  static const std::map<std::string, Handler> kActs{
      {"target", read_target},
      {"crash", [](auto&, auto&) { return [](World& world) { world.crash(); }; }},
      {"restart", [](auto& c, auto&) { return [c](World& world) { world.start(c); }; }},
      {"stop", [](auto&, auto&) { return [](World& world) { world.terminate(); }; }},
      {"handover", [](auto&, auto&) { return [](World& world) { world.hand_over(); }; }},
      {"stall", [](auto&, auto& w) { return [d = w.duration()](World& world) { world.stall(d); }; }},
      {"delete",
       [](auto&, auto& w) { return [key = w.address()](World& world) { world.remove_address(key); }; }},
      {"foreign",
       [](auto&, auto& w) {
         return [key = w.address()](World& world) { world.put_address(key, false, std::nullopt); };
       }},
      {"ours",
       [](auto&, auto& w) {
         const AddressKey key{{w.next()}, "lo"};
         return [key, lease = w.lease()](World& world) { world.put_address(key, true, lease); };
       }},
      {"lose-interface",
       [](auto&, auto& w) { return [name = w.next()](World& world) { world.remove_interface(name); }; }},
      {"get-interface",
       [](auto&, auto& w) { return [name = w.next()](World& world) { world.restore_interface(name); }; }},
      {"notifications", [](auto&, auto& w) { return read_fault(&Faults::notification_lost, w, "lost"); }},
      {"looks", [](auto&, auto& w) { return read_fault(&Faults::look_fails, w, "fail"); }},
      {"steps", [](auto&, auto& w) { return read_steps(w); }},
      {"router", [](auto&, auto& w) { return read_router_act(w); }},
      {"routes", [](auto&, auto& w) { return read_routes(w); }},
      {"network", [](auto&, auto& w) { return read_network(w); }},
      {"no-network",
       [](auto&, auto& w) {
         return [vip = Vip{w.next()}](World& world) { world.configure_router(vip, std::nullopt); };
       }},
      {"drain", [](auto&, auto& w) { return read_word(AdminState::drain, w); }},
      {"force", [](auto&, auto& w) { return read_word(AdminState::force, w); }},
      {"undo", [](auto&, auto& w) { return read_word(AdminState::automatic, w); }},
      {"clear-damping",
       [](auto&, auto& w) { return [name = w.next()](World& world) { world.clear_damping(name); }; }},
      {"show", [](auto&, auto&) { return show; }},
  };
  Act act = look_up(kActs, words.next())(config, words);
  if (!words.empty()) throw std::runtime_error("too many words: " + words.rest());
  return act;
}

void read_at(Scenario& scenario, Words& words) {
  const Duration first = words.duration();
  const std::string text = words.rest();
  Words act(text);
  Words repeat(text);
  if (repeat.next() != "every") {
    scenario.actions.push_back({first, text, read_act(scenario.config, act)});
    return;
  }
  const Duration pause = repeat.duration();
  repeat.next();  // "for"
  const Duration last = first + repeat.duration();
  const Act run = read_act(scenario.config, repeat);
  for (Duration when = first; when < last; when += pause) scenario.actions.push_back({when, "", run});
}

void read_line(Scenario& scenario, const std::string& line) {
  Words words(line);
  if (words.empty() || line.front() == '#') return;
  using Handler = std::function<void(Scenario&, Words&)>;
  static const std::map<std::string, Handler> kLines{
      {"router", [](auto& into, auto& w) { read_router(into.config, w); }},
      {"brake",  // share least hold
       [](auto& into, auto& w) { into.config.brake = BrakeSpec{w.number(), w.count(), w.duration()}; }},
      {"service", [](auto& into, auto& w) { read_service(into.config, w); }},
      {"probe", [](auto& into, auto& w) { read_probe(into.config, w); }},
      {"before", [](auto& into, auto& w) { into.before.push_back({{}, "", read_act(into.config, w)}); }},
      {"at", read_at},
      {"until", [](auto& into, auto& w) { into.end = w.duration(); }},
  };
  look_up(kLines, words.next())(scenario, words);
}

}  // namespace

Scenario parse_scenario(const std::string& text) {
  Scenario scenario;
  std::istringstream stream(text);
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (line == "---") {
      std::ostringstream rest;
      rest << stream.rdbuf();
      scenario.expected = rest.str();
      break;
    }
    scenario.script += line + "\n";
    try {
      read_line(scenario, line);
    } catch (const std::exception& error) {
      throw std::runtime_error(fmt::format("line {}: {}", number, error.what()));
    }
  }
  return scenario;
}

std::string play(const Scenario& scenario) {
  World world(1, Faults{}, Transcript::Detail::timeline);
  for (const Scenario::Action& action : scenario.before) action.run(world);
  world.router().catch_up(world.kernel());
  world.start(scenario.config);
  for (const Scenario::Action& action : scenario.actions) {
    world.at(kBeginning + action.at, [&] {
      const bool is_shown = !action.text.starts_with("show") && !action.text.empty();
      if (is_shown) world.note(">> " + action.text);
      action.run(world);
    });
  }
  world.run_until(kBeginning + scenario.end);
  show(world);
  std::string text;
  for (const std::string& line : world.transcript().lines()) text += line + "\n";
  return text;
}

}  // namespace herald::sim
