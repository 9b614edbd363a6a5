#include "sidecar/state/history_entry.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "sidecar/text/plain_text.h"

namespace herald {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr std::string_view kHerald = "herald";
constexpr std::string_view kPeer = "peer";
constexpr std::size_t kLongestReason = 300;

std::chrono::sys_time<milliseconds> wall_time(TimePoint when, const ClockPair& clocks) {
  return std::chrono::floor<milliseconds>(
      clocks.wall + std::chrono::duration_cast<std::chrono::system_clock::duration>(when - clocks.core));
}

}  // namespace

HistoryEntry entry_of(const effect::Transition& transition, const ClockPair& clocks) {
  return {.at = wall_time(transition.at, clocks),
          .subject = std::string(name_of(transition.subject)),
          .service = transition.service,
          .probe = transition.probe,
          .from = transition.from,
          .to = transition.to,
          .reason = cut(printable(transition.reason), kLongestReason),
          .lasted = std::chrono::floor<milliseconds>(transition.lasted)};
}

HistoryEntry entry_of(const effect::PeerTurned& turned, const ClockPair& clocks) {
  return {.at = wall_time(turned.at, clocks),
          .subject = std::string(kPeer),
          .service = {},
          .probe = {},
          .from = turned.from,
          .to = turned.to,
          .reason = turned.reason,
          .lasted = std::chrono::floor<milliseconds>(turned.lasted),
          .peer = turned.peer};
}

HistoryEntry entry_of_herald(std::string to, std::string reason, const ClockPair& clocks) {
  return {.at = wall_time(clocks.core, clocks),
          .subject = std::string(kHerald),
          .service = {},
          .probe = {},
          .from = {},
          .to = std::move(to),
          .reason = std::move(reason),
          .lasted = std::nullopt};
}

bool is_of_herald(const HistoryEntry& entry) {
  return entry.subject == kHerald;
}

ordered_json to_json(const HistoryEntry& entry) {
  const auto lasted =
      static_cast<std::uint64_t>(std::max<std::int64_t>(entry.lasted.value_or(0ms).count(), 0));
  return {{"at", to_rfc3339(TimePoint{}, {TimePoint{}, entry.at})},
          {"subject", entry.subject},
          {"service", entry.service},
          {"probe", entry.probe},
          {"peer", entry.peer},
          {"from", entry.from},
          {"to", entry.to},
          {"reason", entry.reason},
          {"lasted_ms", entry.lasted ? ordered_json(lasted) : ordered_json(nullptr)}};
}

std::optional<HistoryEntry> read_entry(std::string_view line) {
  const json object = json::parse(line, nullptr, false);
  const auto text = [&](const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (!object.is_object()) return std::nullopt;
  const auto at = parse_rfc3339(text("at"));
  if (!at || text("subject").empty() || text("to").empty()) return std::nullopt;
  HistoryEntry entry{*at,        text("subject"), text("service"), text("probe"), text("from"),
                     text("to"), text("reason"),  std::nullopt,    text("peer")};
  const auto lasted = object.find("lasted_ms");
  if (lasted != object.end() && lasted->is_number_unsigned()) {
    constexpr std::uint64_t kMost = std::chrono::floor<milliseconds>(Duration::max()).count();  // 292 years
    entry.lasted = milliseconds(std::min(lasted->get<std::uint64_t>(), kMost));
  }
  return entry;
}

}  // namespace herald
