#include "sidecar/daemon/daemon.h"

#include <fmt/format.h>
#include <net/if.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <utility>

namespace herald {
namespace {

// Effects bring facts (a step's result, a look) that bring effects. A handful of rounds settles any turn;
// more than this is a bug, and the rest waits for the next turn rather than starve the sockets.
constexpr int kMostRounds = 64;

constexpr Duration kNotifyEvery = 1s;

// Each gives the stop that many seconds, unless another one follows.
constexpr std::string_view kGoesOnStopping = "EXTEND_TIMEOUT_USEC=15000000\n";
constexpr Duration kStopPulse = 2s;

// Each time syncs a file. When a thousand services fail, that must not be done for each of them.
constexpr Duration kKeepPenaltiesEvery = 1s;

std::size_t index_of(ProbeId id) {
  return static_cast<std::size_t>(id);
}

}  // namespace

Daemon::Daemon(Loop& loop, Log& log, Config config, DaemonOptions options)
    : loop_(loop),
      log_(log),
      options_(std::move(options)),
      controller_(std::move(config), std::random_device{}(), Loop::clock()),
      operations_(std::move(options_.hands.state)),
      history_(options_.hands.keeps_in),
      handover_marker_(options_.hands.keeps_in),
      curl_(loop),
      resolver_(loop) {}

std::vector<std::string> Daemon::prepare() {
  std::vector<std::string> problems;
  probes_ = make_probes(controller_.config(), problems);
  running_.resize(probes_.size());
  const std::vector<std::string> bad_templates =
      options_.hands.levers->template_problems(controller_.config());
  problems.insert(problems.end(), bad_templates.begin(), bad_templates.end());
  return problems;
}

std::expected<void, std::string> Daemon::open() {
  watch_signals();  // first: who can see that heraldd runs may also tell it to stop
  auto place = options_.hands.take_place();
  if (!place) return std::unexpected(place.error());
  namespace_lock_ = std::move(*place);
  auto lever = options_.hands.levers->addresses(controller_.config().services);
  if (!lever) return std::unexpected(lever.error());
  lever_ = std::move(*lever);
  auto monitor = AddressMonitor::open();
  if (!monitor) return std::unexpected(monitor.error());
  monitor_.emplace(std::move(*monitor));
  open_history();
  hear_operators();
  if (auto control = open_control(); !control) return control;

  const Config& config = controller_.config();
  for (const std::string& warning : missing_interfaces(config)) log_.write(LogLevel::warning, warning);
  router_ = options_.hands.levers->router(config, {});
  if (router_) {
    router_socket_.emplace(loop_, router_->socket_path(), [this] { tell(event::RouterChanged{}); });
  }
  watch_addresses_ = loop_.watch_io(monitor_->fd(), EPOLLIN, [this](std::uint32_t /*events*/) {
    if (monitor_->drain()) tell(event::AddressesChanged{});
  });
  timer_ = loop_.timer([this] { lateness_.record(Loop::clock() - wakeup_); });
  penalties_timer_ = loop_.timer([] {});  // its turn ends in settle()
  settle_ = loop_.post([this] { settle(); });
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) > 0) watchdog_ = std::chrono::microseconds(microseconds);
  watchdog_timer_ = loop_.timer([] {});  // its turn ends in settle(), which feeds the watchdog
  handover_marker_.remove();             // what it was to keep is ours again
  settle();
  return {};
}

std::vector<std::string> Daemon::missing_interfaces(const Config& config) {
  std::set<std::string> interfaces;
  for (const ServiceSpec& service : config.services) interfaces.insert(service.announce.interface);
  std::erase_if(interfaces, [](const std::string& one) { return if_nametoindex(one.c_str()) != 0; });
  std::vector<std::string> warnings;
  for (const std::string& interface : interfaces) {
    warnings.push_back(
        fmt::format("there is no interface {}: its VIPs cannot be announced until it is there", interface));
  }
  return warnings;
}

