// The simulated routing stack: it redistributes the addresses that it has heard of to its peers.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "sidecar/core/router_view.h"
#include "tests/sim/kernel.h"

namespace herald::sim {

struct Router {
  bool running = true;
  bool answers = true;        // else every read times out
  bool redistributes = true;  // else it knows no VIP
  bool established = true;    // its one peer
  bool permits = true;        // the outbound policy
  std::set<Vip> heard_of;     // as of when it last caught up with the kernel

  void catch_up(const Kernel& kernel);
  [[nodiscard]] RouterView view(const std::vector<Vip>& vips) const;
};

}  // namespace herald::sim
