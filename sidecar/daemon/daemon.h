// heraldd at work: the controller, and hands and eyes for it on one loop.
//
// Watches only record events. Once a turn, before the loop sleeps, settle() asks the controller what to do,
// does it, and arms one timer for the next wake-up; nothing else decides (sidecar/core/controller.h). Each effect is carried
// out by the room that it belongs to: probe_runner, address_hand, router_hand, operators.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sidecar/config/file.h"
#include "sidecar/control/methods.h"
#include "sidecar/core/controller.h"
#include "sidecar/daemon/address_hand.h"
#include "sidecar/daemon/event_sources.h"
#include "sidecar/daemon/hands.h"
#include "sidecar/daemon/http_hand.h"
#include "sidecar/daemon/http_views.h"
#include "sidecar/daemon/operators.h"
#include "sidecar/daemon/own_record.h"
#include "sidecar/daemon/probe_runner.h"
#include "sidecar/daemon/router_hand.h"
#include "sidecar/daemon/systemd.h"
#include "sidecar/daemon/vip_listeners.h"
#include "sidecar/os/boot_clock.h"
#include "sidecar/os/log.h"
#include "sidecar/os/loop.h"
#include "sidecar/os/namespace_lock.h"
#include "sidecar/state/history.h"

namespace herald {

struct DaemonOptions {
  Hands hands;
  WorkerOptions workers;
  HttpOptions http = {};
  // http.listen was accepted before: a port that somebody has taken since is no error at the start.
  bool http_was_accepted = false;
  // Reads the configuration again.
  std::function<LoadResult()> load;
  // What goes on by a configuration that was read again keeps its texts.
  std::function<void(std::span<const ConfigText>)> accepted;
  bool only_checks = false;  // nothing is to be run: what cannot be tried is a problem
};

class Daemon {
 public:
  Daemon(Loop& loop, Log& log, Config config, DaemonOptions options);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Has the workers make the probes of the configuration, looks at the templates, and has somebody listen where HTTP is to be
  // served: every file that cannot be read, every address that is taken and the like, one line each. Workers and herald-http of
  // units of their own may come later: what is announced is held meanwhile.
  [[nodiscard]] std::vector<std::string> prepare();
  // Opens sockets and starts to watch. The error is a line for people.
  [[nodiscard]] std::expected<void, std::string> open();
  // Until SIGTERM or SIGINT; returns the exit code.
  int run() { return loop_.run(); }

 private:
  void settle();
  void tell(const Event& event);
  void prepare_http(std::vector<std::string>& problems);
  // At once, and not only when a service is up and its VIP cannot be added: that may be the night of a failover.
  [[nodiscard]] static std::vector<std::string> missing_interfaces(const Config& config);
  void watch_signals();
  // A reload that is under way.
  struct Reloading {
    std::vector<std::uint64_t> clients;  // who await the answer
    std::vector<std::uint64_t> next;     // and that of the one after it
    Reloaded reloaded;
    LoadResult loaded;
    std::unique_ptr<AddressLever> lever;
    bool again = false;
    Source soon;
  };
  // `client` awaits the answer; none: systemd alone does.
  void reload(std::optional<std::uint64_t> client);
  void read_again(Reloading& reloading);
  // The probes of what was read have been tried; and where it is to be seen by HTTP.
  void reload_checked(std::vector<std::string> problems);
  void reload_prepared(std::vector<std::string> problems);
  void end_reload();
  void apply(Config config, std::unique_ptr<AddressLever> lever);
  [[nodiscard]] std::string probe_name(std::size_t index) const;

  void carry_out(const effect::StartProbe& effect);
  void carry_out(const effect::CancelProbe& effect);
  void carry_out(const effect::StartAside& effect);
  void carry_out(const effect::Probed& effect);
  void carry_out(const effect::Observe& effect);
  void carry_out(const effect::Apply& effect);
  void carry_out(const effect::ReadRouter& effect);
  void carry_out(const effect::ApplyRoutes& effect);
  void carry_out(const effect::Transition& effect);
  void carry_out(const effect::PeerTurned& effect);
  void carry_out(const effect::Notice& effect);
  void carry_out(const effect::Remember& effect);
  void carry_out(const effect::Exit& effect);

  void leave_when_kept();
  void open_history();
  void record(HistoryEntry entry);
  [[nodiscard]] nlohmann::ordered_json plan() const;
  [[nodiscard]] Snapshot snapshot() const;
  void know_vips();
  [[nodiscard]] Snapshot seen() const;
  [[nodiscard]] nlohmann::ordered_json status() const;
  void watch_events();
  [[nodiscard]] ClockPair clocks() const;

  Loop& loop_;
  Log& log_;
  DaemonOptions options_;
  Controller controller_;
  BootClock boot_clock_;
  History history_;
  std::optional<NamespaceLock> namespace_lock_;
  ProbeRunner probes_;
  std::optional<Reloading> reloading_;
  mutable EventSources event_sources_;  // looks who listens when it is asked what is shown
  mutable VipListeners vip_listeners_;  // the same
  AddressHand addresses_;
  RouterHand router_;
  Operators operators_;
  Systemd systemd_;
  OwnRecord own_;
  HttpViews views_;
  HttpHand http_;
  TimePoint wakeup_{};
  // Of an exit that was decided upon: what is to be written has until then.
  struct Leaving {
    int code = 0;
    TimePoint until{};
    Source timer;
  };
  std::optional<Leaving> leaving_;
  std::vector<Source> signals_;
  Source timer_;
  Source settle_;
};

}  // namespace herald
