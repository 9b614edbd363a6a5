#include "sidecar/control/router_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "sidecar/core/route/fast_withdraw.h"

namespace herald {

using nlohmann::ordered_json;

ordered_json time_or_null(const std::optional<TimePoint>& when, const ClockPair& clocks) {
  if (!when) return nullptr;
  return to_rfc3339(*when, clocks);
}

bool can_read_back(const Snapshot& snapshot) {
  return snapshot.stack != Stack::none && snapshot.router && snapshot.router->reachable;
}

namespace {

// What the router holds of it now; null where that is not known.
ordered_json fallback_json(const Snapshot& snapshot) {
  ordered_json held = nullptr;
  if (can_read_back(snapshot)) {
    held = ordered_json::array();
    for (const auto& [peer, fallback] : snapshot.router->fallback) {
      ordered_json denied = ordered_json::array();
      for (const Vip& vip : fallback.denied) denied.push_back(vip.prefix);
      held.push_back({{"peer", peer}, {"denied", std::move(denied)}, {"shut", fallback.shut}});
    }
  }
  return {{"level", name_of(snapshot.fallback)}, {"held", std::move(held)}};
}

ordered_json count_or_null(const std::optional<std::uint64_t>& count) {
  return count ? ordered_json(*count) : ordered_json(nullptr);
}

// A session, and since when it is so as far as heraldd has seen it.
ordered_json peer_json(const RouterPeer& peer, const Snapshot& snapshot, const ClockPair& clocks) {
  const auto seen = std::ranges::find(snapshot.peers, peer.address, &PeerSnapshot::address);
  const bool is_seen = seen != snapshot.peers.end();
  return {{"address", peer.address},
          {"state", peer.state},
          {"established", peer.established},
          {"since", is_seen ? ordered_json(to_rfc3339(seen->since, clocks)) : ordered_json(nullptr)},
          {"losses", is_seen ? ordered_json(seen->losses) : ordered_json(nullptr)},
          {"sent", count_or_null(peer.sent)},
          {"accepted", count_or_null(peer.accepted)}};
}

// Who takes part, and who does not, and why; null where that is not known.
ordered_json fast_withdraw_json(const Snapshot& snapshot) {
  ordered_json report{{"on", snapshot.fast_withdraw}, {"denied", nullptr}, {"peers", nullptr}};
  if (!can_read_back(snapshot)) return report;
  const FastView& fast = snapshot.router->fast;
  report["denied"] = report["peers"] = ordered_json::array();
  for (const Vip& vip : fast.denied) report["denied"].push_back(vip.prefix);
  for (std::size_t family = 0; family < fast.slots.size(); ++family) {
    const FastSlot& slot = fast.slots.at(family);
    const auto tell = [&](const std::string& peer, bool takes_part, const ordered_json& why) {
      report["peers"].push_back({{"peer", peer},
                                 {"family", family == 0 ? "ipv4" : "ipv6"},
                                 {"takes_part", takes_part},
                                 {"why_not", why}});
    };
    for (const auto& [peer, sent] : slot.peers)
      tell(peer, !slot.problem, slot.problem ? ordered_json(*slot.problem) : ordered_json(nullptr));
    for (const auto& [peer, other] : slot.others)
      tell(peer, false,
           other.empty() ? fmt::format("it has no outbound prefix-list {}", kFastList)
                         : "its outbound filter is " + other);
  }
  return report;
}

}  // namespace

ordered_json router_json(const Snapshot& snapshot, const ClockPair& clocks) {
  ordered_json peers = ordered_json::array();
  ordered_json reachable = nullptr;
  std::string error;
  if (snapshot.router && snapshot.stack != Stack::none) {
    reachable = snapshot.router->reachable;
    error = snapshot.router->error;
    for (const RouterPeer& peer : snapshot.router->peers) peers.push_back(peer_json(peer, snapshot, clocks));
  }
  return {{"stack", name_of(snapshot.stack)},
          {"reachable", std::move(reachable)},
          {"peers", std::move(peers)},
          {"error", std::move(error)},
          {"fallback", fallback_json(snapshot)},
          {"fast_withdraw", fast_withdraw_json(snapshot)},
          {"read_at", time_or_null(snapshot.router_read_at, clocks)}};
}

}  // namespace herald