std::expected<void, std::string> Daemon::open_control() {
  auto socket = ControlSocket::open(controller_.config().control);
  if (!socket) return std::unexpected(socket.error());
  const ControlSource source{
      .snapshot = [this] { return snapshot(); },
      .clocks = [this] { return clocks(); },
      .plan = [this] { return plan(); },
      .history = [this]() -> const History::Entries& { return history_.entries(); },
      .probe = [this](const ProbeRequest& request, std::uint64_t client) { probe(request, client); },
      .administer = [this](const AdminRequest& request) { return administer(request); },
      .clear_damping = [this](std::span<const std::string> services,
                              const std::string& who) { return clear_damping(services, who); },
      .reload = [this] { return reload(); },
      .hand_over = [this] { return hand_over(); }};
  auto server = ControlServer::start(loop_, std::move(*socket),
                                     VarlinkService(control_info(), control_interface(source)));
  if (!server) return std::unexpected(server.error());
  control_ = std::move(*server);
  if (!control_->warning().empty()) log_.write(LogLevel::warning, control_->warning());
  return {};
}

void Daemon::watch_signals() {
  for (const int number : {SIGTERM, SIGINT}) {
    signals_.push_back(loop_.watch_signal(number, [this](int signal) {
      log_.write(LogLevel::notice, fmt::format("{}: stopping", strsignal(signal)));
      tell(event::Stop{});
    }));
  }
  signals_.push_back(loop_.watch_signal(SIGHUP, [this](int /*signal*/) { (void)reload(); }));
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
  // After the effects: a slow disk must not hold up a withdrawal.
  if (const std::string said = history_.flush(); !said.empty()) log_.write(LogLevel::warning, said);
  keep_penalties();
  notify_systemd();
}

// ---- effects

void Daemon::carry_out(const effect::StartProbe& effect) {
  Running& running = running_[index_of(effect.probe)];
  const RunId run = effect.run;
  auto attempt = probes_[index_of(effect.probe)]->start([this, &running, run](ProbeResult result) {
    // The attempt is on the stack: it dies after its result was told.
    const std::unique_ptr<probes::Attempt> over = std::move(running.attempt);
    tell(event::ProbeFinished{run, std::move(result)});
  });
  running.run = run;
  if (attempt) {
    running.attempt = std::move(*attempt);
  } else {
    tell(event::ProbeFinished{run, std::move(attempt.error())});
  }
}

void Daemon::carry_out(const effect::CancelProbe& effect) {
  Running& running = running_[index_of(effect.probe)];
  const auto aside = asides_.find(effect.run);
  std::unique_ptr<probes::Attempt> attempt;
  if (running.run == effect.run) attempt = std::move(running.attempt);
  if (aside != asides_.end()) attempt = std::move(asides_.extract(aside).mapped());
  if (!attempt) return;
  std::string stage = attempt->stage();
  attempt.reset();
  tell(event::ProbeStage{effect.run, std::move(stage)});
}

void Daemon::carry_out(const effect::StartAside& effect) {
  const RunId run = effect.run;
  auto attempt = probes_[index_of(effect.probe)]->start([this, run](ProbeResult result) {
    const auto over = asides_.extract(run);  // it is on the stack: it dies after its result was told
    tell(event::ProbeFinished{run, std::move(result)});
  });
  if (attempt) {
    asides_[run] = std::move(*attempt);
  } else {
    tell(event::ProbeFinished{run, std::move(attempt.error())});
  }
}

void Daemon::carry_out(const effect::Probed& effect) {
  const auto answer = probe_requests_.take(effect, controller_.probe(effect.probe));
  if (answer) control_->finish(answer->client, answer->reply);
}

void Daemon::carry_out(const effect::Observe& effect) {
  auto observation = lever_->look(loop_.now());
  observed_ = observed_ || observation.has_value();
  tell(event::Observed{effect.sequence, std::move(observation)});
}

std::string Daemon::says(const std::string& done) const {
  return fmt::format("{}{}", options_.hands.would, done);
}

