#include "tests/sim/router.h"

namespace herald::sim {

void Router::catch_up(const Kernel& kernel) {
  heard_of.clear();
  if (!running) return;
  for (const auto& [key, entry] : kernel.addresses()) heard_of.insert(key.vip);
}

void Router::originate() {
  originated.clear();
  for (const auto& [vip, policy] : configuration) originated.insert(vip);
}

void Router::go_down() {
  running = false;
  heard_of.clear();
  configuration.clear();
  originated.clear();
}

void Router::heal() {
  running = answers = redistributes = established = permits = true;
}

RouterView Router::view(const std::vector<Vip>& vips) const {
  RouterView view;
  view.reachable = running && answers;
  if (!view.reachable) {
    view.error = running ? "no answer within 2s" : "connect: No such file or directory";
    return view;
  }
  view.owned = configuration;
  const std::string peer = "10.1.1.4";
  view.peers.push_back({peer, established ? "Established" : "Active", established});
  for (const Vip& vip : vips) {
    RouterRoute& route = view.routes[vip];
    route.in_rib =
        originated.contains(vip) || (redistributes && heard_of.contains(vip) && !steered.contains(vip));
    if (!route.in_rib || !established) continue;
    (permits ? route.advertised_to : route.missing_from).push_back(peer);
  }
  return view;
}

}  // namespace herald::sim
