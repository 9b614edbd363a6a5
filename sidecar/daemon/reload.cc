// heraldd reads its configuration again: everything is read, checked and made first, and then all of it takes the place
// of what runs, or nothing does.
#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <utility>

#include "sidecar/announce/levers.h"
#include "sidecar/config/changes.h"
#include "sidecar/daemon/daemon.h"

namespace herald {

Daemon::Probes Daemon::make_probes(const Config& config, std::vector<std::string>& problems) {
  const probes::Context context{loop_, curl_, resolver_, ca_stores_};
  const auto kinds = probes::registry();
  Probes probes;
  for (const ServiceSpec& service : config.services) {
    for (const ProbeSpec& spec : service.probes) {
      const auto kind = std::ranges::find(kinds, std::string_view(spec.type), &probes::ProbeKind::type);
      auto made = kind->make(spec, context);
      if (!made) problems.push_back(fmt::format("probe {}/{}: {}", service.name, spec.name, made.error()));
      probes.push_back(made ? std::move(*made) : nullptr);
    }
  }
  return probes;
}

ControlSource::Reloaded Daemon::reload() {
  ControlSource::Reloaded reloaded;
  const auto since_boot =
      std::chrono::duration_cast<std::chrono::microseconds>(Loop::clock().time_since_epoch()).count();
  sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", since_boot).c_str());
  if (controller_.stopping()) {
    reloaded.errors.emplace_back("heraldd is about to exit");
  } else {
    try_reload(reloaded);
  }
  for (const std::string& warning : reloaded.warnings) log_.write(LogLevel::warning, "reload: " + warning);
  for (const std::string& error : reloaded.errors) log_.write(LogLevel::error, "reload: " + error);
  log_.write(reloaded.errors.empty() ? LogLevel::notice : LogLevel::error,
             reloaded.errors.empty() ? "reloaded: " + reloaded.changes : "reload: nothing has changed");
  sd_notify(0, "READY=1");
  return reloaded;
}

void Daemon::try_reload(ControlSource::Reloaded& reloaded) {
  LoadResult loaded = options_.load();
  reloaded.warnings = std::move(loaded.warnings);
  for (const ConfigError& error : loaded.errors) reloaded.errors.push_back(to_string(error));
  if (!loaded.config) return;
  Config& config = *loaded.config;
  reloaded.errors = unchangeable(controller_.config(), config);
  Probes made = make_probes(config, reloaded.errors);
  std::ranges::move(options_.hands.levers->template_problems(config), std::back_inserter(reloaded.errors));
  auto lever = options_.hands.levers->addresses(config.services);
  if (!lever) reloaded.errors.push_back(lever.error());
  if (!reloaded.errors.empty()) return;
  reloaded.changes = to_string(changes_between(controller_.config(), config));
  std::ranges::move(missing_interfaces(config), std::back_inserter(reloaded.warnings));
  apply(std::move(config), std::move(made), std::move(*lever));
  options_.accepted(loaded.texts);
}

void Daemon::apply(Config config, Probes made, std::unique_ptr<AddressLever> lever) {
  const ConfigChanges changes = changes_between(controller_.config(), config);
  // What has happened until now is decided by the configuration that it happened under.
  controller_.end_asked("the configuration is read again");
  settle();
  const Controller::Reconfigured done = controller_.configure(std::move(config), loop_.now());
  lever_ = std::move(lever);
  probes_.resize(controller_.id_limit());
  running_.resize(controller_.id_limit());
  for (std::size_t index = 0; index < controller_.probe_count(); ++index) {
    const auto id = controller_.probe_id(index);
    if (std::ranges::find(done.remade, id) == done.remade.end()) continue;
    const auto at = static_cast<std::size_t>(id);
    running_[at].attempt.reset();  // what is in flight is of the former probe, which has to outlive it
    probes_[at] = std::move(made[index]);
  }
  if (done.rewired) {
    next_router_ = options_.hands.levers->router(controller_.config(), controller_.leaving());
  }
  use_next_router();
  // Before anything is decided, as at the start: what was drained when it was configured last still is.
  const Operations::Start standing = operations_.standing(changes.added, clocks());
  for (const event::Administer& word : standing.words) tell(word);
  for (const event::Recall& recall : standing.recalls) tell(recall);
  status_changed_ = true;
  settle();
}

// A read in flight ends with its lever; the core does not wait for it any more. A batch in flight is awaited.
void Daemon::use_next_router() {
  if (next_router_ && !batch_in_flight_) router_ = std::move(next_router_);
}

}  // namespace herald
