// A snapshot as JSON: what status and why answer, and what other programs may rely on.
//
// Pure: it reads no clock. Times on the core's clock become wall-clock times with the pair of readings that
// the caller hands in, so that a stepped wall clock moves them all alike.
#pragma once

#include <chrono>
#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "sidecar/core/snapshot.h"

namespace herald {

// The same moment on both clocks.
struct ClockPair {
  TimePoint core{};
  std::chrono::system_clock::time_point wall{};
};

// "2026-11-23T10:00:00.123Z"
[[nodiscard]] std::string to_rfc3339(TimePoint when, const ClockPair& clocks);

// `status --json` (contract, section 3).
[[nodiscard]] nlohmann::ordered_json status_report(const Snapshot& snapshot, const ClockPair& clocks);

// `why SERVICE --json`; the error names the services that there are, nearest first.
[[nodiscard]] std::expected<nlohmann::ordered_json, std::string> why_report(const Snapshot& snapshot,
                                                                            std::string_view service,
                                                                            const ClockPair& clocks);

// One line for systemd's STATUS=: "2 of 3 services announced; web withdrawn: ...".
[[nodiscard]] std::string status_line(const Snapshot& snapshot);

}  // namespace herald
