// The operators' side of heraldd: what they ask is answered and what they say is kept, and only then told to the core. What
// heraldd has to remember for the next one is kept here, too, soon and as well as that goes.
//
// It decides nothing, and knows no probe, address or route but through the controller and the hands that are handed in.
// Everything that it is given outlives it.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sidecar/control/methods.h"
#include "sidecar/control/probe_requests.h"
#include "sidecar/control/server.h"
#include "sidecar/core/controller.h"
#include "sidecar/os/log.h"
#include "sidecar/os/loop.h"
#include "sidecar/state/handover_marker.h"
#include "sidecar/state/operations.h"

namespace herald {

class Operators {
 public:
  // What the daemon does for them.
  struct Daemon {
    std::function<void(const Event&)> tell;
    std::function<void()> settle;  // what was told is decided upon
    std::function<Snapshot()> snapshot;
    std::function<ClockPair()> clocks;
    std::function<Snapshot()> seen = {};  // see ControlSource
    std::function<nlohmann::ordered_json()> plan;
    std::function<const History::Entries&()> history;
    std::function<void(std::uint64_t client)> reload;
    // Descriptors are short: see ControlServer.
    std::function<bool()> is_short = {};
  };

  // `keeps_in`: see HandoverMarker.
  Operators(Loop& loop, Log& log, const Controller& controller, StateFile state, Writer& writer,
            const std::optional<std::filesystem::path>& keeps_in, Daemon daemon);
  Operators(const Operators&) = delete;
  Operators& operator=(const Operators&) = delete;

  // What was said before this start. Before anything is decided: a drained service must not be announced for a moment.
  void hear();
  // The same of services that the configuration did not have until now.
  void hear_of(std::span<const std::string> added);
  // Opens the control socket. The error is a line for people.
  [[nodiscard]] std::expected<void, std::string> open();
  // heraldd has started: what a handover was to keep is ours again.
  void started() { handover_.remove(writer_); }

  // Later, when it is kept. The errors are lines for people; nothing has changed then.
  using OnDone = ControlSource::OnDone;
  void administer(const AdminRequest& request, OnDone done);
  void clear_damping(std::span<const std::string> services, const std::string& who, OnDone done);
  void hand_over(OnDone done);
  // Answered at the end of the turn, by what was seen since.
  void adopt(const std::string& service, const std::string& who, ControlSource::OnAdopted done);
  // Answered by probed(), once all attempts have ended.
  void probe(const ProbeRequest& request, std::uint64_t client);
  void probed(const effect::Probed& effect);
  void reloaded(std::uint64_t client, const Reloaded& reloaded);

  // To everybody who is watching.
  void publish(const nlohmann::ordered_json& parameters);

  // Kept by keep(), at the end of a turn: not more often than once a second, except for the last time.
  void remember(const effect::Remember& effect);
  void keep();
  // At the end of a turn.
  void answer_adoptions();
  void hurry() { keep_at_ = {}; }

 private:
  // Who waits for what was somebody else's.
  struct Adoption {
    std::string service;
    std::vector<AddressKey> addresses;
    ControlSource::OnAdopted done;
  };

  void tell_all(const Operations::Start& said);

  Loop& loop_;
  Log& log_;
  const Controller& controller_;
  Writer& writer_;
  Daemon daemon_;
  Operations operations_;
  HandoverMarker handover_;
  ProbeRequests probe_requests_;
  std::vector<Adoption> adoptions_;
  std::unique_ptr<ControlServer> control_;
  TimePoint keep_at_{};
  Source keep_timer_;
};

}  // namespace herald
