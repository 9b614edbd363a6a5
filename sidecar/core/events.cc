#include "sidecar/core/events.h"

#include <fmt/format.h>

namespace herald::effect {

std::string to_string(const Transition& transition) {
  const std::string_view admin = transition.subject == Subject::admin ? "admin " : "";
  return fmt::format("{}{}{}: {}{} -> {}{}{}", transition.service, transition.probe.empty() ? "" : "/",
                     transition.probe, admin, transition.from, transition.to,
                     transition.reason.empty() ? "" : ": ", transition.reason);
}

std::string to_string(const PeerTurned& turned) {
  return fmt::format("peer {}: {} -> {}: {}", turned.peer, turned.from, turned.to, turned.reason);
}

}  // namespace herald::effect
