#include "tests/sim/router.h"

namespace herald::sim {

void Router::catch_up(const Kernel& kernel) {
  if (running && !hears) return;
  heard_of.clear();
  if (!running) return;
  for (const auto& [key, entry] : kernel.addresses()) heard_of.insert(key.vip);
}

void Router::originate() {
  if (!hears) return;
  originated.clear();
  for (const auto& [vip, policy] : configuration) originated.insert(vip);
}

void Router::go_down() {
  running = false;
  heard_of.clear();
  configuration.clear();
  originated.clear();
  fallback.clear();
  fallback_remains = false;
  denied.clear();
  hears = true;  // a new process asks anew
}

void Router::heal() {
  running = answers = redistributes = established = permits = hears = denies = true;
}

void Router::take(const FallbackStep& step) {
  if (step.peer.empty()) {
    fallback_remains = false;
    return;
  }
  fallback_remains = fallback_remains || fallback.contains(step.peer);
  if (step.wanted == PeerFallback{}) {
    fallback.erase(step.peer);
  } else {
    fallback[step.peer] = step.wanted;
  }
}

void Router::take(const DenialStep& step) {
  if (step.deny) {
    denied.insert(step.vip);
  } else {
    denied.erase(step.vip);
  }
}

bool Router::has_by_address(const Vip& vip) const {
  return redistributes && heard_of.contains(vip) && (takes_all || !steered.contains(vip));
}

RouterView Router::view(const std::vector<Vip>& vips) const {
  RouterView view;
  view.reachable = running && answers;
  if (!view.reachable) {
    view.error = running ? "no answer within 2s" : "connect: No such file or directory";
    return view;
  }
  view.owned = configuration;
  view.fallback = fallback;
  view.fallback_remains = fallback_remains;
  view.fast.denied = denied;
  const std::string peer = "10.1.1.4";
  const auto found = fallback.find(peer);
  const PeerFallback held = found == fallback.end() ? PeerFallback{} : found->second;
  const bool up = established && !held.shut;
  view.peers.push_back({peer, up ? "Established" : "Active", up});
  if (up && takes_part) view.fast.slots.at(0).peers[peer] = 1;
  for (const Vip& vip : vips) {
    RouterRoute& route = view.routes[vip];
    route.in_rib = originated.contains(vip) || has_by_address(vip);
    if (redistributes) route.import = import;
    if (route.import && has_by_address(vip)) route.others.push_back({import->by, true});
    if (!route.in_rib || !up || (denies && held.denied.contains(vip))) continue;
    if (takes_part && denied.contains(vip)) {
      route.missing_from.push_back(peer);
      continue;
    }
    (permits ? route.advertised_to : route.missing_from).push_back(peer);
  }
  return view;
}

}  // namespace herald::sim
