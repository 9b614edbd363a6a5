// heraldd reads its configuration again: everything is read, checked and made first, and then all of it takes the place
// of what runs, or nothing does.
#include <algorithm>
#include <iterator>
#include <utility>

#include "sidecar/config/changes.h"
#include "sidecar/daemon/daemon.h"

namespace herald {

ControlSource::Reloaded Daemon::reload() {
  ControlSource::Reloaded reloaded;
  systemd_.reloading();
  if (controller_.stopping()) {
    reloaded.errors.emplace_back("heraldd is about to exit");
  } else {
    try_reload(reloaded);
  }
  for (const std::string& warning : reloaded.warnings) log_.write(LogLevel::warning, "reload: " + warning);
  for (const std::string& error : reloaded.errors) log_.write(LogLevel::error, "reload: " + error);
  log_.write(reloaded.errors.empty() ? LogLevel::notice : LogLevel::error,
             reloaded.errors.empty() ? "reloaded: " + reloaded.changes : "reload: nothing has changed");
  systemd_.reloaded();
  return reloaded;
}

void Daemon::try_reload(ControlSource::Reloaded& reloaded) {
  LoadResult loaded = options_.load();
  reloaded.warnings = std::move(loaded.warnings);
  for (const ConfigError& error : loaded.errors) reloaded.errors.push_back(to_string(error));
  if (!loaded.config) return;
  Config& config = *loaded.config;
  reloaded.errors = unchangeable(controller_.config(), config);
  ProbeRunner::Probes made = probes_.make(config, reloaded.errors);
  std::ranges::move(options_.hands.levers->template_problems(config), std::back_inserter(reloaded.errors));
  auto lever = options_.hands.levers->addresses(config.services);
  if (!lever) reloaded.errors.push_back(lever.error());
  if (!reloaded.errors.empty()) return;
  reloaded.changes = to_string(changes_between(controller_.config(), config));
  std::ranges::move(missing_interfaces(config), std::back_inserter(reloaded.warnings));
  apply(std::move(config), std::move(made), std::move(*lever));
  options_.accepted(loaded.texts);
}

void Daemon::apply(Config config, ProbeRunner::Probes made, std::unique_ptr<AddressLever> lever) {
  const ConfigChanges changes = changes_between(controller_.config(), config);
  // What has happened until now is decided by the configuration that it happened under.
  controller_.end_asked("the configuration is read again");
  settle();
  const Controller::Reconfigured done = controller_.configure(std::move(config), loop_.now());
  addresses_.use(std::move(lever));
  for (std::size_t index = 0; index < controller_.probe_count(); ++index) {
    const auto id = controller_.probe_id(index);
    if (std::ranges::find(done.remade, id) != done.remade.end()) probes_.put(id, std::move(made[index]));
  }
  if (done.rewired) router_.use(options_.hands.levers->router(controller_.config(), controller_.leaving()));
  // Before anything is decided, as at the start: what was drained when it was configured last still is.
  operators_.hear_of(changes.added);
  systemd_.status_changed();
  settle();
}

}  // namespace herald
