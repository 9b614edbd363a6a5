// The simulated routing stack: it redistributes the addresses that it has heard of to its peers, and originates what
// its configuration says.
//
// The configuration is of its running process: a restart loses it. What is in it comes into the table, and goes, a
// little later.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sidecar/core/route/route_plan.h"
#include "sidecar/core/route/router_view.h"
#include "tests/sim/kernel.h"

namespace herald::sim {

struct Router {
  bool running = true;
  bool answers = true;          // else every read times out
  bool redistributes = true;    // else it knows no VIP
  bool established = true;      // its one peer
  bool permits = true;          // the outbound policy
  bool hears = true;            // else what it knows of addresses and of its configuration stays as it is
  bool denies = true;           // else the fallback's filters do not keep anything from the peer
  std::set<Vip> heard_of = {};  // as of when it last caught up with the kernel
  std::set<Vip> steered =
      {};  // redistribution leaves these out: they are announced by the configuration alone
  // Where it tells by what it takes addresses into its table: so. It may be that this leaves nothing out.
  std::optional<InterfaceImport> import = {};
  bool takes_all = false;
  OwnedRoutes configuration = {};
  std::set<Vip> originated = {};  // the configuration, as far as the table has it
  PeerFallbacks fallback = {};
  bool fallback_remains = false;
  bool takes_part = false;    // the peer's outbound list is herald's
  std::set<Vip> denied = {};  // by that list

  // As the lever does.
  void take(const FallbackStep& step);
  void take(const DenialStep& step);

  void catch_up(const Kernel& kernel);
  void originate();
  void go_down();
  void heal();  // it is as good as on the first day, and keeps what it holds
  // By an address on an interface, whoever has put it there.
  [[nodiscard]] bool has_by_address(const Vip& vip) const;
  [[nodiscard]] RouterView view(const std::vector<Vip>& vips) const;
};

}  // namespace herald::sim
