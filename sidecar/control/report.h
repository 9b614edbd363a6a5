// A snapshot as JSON: what status and why answer, and what other programs may rely on.
//
// Pure: it reads no clock. Times on the core's clock become wall-clock times with the pair of readings that
// the caller hands in, so that a stepped wall clock moves them all alike.
#pragma once

#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/core/controller.h"
#include "sidecar/core/snapshot.h"
#include "sidecar/text/clocks.h"

namespace herald {

// `status --json` (contract, section 3).
[[nodiscard]] nlohmann::ordered_json status_report(const Snapshot& snapshot, const ClockPair& clocks);

// The member "disk" of it: since when the disk has not answered; none: it does.
[[nodiscard]] nlohmann::ordered_json disk_report(std::optional<TimePoint> silent_since,
                                                 const ClockPair& clocks);

// `why SERVICE --json`; the error names the services that there are, nearest first.
[[nodiscard]] std::expected<nlohmann::ordered_json, std::string> why_report(const Snapshot& snapshot,
                                                                            std::string_view service,
                                                                            const ClockPair& clocks);

// Why there is no such service, with the near name; none where there is one.
[[nodiscard]] std::optional<std::string> unknown_service(const Snapshot& snapshot, std::string_view service);

// As unknown_service(), and of one that the configuration has no more: nothing can be asked of it.
[[nodiscard]] std::optional<std::string> not_configured(const Snapshot& snapshot, std::string_view service);

// One result of `probe SERVICE --json`.
[[nodiscard]] nlohmann::ordered_json result_report(const ProbeSpec& probe, const ProbeResult& result);

// Why the service has no such probe, with the near name; none where it has one.
[[nodiscard]] std::optional<std::string> unknown_probe(const Snapshot& snapshot, std::string_view service,
                                                       std::string_view probe);

// `plan --json`. `commands` are those of the router's lever for plan.routes.
[[nodiscard]] nlohmann::ordered_json plan_report(const Controller::Plan& plan,
                                                 const std::vector<std::string>& commands);

// One line for systemd's STATUS=: "2 of 3 services announced; web withdrawn: ...".
[[nodiscard]] std::string status_line(const Snapshot& snapshot);

}  // namespace herald
