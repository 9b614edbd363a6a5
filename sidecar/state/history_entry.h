// A transition as it is told and kept: the same in the file of the history, in `history`, `watch` and `why --json`.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/core/events.h"
#include "sidecar/text/clocks.h"

namespace herald {

struct HistoryEntry {
  std::chrono::sys_time<std::chrono::milliseconds> at{};
  std::string
      subject;  // name_of(Subject), "peer": a session of the router's, or "herald": its coming and going
  std::string service;
  std::string probe;
  std::string from;  // empty: nothing that is known
  std::string to;
  std::string reason;
  std::optional<std::chrono::milliseconds> lasted;  // how long it was `from`
  std::string peer = {};                            // address of a session of the router's

  bool operator==(const HistoryEntry&) const = default;
};

[[nodiscard]] HistoryEntry entry_of(const effect::Transition& transition, const ClockPair& clocks);
[[nodiscard]] HistoryEntry entry_of(const effect::PeerTurned& turned, const ClockPair& clocks);
// heraldd itself began or ended.
[[nodiscard]] HistoryEntry entry_of_herald(std::string to, std::string reason, const ClockPair& clocks);

[[nodiscard]] bool is_of_herald(const HistoryEntry& entry);

[[nodiscard]] nlohmann::ordered_json to_json(const HistoryEntry& entry);
[[nodiscard]] std::optional<HistoryEntry> read_entry(std::string_view line);

}  // namespace herald
