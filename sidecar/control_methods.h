// io.herald.Control: the commands of the control socket, one row each. What they need of the daemon is handed
// in.
#pragma once

#include <functional>
#include <string_view>

#include "sidecar/report.h"
#include "sidecar/varlink_service.h"

namespace herald {

inline constexpr std::string_view kStatusMethod = "io.herald.Control.Status";
inline constexpr std::string_view kWhyMethod = "io.herald.Control.Why";
inline constexpr std::string_view kNoSuchService = "io.herald.Control.NoSuchService";

struct ControlSource {
  std::function<Snapshot()> snapshot;
  std::function<ClockPair()> clocks;
};

// `source` is called for every request and must stay valid as long as the interface.
[[nodiscard]] VarlinkInterface control_interface(ControlSource source);

// What GetInfo says.
[[nodiscard]] VarlinkInfo control_info();

}  // namespace herald
