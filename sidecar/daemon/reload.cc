// heraldd reads its configuration again: everything is read, checked and tried first, and then all of it takes the place
// of what runs, or nothing does.
//
//   idle       until somebody asks.
//   checking   what was read is tried by a worker; heraldd goes on by what it had. Who asks now is answered by another
//              reload after this one, for the files may be others by now.
#include <algorithm>
#include <iterator>
#include <utility>

#include "sidecar/config/changes.h"
#include "sidecar/daemon/daemon.h"

namespace herald {

void Daemon::reload(std::optional<std::uint64_t> client) {
  if (reloading_) {
    if (client) reloading_->next.push_back(*client);
    reloading_->again = true;  // the files may be others by now
    return;
  }
  systemd_.reloading();
  reloading_.emplace();
  if (client) reloading_->clients.push_back(*client);
  if (controller_.stopping()) {
    reloading_->reloaded.errors.emplace_back("heraldd is about to exit");
  } else {
    read_again(*reloading_);
  }
  if (!reloading_->loaded
           .config) {  // soon, and not now: the client has to be waiting before it can be answered
    reloading_->soon = loop_.timer_at(Loop::clock(), [this] { end_reload(); });
    return;
  }
  probes_.check(*reloading_->loaded.config,
                [this](std::vector<std::string> problems, const std::string& untried) {
                  if (!untried.empty()) problems.push_back(untried);
                  reload_checked(std::move(problems));
                });
}

// No configuration is left of it where nothing is to be tried.
void Daemon::read_again(Reloading& reloading) {
  Reloaded& reloaded = reloading.reloaded;
  reloading.loaded = options_.load();
  reloaded.warnings = std::move(reloading.loaded.warnings);
  for (const ConfigError& error : reloading.loaded.errors) reloaded.errors.push_back(to_string(error));
  if (!reloading.loaded.config) return;
  const Config& config = *reloading.loaded.config;
  reloaded.errors = unchangeable(controller_.config(), config);
  std::ranges::move(options_.hands.levers->template_problems(config), std::back_inserter(reloaded.errors));
  auto lever = options_.hands.levers->addresses(config.services);
  if (lever) {
    reloading.lever = std::move(*lever);
  } else {
    reloaded.errors.push_back(lever.error());
  }
}

void Daemon::reload_checked(std::vector<std::string> problems) {
  Reloading& reloading = *reloading_;
  Reloaded& reloaded = reloading.reloaded;
  std::ranges::move(problems, std::back_inserter(reloaded.errors));
  // Where it is to be seen is tried also beside other errors: all of them are said at once.
  http_.prepare(reloading.loaded.config->http.listen,
                [this](std::vector<std::string> found, const std::string& untried) {
                  if (!untried.empty()) found.push_back("http.listen cannot be tried: " + untried);
                  reload_prepared(std::move(found));
                });
}

void Daemon::reload_prepared(std::vector<std::string> problems) {
  Reloading& reloading = *reloading_;
  Reloaded& reloaded = reloading.reloaded;
  std::ranges::move(problems, std::back_inserter(reloaded.errors));
  if (controller_.stopping()) reloaded.errors.emplace_back("heraldd is about to exit");
  if (reloaded.errors.empty()) {
    Config& config = *reloading.loaded.config;
    reloaded.changes = to_string(changes_between(controller_.config(), config));
    std::ranges::move(missing_interfaces(config), std::back_inserter(reloaded.warnings));
    apply(std::move(config), std::move(reloading.lever));
    http_.use();
    options_.accepted(reloading.loaded.texts);
  } else {
    http_.forget();
  }
  end_reload();
}

void Daemon::end_reload() {
  const auto ended = std::exchange(reloading_, std::nullopt);
  const Reloaded& reloaded = ended->reloaded;
  own_.reloaded(reloaded.errors.empty(), loop_.now());
  for (const std::string& warning : reloaded.warnings) log_.write(LogLevel::warning, "reload: " + warning);
  for (const std::string& error : reloaded.errors) log_.write(LogLevel::error, "reload: " + error);
  log_.write(reloaded.errors.empty() ? LogLevel::notice : LogLevel::error,
             reloaded.errors.empty() ? "reloaded: " + reloaded.changes : "reload: nothing has changed");
  systemd_.reloaded();
  for (const std::uint64_t client : ended->clients) operators_.reloaded(client, reloaded);
  if (!ended->again) return;
  reload(std::nullopt);
  reloading_->clients = ended->next;
}

void Daemon::apply(Config config, std::unique_ptr<AddressLever> lever) {
  const ConfigChanges changes = changes_between(controller_.config(), config);
  // What has happened until now is decided by the configuration that it happened under.
  controller_.end_asked("the configuration is read again");
  settle();
  const Controller::Reconfigured done = controller_.configure(std::move(config), loop_.now());
  addresses_.use(std::move(lever));
  know_vips();
  std::vector<ProbeId> ids;
  for (std::size_t index = 0; index < controller_.probe_count(); ++index) {
    const ProbeId id = ids.emplace_back(controller_.probe_id(index));
    if (std::ranges::find(done.remade, id) != done.remade.end())
      probes_.put(id, probe_name(index), controller_.probe(id));
    probes_.hold(id, controller_.probe(id).hold);
  }
  probes_.hold_only(ids);
  watch_events();
  if (done.rewired) router_.use(options_.hands.levers->router(controller_.config(), controller_.leaving()));
  // Before anything is decided, as at the start: what was drained when it was configured last still is.
  operators_.hear_of(changes.added);
  systemd_.status_changed();
  settle();
}

}  // namespace herald