void Daemon::carry_out(const effect::Apply& effect) {
  const auto done = lever_->apply(effect.step);
  if (effect.step.kind != Step::Kind::refresh && done == AddressLever::Applied::done)
    log_.write(LogLevel::info, says(to_string(effect.step)));
  tell(event::StepFinished{effect.id, done ? "" : done.error(), done == AddressLever::Applied::was_there});
}

void Daemon::carry_out(const effect::ReadRouter& /*effect*/) {
  router_socket_->arm();
  use_next_router();
  router_->read([this](RouterView view) { tell(event::RouterRead{std::move(view)}); });
}

void Daemon::carry_out(const effect::ApplyRoutes& effect) {
  RouteBatch batch{.steps = {}, .fallback = effect.fallback};
  std::vector<std::string> texts;
  for (const IssuedRouteStep& issued : effect.steps) {
    batch.steps.push_back(issued.step);
    texts.push_back(says(to_string(issued.step)));
  }
  for (const FallbackStep& step : effect.fallback) texts.push_back(says(to_string(step)));
  use_next_router();
  batch_in_flight_ = true;
  router_->apply(std::move(batch), [this, texts](std::vector<std::string> errors) {
    batch_in_flight_ = false;
    for (std::size_t index = 0; index < texts.size() && index < errors.size(); ++index) {
      if (errors[index].empty()) log_.write(LogLevel::info, texts[index]);
    }
    tell(event::RoutesApplied{std::move(errors)});
  });
}

void Daemon::carry_out(const effect::Transition& effect) {
  const std::string change = fmt::format("{}>{}", effect.from, effect.to);
  log_.write(LogLevel::notice, to_string(effect),
             {.service = effect.service, .probe = effect.probe, .transition = change});
  record(entry_of(effect, clocks()));
  status_changed_ = true;
}

void Daemon::carry_out(const effect::Notice& effect) {
  log_.write(effect.error ? LogLevel::error : LogLevel::notice,
             effect.service.empty() ? effect.text : fmt::format("{}: {}", effect.service, effect.text),
             {.service = effect.service, .probe = {}, .transition = {}});
}

void Daemon::carry_out(const effect::Remember& effect) {
  operations_.remember(effect, clocks());
}

void Daemon::carry_out(const effect::Exit& effect) {
  keep_penalties_at_ = {};  // now or never
  if (!effect.clean) {
    log_.write(LogLevel::error,
               "not everything could be left as it should be in time; leases end what remains");
  }
  record(entry_of_herald("stopped", "", clocks()));
  sd_notify(0, "STOPPING=1");
  loop_.exit(effect.clean ? 0 : 1);
}

// ---- history

void Daemon::open_history() {
  if (const std::string problem = history_.load(); !problem.empty()) log_.write(LogLevel::warning, problem);
  const auto& before = history_.entries();
  const auto last = std::find_if(before.rbegin(), before.rend(),
                                 [](const HistoryEntry& entry) { return entry.service.empty(); });
  const bool killed = last != before.rend() && last->to == "started";
  record(entry_of_herald("started",
                         fmt::format("{}{}", HERALD_VERSION, killed ? "; the one before it was killed" : ""),
                         clocks()));
}

void Daemon::record(HistoryEntry entry) {
  if (control_) control_->publish({{"transition", to_json(entry)}});
  history_.add(std::move(entry));
}

// ---- systemd

void Daemon::notify_systemd() {
  const TimePoint now = loop_.now();
  if (observed_ && !std::exchange(ready_, observed_)) sd_notify(0, "READY=1");
  // Both are sent from the end of a settled turn only: a loop that spins or hangs in a callback feeds no
  // watchdog.
  if (ready_ && now - notified_at_ >= kNotifyEvery) {
    std::string text = watchdog_ > Duration{} ? "WATCHDOG=1\n" : "";
    // VIPs may linger for longer than the unit gives a stop. Only as long as the loop turns: a hung stop is forced.
    if (controller_.stopping()) text += kGoesOnStopping;
    if (std::exchange(status_changed_, false)) text += "STATUS=" + status_line(controller_.snapshot(now));
    if (!text.empty()) sd_notify(0, text.c_str());
    notified_at_ = now;
  }
  const Duration pulse = controller_.stopping() ? kStopPulse : watchdog_ / 3;
  if (pulse > Duration{}) watchdog_timer_.set_time(now + pulse);
}

