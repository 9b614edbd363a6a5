// io.herald.Control: the commands of the control socket, one row each. What they need of the daemon is handed
// in.
#pragma once

#include <expected>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sidecar/control/names.h"
#include "sidecar/control/probe_requests.h"
#include "sidecar/control/report.h"
#include "sidecar/state/history.h"
#include "sidecar/state/operations.h"
#include "sidecar/varlink/service.h"

namespace herald {

struct ControlSource {
  std::function<Snapshot()> snapshot;
  std::function<ClockPair()> clocks;
  // What metrics are read out of: without records, and with what heraldd alone knows of itself.
  std::function<Snapshot()> seen = {};
  // What `plan` shows.
  std::function<nlohmann::ordered_json()> plan;
  std::function<const History::Entries&()> history;
  // Answers a client whose request has taken time: ControlServer::finish().
  std::function<void(std::uint64_t client, const VarlinkReply& reply)> finish;
  // Begins it; the client is answered by finish().
  std::function<void(const ProbeRequest& request, std::uint64_t client)> probe;
  // Keeps it and tells the core; `done` is called once. The error is a line for people, why it cannot be kept; nothing
  // has changed then.
  using OnDone = std::function<void(const std::expected<void, std::string>& done)>;
  std::function<void(const AdminRequest& request, OnDone done)> administer;
  std::function<void(std::span<const std::string> services, const std::string& who, OnDone done)>
      clear_damping = {};
  // Takes over the addresses of others that equal its VIPs; `done` is called once, with them ("10.99.0.1/32 on lo"), none
  // where there was nothing to take. The error is a line for people.
  using OnAdopted = std::function<void(const std::expected<std::vector<std::string>, std::string>& adopted)>;
  std::function<void(const std::string& service, const std::string& who, OnAdopted done)> adopt = {};
  // Begins to read the configuration again; the client is answered by finish() with reload_reply().
  std::function<void(std::uint64_t client)> reload = {};
  // Begins to hand over, once that is kept.
  std::function<void(OnDone done)> hand_over = {};
  // Since when the disk has not answered; none: it does.
  std::function<std::optional<TimePoint>()> disk_silent_since = {};
};

// What became of a reload. Nothing has changed where there are errors, lines for people.
struct Reloaded {
  std::string changes;
  std::vector<std::string> warnings;
  std::vector<std::string> errors;
};
[[nodiscard]] VarlinkReply reload_reply(const Reloaded& reloaded);

// `source` is called for every request and must stay valid as long as the interface.
[[nodiscard]] VarlinkInterface control_interface(const ControlSource& source);

// What GetInfo says.
[[nodiscard]] VarlinkInfo control_info();

}  // namespace herald
