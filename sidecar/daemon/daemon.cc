#include "sidecar/daemon/daemon.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <utility>

#include "sidecar/control/report.h"
#include "sidecar/core/withdrawal.h"

namespace herald {
namespace {

// Effects bring facts (a step's result, a look) that bring effects. A handful of rounds settles any turn;
// more than this is a bug, and the rest waits for the next turn rather than starve the sockets.
constexpr int kMostRounds = 64;

// What is left to be written when heraldd ends; a disk that takes longer must not hold up its successor.
constexpr Duration kMostToKeep = std::chrono::seconds(1);

}  // namespace

Daemon::Daemon(Loop& loop, Log& log, Config config, DaemonOptions options)
    : loop_(loop),
      log_(log),
      options_(std::move(options)),
      controller_(std::move(config), std::random_device{}(), Loop::clock()),
      history_(options_.hands.keeps_in, *options_.hands.writer,
               [this](const std::string& said) { log_.write(LogLevel::warning, said); }),
      probes_(loop, options_.workers,
              {.finished = [this](const event::ProbeFinished& finished) { tell(finished); },
               .cancelled = [this](const event::ProbeStage& stage) { tell(stage); },
               .held = [this](const work::Held& change) { event_sources_.held(change); },
               .notice =
                   [this](bool is_error, const std::string& text) {
                     log_.write(is_error ? LogLevel::error : LogLevel::notice, text);
                   }}),
      event_sources_(
          loop, [this](const event::Nudged& nudged) { tell(nudged); },
          [this](const std::string& said) { log_.write(LogLevel::notice, said); }),
      addresses_(loop, log, options_.hands.would,
                 [this](const Event& event) {
                   if (std::holds_alternative<event::AddressesChanged>(event))
                     event_sources_.addresses_changed();
                   tell(event);
                 }),
      router_(loop, log, options_.hands.would, [this](const Event& event) { tell(event); }),
      operators_(loop, log, controller_, options_.hands.state, *options_.hands.writer,
                 options_.hands.keeps_in,
                 {.tell = [this](const Event& event) { tell(event); },
                  .settle = [this] { settle(); },
                  .snapshot = [this] { return snapshot(); },
                  .clocks = [this] { return clocks(); },
                  .seen = [this] { return seen(); },
                  .plan = [this] { return plan(); },
                  .history = [this]() -> const History::Entries& { return history_.entries(); },
                  .reload = [this](std::uint64_t client) { reload(client); },
                  .is_short = [this] { return router_.is_short(); }}),
      systemd_(loop),
      own_(Loop::clock()),
      views_({.seen = [this] { return seen(); },
              .snapshot = [this] { return snapshot(); },
              .clocks = [this] { return clocks(); },
              .status = [this] { return status(); },
              .history = [this]() -> const History::Entries& { return history_.entries(); }}),
      http_(loop, options_.http,
            {.part = [this](const work::HttpAsk& ask) { return views_.part(ask); },
             .gone = [this] { views_.forget(); },
             .notice =
                 [this](bool is_error, const std::string& text) {
                   log_.write(is_error ? LogLevel::error : LogLevel::notice, text);
                 }}) {
  options_.hands.writer->say_with([this](const std::string& said) { log_.write(LogLevel::warning, said); });
}

// What is meant to be somebody else's may be on another machine for good.
void Daemon::know_vips() {
  std::vector<std::string> vips;
  for (const ServiceSpec& service : controller_.config().services) {
    if (service.announce.via != Via::loopback && !service.announce.manage_vip) continue;
    for (const Vip& vip : service.vips) vips.push_back(to_string(address_of(vip)));
  }
  probes_.know(std::move(vips));
}

std::vector<std::string> Daemon::prepare() {
  std::vector<std::string> problems;
  const bool may_come_later = !options_.only_checks && !options_.workers.link.socket.empty();
  know_vips();
  probes_.check(controller_.config(), [&](std::vector<std::string> found, const std::string& untried) {
    problems = std::move(found);
    if (!untried.empty() && may_come_later) log_.write(LogLevel::error, untried);
    if (!untried.empty() && !may_come_later) problems.push_back(untried);
    loop_.exit(0);
  });
  (void)loop_.run();  // of nothing but the workers: heraldd has not started yet
  for (std::size_t index = 0; index < controller_.probe_count(); ++index) {
    const ProbeId id = controller_.probe_id(index);
    probes_.put(id, probe_name(index), controller_.probe(id));
  }
  std::ranges::move(options_.hands.levers->template_problems(controller_.config()),
                    std::back_inserter(problems));
  // The addresses are those of the heraldd that runs, where this one only checks.
  if (!options_.only_checks) prepare_http(problems);
  return problems;
}

void Daemon::prepare_http(std::vector<std::string>& problems) {
  http_.prepare(controller_.config().http.listen,
                [&](std::vector<std::string> found, const std::string& untried) {
                  if (!options_.http_was_accepted) std::ranges::move(found, std::back_inserter(problems));
                  const std::string text = "http.listen cannot be tried: " + untried;
                  if (!untried.empty() && options_.http.socket.empty()) problems.push_back(text);
                  if (!untried.empty() && !options_.http.socket.empty())
                    log_.write(LogLevel::error, text + "; it is tried again");
                  loop_.exit(0);
                });
  (void)loop_.run();
}

std::expected<void, std::string> Daemon::open() {
  watch_signals();  // first: who can see that heraldd runs may also tell it to stop
  const Config& config = controller_.config();
  auto place = options_.hands.take_place();
  if (!place) return std::unexpected(place.error());
  namespace_lock_ = std::move(*place);
  if (namespace_lock_ && !namespace_lock_->warning().empty())
    log_.write(LogLevel::warning, namespace_lock_->warning());
  auto lever = options_.hands.levers->addresses(config.services);
  if (!lever) return std::unexpected(lever.error());
  addresses_.use(std::move(*lever));
  if (auto opened = addresses_.open(); !opened) return opened;
  open_history();
  operators_.hear();
  if (auto opened = operators_.open(); !opened) return opened;

  for (const std::string& warning : missing_interfaces(config)) log_.write(LogLevel::warning, warning);
  router_.use(options_.hands.levers->router(config, {}));
  timer_ = loop_.timer([this] { own_.ran_late(Loop::clock() - wakeup_); });
  settle_ = loop_.post([this] { settle(); });
  watch_events();
  operators_.started();
  http_.use();
  settle();
  return {};
}

std::vector<std::string> Daemon::missing_interfaces(const Config& config) {
  std::set<std::string> interfaces;
  for (const ServiceSpec& service : config.services) interfaces.insert(service.announce.interface);
  // It opens a socket to ask, which may fail for other reasons.
  std::erase_if(interfaces,
                [](const std::string& one) { return if_nametoindex(one.c_str()) != 0 || errno != ENODEV; });
  std::vector<std::string> warnings;
  for (const std::string& interface : interfaces) {
    warnings.push_back(
        fmt::format("there is no interface {}: its VIPs cannot be announced until it is there", interface));
  }
  return warnings;
}

void Daemon::watch_signals() {
  for (const int number : {SIGTERM, SIGINT}) {
    signals_.push_back(loop_.watch_signal(number, [this](int signal) {
      log_.write(LogLevel::notice, fmt::format("{}: stopping", strsignal(signal)));
      tell(event::Stop{});
    }));
  }
  signals_.push_back(loop_.watch_signal(SIGHUP, [this](int /*signal*/) { reload(std::nullopt); }));
}

void Daemon::watch_events() {
  std::vector<EventSources::Watched> watched;
  for (std::size_t index = 0; index < controller_.probe_count(); ++index) {
    const ProbeId id = controller_.probe_id(index);
    watched.push_back({id, &controller_.probe(id)});
  }
  event_sources_.watch(watched);
  vip_listeners_.watch(controller_.config().services);
}

// "web/front"
std::string Daemon::probe_name(std::size_t index) const {
  for (const ServiceSpec& service : controller_.config().services) {
    if (index < service.probes.size()) return fmt::format("{}/{}", service.name, service.probes[index].name);
    index -= service.probes.size();
  }
  return "?";
}

void Daemon::tell(const Event& event) {
  controller_.handle(event, loop_.now());
}

void Daemon::settle() {
  const TimePoint now = loop_.now();
  for (int round = 0; round < kMostRounds; ++round) {
    const std::vector<Effect> effects = controller_.decide(now);
    if (effects.empty()) break;
    for (const Effect& effect : effects) std::visit([this](const auto& one) { carry_out(one); }, effect);
  }
  wakeup_ = std::max(controller_.next_wakeup(), now);
  timer_.set_time(wakeup_);
  history_.flush();
  operators_.keep();
  operators_.answer_adoptions();
  if (leaving_) leave_when_kept();
  systemd_.turn_ends({.ready = addresses_.has_observed(), .stopping = controller_.stopping()},
                     [&] { return status_line(controller_.snapshot(now)); });
}

// ---- effects

void Daemon::carry_out(const effect::StartProbe& effect) {
  probes_.start(effect.probe, effect.run);
}

void Daemon::carry_out(const effect::StartAside& effect) {
  probes_.start(effect.probe, effect.run);
}

void Daemon::carry_out(const effect::CancelProbe& effect) {
  probes_.cancel(effect.run);
}

void Daemon::carry_out(const effect::Probed& effect) {
  operators_.probed(effect);
}

void Daemon::carry_out(const effect::Observe& effect) {
  addresses_.observe(effect);
}

void Daemon::carry_out(const effect::Apply& effect) {
  addresses_.apply(effect);
}

void Daemon::carry_out(const effect::ReadRouter& /*effect*/) {
  router_.read();
}

void Daemon::carry_out(const effect::ApplyRoutes& effect) {
  router_.apply(effect);
}

void Daemon::carry_out(const effect::Transition& effect) {
  const std::string change = fmt::format("{}>{}", effect.from, effect.to);
  log_.write(LogLevel::notice, to_string(effect),
             {.service = effect.service, .probe = effect.probe, .transition = change});
  record(entry_of(effect, clocks()));
  systemd_.status_changed();
}

void Daemon::carry_out(const effect::PeerTurned& effect) {
  const std::string change = fmt::format("{}>{}", effect.from, effect.to);
  log_.write(LogLevel::notice, to_string(effect), {.service = {}, .probe = {}, .transition = change});
  record(entry_of(effect, clocks()));
  systemd_.status_changed();
}

void Daemon::carry_out(const effect::Notice& effect) {
  log_.write(effect.error ? LogLevel::error : LogLevel::notice,
             effect.service.empty() ? effect.text : fmt::format("{}: {}", effect.service, effect.text),
             {.service = effect.service, .probe = {}, .transition = {}});
}

void Daemon::carry_out(const effect::Remember& effect) {
  operators_.remember(effect);
}

void Daemon::carry_out(const effect::Exit& effect) {
  operators_.hurry();  // now or never
  if (!effect.clean) {
    log_.write(LogLevel::error, "not everything could be left as it should be in time; " +
                                    fate_of_the_rest(controller_.config().services));
  }
  record(entry_of_herald("stopped", "", clocks()));
  systemd_.exiting();
  const TimePoint until = loop_.now() + kMostToKeep;
  leaving_ = {effect.clean ? 0 : 1, until, loop_.timer_at(until, [] {})};  // its turn ends in settle()
}

void Daemon::leave_when_kept() {
  if (options_.hands.writer->is_idle() || Loop::clock() >= leaving_->until) loop_.exit(leaving_->code);
}

// ---- history

void Daemon::open_history() {
  if (const auto loaded = history_.load(); !loaded) log_.write(LogLevel::warning, loaded.error());
  const auto& before = history_.entries();
  const auto last = std::find_if(before.rbegin(), before.rend(),
                                 [](const HistoryEntry& entry) { return is_of_herald(entry); });
  const bool killed = last != before.rend() && last->to == "started";
  record(entry_of_herald("started",
                         fmt::format("{}{}", HERALD_VERSION, killed ? "; the one before it was killed" : ""),
                         clocks()));
}

void Daemon::record(HistoryEntry entry) {
  const nlohmann::ordered_json shown = to_json(entry);
  http_.tell("transition", shown.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  operators_.publish({{"transition", shown}});
  history_.add(std::move(entry));
}

// ---- what is told

nlohmann::ordered_json Daemon::plan() const {
  Controller::Plan plan = controller_.plan(loop_.now());
  plan.addresses = addresses_.outstanding(std::move(plan.addresses));
  plan.routes = router_.outstanding(std::move(plan.routes));
  nlohmann::ordered_json report = plan_report(plan, router_.commands(plan.routes));
  report["dry_run"] = options_.hands.pretend;
  return report;
}

Snapshot Daemon::snapshot() const {
  Snapshot shown = controller_.snapshot(loop_.now());
  shown.dry_run = options_.hands.pretend;
  shown.lateness = own_.lateness();
  for (ServiceSnapshot& service : shown.services) {
    if (service.leaving) continue;  // its probes are no more
    const std::vector<ProbeId> ids = controller_.probes_of(service.name);
    for (std::size_t index = 0; index < std::min(ids.size(), service.probes.size()); ++index)
      service.probes[index].events = event_sources_.source_of(ids[index]);
    for (VipSnapshot& vip : service.vips)
      vip.refused = vip_listeners_.refusal(service.name, {vip.prefix}, loop_.now());
  }
  return shown;
}

Snapshot Daemon::seen() const {
  Snapshot shown = controller_.snapshot(loop_.now(), Records::without);
  shown.dry_run = options_.hands.pretend;
  shown.lateness = own_.lateness();
  shown.self = own_.self(log_);
  return shown;
}

nlohmann::ordered_json Daemon::status() const {
  nlohmann::ordered_json report = status_report(snapshot(), clocks());
  report["disk"] = disk_report(options_.hands.writer->silent_since(), clocks());
  return report;
}

ClockPair Daemon::clocks() const {
  return {loop_.now(), std::chrono::system_clock::now(), boot_clock_.now()};
}

}  // namespace herald
