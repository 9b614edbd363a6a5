// heraldd at work: the controller, and hands and eyes for it on one loop.
//
// Watches only record events. Once a turn, before the loop sleeps, settle() asks the controller what to do,
// does it, and arms one timer for the next wake-up; nothing else decides (sidecar/core/controller.h).
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "probes/curl_multi.h"
#include "probes/probe.h"
#include "probes/resolver.h"
#include "probes/tls.h"
#include "sidecar/announce/levers.h"
#include "sidecar/config/file.h"
#include "sidecar/control/methods.h"
#include "sidecar/control/probe_requests.h"
#include "sidecar/control/report.h"
#include "sidecar/control/server.h"
#include "sidecar/core/controller.h"
#include "sidecar/daemon/hands.h"
#include "sidecar/os/file_watch.h"
#include "sidecar/os/lateness.h"
#include "sidecar/os/log.h"
#include "sidecar/os/loop.h"
#include "sidecar/os/namespace_lock.h"
#include "sidecar/os/netlink.h"
#include "sidecar/state/handover_marker.h"
#include "sidecar/state/history.h"
#include "sidecar/state/operations.h"

namespace herald {

struct DaemonOptions {
  Hands hands;
  // Reads the configuration again.
  std::function<LoadResult()> load;
  // What goes on by a configuration that was read again keeps its texts.
  std::function<void(std::span<const ConfigText>)> accepted;
};

class Daemon {
 public:
  Daemon(Loop& loop, Log& log, Config config, DaemonOptions options);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Makes the probes of the configuration and looks at the templates: every file that cannot be read and the like, one
  // line each.
  [[nodiscard]] std::vector<std::string> prepare();
  // Opens sockets and starts to watch. The error is a line for people.
  [[nodiscard]] std::expected<void, std::string> open();
  // Until SIGTERM or SIGINT; returns the exit code.
  int run() { return loop_.run(); }

 private:
  struct Running {
    RunId run{};
    std::unique_ptr<probes::Attempt> attempt;
  };

  void settle();
  void tell(const Event& event);
  [[nodiscard]] std::expected<void, std::string> open_control();
  // At once, and not only when a service is up and its VIP cannot be added: that may be the night of a failover.
  [[nodiscard]] static std::vector<std::string> missing_interfaces(const Config& config);
  void watch_signals();
  using Probes = std::vector<std::unique_ptr<probes::Probe>>;  // in the order of the configuration
  [[nodiscard]] Probes make_probes(const Config& config, std::vector<std::string>& problems);
  [[nodiscard]] ControlSource::Reloaded reload();
  void try_reload(ControlSource::Reloaded& reloaded);
  void use_next_router();
  void apply(Config config, Probes made, std::unique_ptr<AddressLever> lever);

  void carry_out(const effect::StartProbe& effect);
  void carry_out(const effect::CancelProbe& effect);
  void carry_out(const effect::StartAside& effect);
  void carry_out(const effect::Probed& effect);
  void carry_out(const effect::Observe& effect);
  void carry_out(const effect::Apply& effect);
  void carry_out(const effect::ReadRouter& effect);
  void carry_out(const effect::ApplyRoutes& effect);
  void carry_out(const effect::Transition& effect);
  void carry_out(const effect::Notice& effect);
  void carry_out(const effect::Remember& effect);
  void carry_out(const effect::Exit& effect);

  [[nodiscard]] std::string says(const std::string& done) const;
  void open_history();
  void record(HistoryEntry entry);
  void notify_systemd();
  void keep_penalties();
  void hear_operators();
  [[nodiscard]] std::expected<void, std::string> administer(const AdminRequest& request);
  [[nodiscard]] std::expected<void, std::string> hand_over();
  void probe(const ProbeRequest& request, std::uint64_t client);
  [[nodiscard]] std::expected<void, std::string> clear_damping(std::span<const std::string> services,
                                                               const std::string& who);
  [[nodiscard]] nlohmann::ordered_json plan() const;
  [[nodiscard]] Snapshot snapshot() const;
  [[nodiscard]] ClockPair clocks() const;

  Loop& loop_;
  Log& log_;
  DaemonOptions options_;
  Controller controller_;
  Operations operations_;
  History history_;
  HandoverMarker handover_marker_;
  probes::CurlMulti curl_;
  probes::Resolver resolver_;
  probes::CaStores ca_stores_;
  Probes probes_;                // by ProbeId
  std::deque<Running> running_;  // by ProbeId; an attempt's callback refers to its own
  std::map<RunId, std::unique_ptr<probes::Attempt>> asides_;
  ProbeRequests probe_requests_;
  std::unique_ptr<AddressLever> lever_;
  std::optional<AddressMonitor> monitor_;
  std::unique_ptr<RouterLever> router_;
  std::unique_ptr<RouterLever> next_router_;  // of another configuration: once a batch in flight has ended
  bool batch_in_flight_ = false;
  std::optional<FileWatch> router_socket_;
  std::optional<NamespaceLock> namespace_lock_;
  Lateness lateness_;
  TimePoint wakeup_{};
  TimePoint keep_penalties_at_{};
  bool observed_ = false;
  bool ready_ = false;
  bool status_changed_ = true;
  TimePoint notified_at_{};
  Duration watchdog_{};  // zero: none
  std::unique_ptr<ControlServer> control_;
  std::vector<Source> signals_;
  Source watch_addresses_;
  Source timer_;
  Source penalties_timer_;
  Source watchdog_timer_;
  Source settle_;
};

}  // namespace herald
