// The words of io.herald.Control that both ends use. It is all that heraldctl knows of the server.
#pragma once

#include <string_view>

namespace herald {

inline constexpr std::string_view kStatusMethod = "io.herald.Control.Status";
inline constexpr std::string_view kWhyMethod = "io.herald.Control.Why";
inline constexpr std::string_view kPlanMethod = "io.herald.Control.Plan";
inline constexpr std::string_view kHistoryMethod = "io.herald.Control.History";
inline constexpr std::string_view kWatchMethod = "io.herald.Control.Watch";
inline constexpr std::string_view kMetricsMethod = "io.herald.Control.Metrics";
inline constexpr std::string_view kProbeMethod = "io.herald.Control.Probe";
inline constexpr std::string_view kDrainMethod = "io.herald.Control.Drain";
inline constexpr std::string_view kUndrainMethod = "io.herald.Control.Undrain";
inline constexpr std::string_view kForceMethod = "io.herald.Control.Force";
inline constexpr std::string_view kUnforceMethod = "io.herald.Control.Unforce";
inline constexpr std::string_view kReloadMethod = "io.herald.Control.Reload";
inline constexpr std::string_view kHandoverMethod = "io.herald.Control.Handover";
inline constexpr std::string_view kClearDampingMethod = "io.herald.Control.ClearDamping";
inline constexpr std::string_view kAdoptMethod = "io.herald.Control.Adopt";
inline constexpr std::string_view kNothingToAdopt = "io.herald.Control.NothingToAdopt";
inline constexpr std::string_view kNotAdopted = "io.herald.Control.NotAdopted";
inline constexpr std::string_view kNoSuchService = "io.herald.Control.NoSuchService";
inline constexpr std::string_view kNoSuchProbe = "io.herald.Control.NoSuchProbe";
inline constexpr std::string_view kNotKept = "io.herald.Control.NotKept";
inline constexpr std::string_view kBadConfiguration = "io.herald.Control.BadConfiguration";
inline constexpr std::string_view kStopping = "io.herald.Control.Stopping";

}  // namespace herald
