// io.herald.Control: the commands of the control socket, one row each. What they need of the daemon is handed
// in.
#pragma once

#include <expected>
#include <functional>
#include <span>
#include <string>

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
  // What `plan` shows.
  std::function<nlohmann::ordered_json()> plan;
  std::function<const History::Entries&()> history;
  // Begins it; the client is answered by ControlServer::finish().
  std::function<void(const ProbeRequest& request, std::uint64_t client)> probe;
  // Keeps it and tells the core; the error is a line for people.
  std::function<std::expected<void, std::string>(const AdminRequest& request)> administer;
  std::function<std::expected<void, std::string>(std::span<const std::string> services,
                                                 const std::string& who)>
      clear_damping = {};
  // Begins to read the configuration again; the client is answered by ControlServer::finish() with reload_reply().
  std::function<void(std::uint64_t client)> reload = {};
  // Begins to hand over. The error is a line for people, why that cannot be kept; nothing has changed then.
  std::function<std::expected<void, std::string>()> hand_over = {};
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