void Daemon::keep_penalties() {
  if (!operations_.has_unkept()) return;
  const TimePoint now = loop_.now();
  if (now >= keep_penalties_at_) {
    if (const std::string said = operations_.flush(clocks()); !said.empty())
      log_.write(LogLevel::warning, said);
    keep_penalties_at_ = now + kKeepPenaltiesEvery;
  }
  if (operations_.has_unkept()) penalties_timer_.set_time(keep_penalties_at_);
}

// ---- operators

// Before anything is decided: a drained service must not be announced for a moment.
void Daemon::hear_operators() {
  std::vector<std::string> names;
  for (const ServiceSpec& service : controller_.config().services) names.push_back(service.name);
  const Operations::Start start = operations_.start(names, clocks());
  if (!start.problem.empty()) log_.write(LogLevel::error, start.problem);
  for (const event::Administer& word : start.words) tell(word);
  for (const event::Recall& recall : start.recalls) tell(recall);
}

std::expected<void, std::string> Daemon::clear_damping(std::span<const std::string> services,
                                                       const std::string& who) {
  const auto words = operations_.clear_damping(services, who);
  if (!words) return std::unexpected(words.error());
  for (const event::ClearDamping& word : *words) tell(word);
  return {};
}

std::expected<void, std::string> Daemon::administer(const AdminRequest& request) {
  auto words = operations_.administer(request, clocks());
  if (!words) {
    log_.write(LogLevel::error, "nothing was changed, because it could not be kept: " + words.error());
    return std::unexpected(words.error());
  }
  for (const event::Administer& word : *words) tell(word);
  // Who waits for a withdrawal waits for a read that is later than his word, also where nothing had to be withdrawn.
  if (request.state == AdminState::drain) tell(event::RouterChanged{});
  settle();  // the answer is about a decision that was taken
  return {};
}

// The caller has its answer before the turn ends, which may be the last one.
std::expected<void, std::string> Daemon::hand_over() {
  if (auto written = handover_marker_.write(); !written) {
    log_.write(LogLevel::error, "no handover, because it could not be kept: " + written.error());
    return written;
  }
  log_.write(LogLevel::notice, "handover: stopping, with everything left announced");
  tell(event::Handover{});
  return {};
}

// The loop settles before it sleeps, and not now: the client has to be waiting before it can be answered.
void Daemon::probe(const ProbeRequest& request, std::uint64_t client) {
  std::vector<ProbeId> chosen = controller_.probes_of(request.service);
  if (request.probe)
    std::erase_if(chosen, [&](ProbeId id) { return controller_.probe(id).name != *request.probe; });
  const std::uint64_t ticket = probe_requests_.begin(client, chosen);
  for (const ProbeId id : chosen) tell(event::ProbeNow{id, ticket, request.counts});
}

nlohmann::ordered_json Daemon::plan() const {
  Controller::Plan plan = controller_.plan(loop_.now());
  plan.addresses = lever_->outstanding(std::move(plan.addresses));
  if (router_) plan.routes = router_->outstanding(std::move(plan.routes));
  const bool routed = router_ && !plan.routes.empty();
  nlohmann::ordered_json report =
      plan_report(plan, routed ? router_->commands(plan.routes) : std::vector<std::string>{});
  report["dry_run"] = options_.hands.pretend;
  return report;
}

Snapshot Daemon::snapshot() const {
  Snapshot shown = controller_.snapshot(loop_.now());
  shown.dry_run = options_.hands.pretend;
  shown.lateness = {lateness_.count(), lateness_.quantile(0.5), lateness_.quantile(0.99), lateness_.most()};
  return shown;
}

ClockPair Daemon::clocks() const {
  return {loop_.now(), std::chrono::system_clock::now()};
}

}  // namespace herald
