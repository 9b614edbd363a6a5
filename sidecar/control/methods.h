// io.herald.Control: the commands of the control socket, one row each. What they need of the daemon is handed
// in.
#pragma once

#include <expected>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "sidecar/control/probe_requests.h"
#include "sidecar/control/report.h"
#include "sidecar/state/history.h"
#include "sidecar/state/operations.h"
#include "sidecar/varlink/service.h"

namespace herald {

inline constexpr std::string_view kStatusMethod = "io.herald.Control.Status";
inline constexpr std::string_view kWhyMethod = "io.herald.Control.Why";
inline constexpr std::string_view kPlanMethod = "io.herald.Control.Plan";
inline constexpr std::string_view kHistoryMethod = "io.herald.Control.History";
inline constexpr std::string_view kWatchMethod = "io.herald.Control.Watch";
inline constexpr std::string_view kProbeMethod = "io.herald.Control.Probe";
inline constexpr std::string_view kDrainMethod = "io.herald.Control.Drain";
inline constexpr std::string_view kUndrainMethod = "io.herald.Control.Undrain";
inline constexpr std::string_view kForceMethod = "io.herald.Control.Force";
inline constexpr std::string_view kUnforceMethod = "io.herald.Control.Unforce";
inline constexpr std::string_view kReloadMethod = "io.herald.Control.Reload";
inline constexpr std::string_view kHandoverMethod = "io.herald.Control.Handover";
inline constexpr std::string_view kClearDampingMethod = "io.herald.Control.ClearDamping";
inline constexpr std::string_view kNoSuchService = "io.herald.Control.NoSuchService";
inline constexpr std::string_view kNoSuchProbe = "io.herald.Control.NoSuchProbe";
inline constexpr std::string_view kNotKept = "io.herald.Control.NotKept";
inline constexpr std::string_view kBadConfiguration = "io.herald.Control.BadConfiguration";
inline constexpr std::string_view kStopping = "io.herald.Control.Stopping";

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
  // Reads the configuration again and goes on by it. Nothing has changed where there are errors, lines for people.
  struct Reloaded {
    std::string changes;
    std::vector<std::string> warnings;
    std::vector<std::string> errors;
  };
  std::function<Reloaded()> reload = {};
  // Begins to hand over. The error is a line for people, why that cannot be kept; nothing has changed then.
  std::function<std::expected<void, std::string>()> hand_over = {};
};

// `source` is called for every request and must stay valid as long as the interface.
[[nodiscard]] VarlinkInterface control_interface(const ControlSource& source);

// What GetInfo says.
[[nodiscard]] VarlinkInfo control_info();

}  // namespace herald
