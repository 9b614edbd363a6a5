// A routing stack seen and steered: reads back what it says about the VIPs, and carries out route steps by its own
// configuration. It never blocks, decides nothing and touches nothing that is not herald's.
//
// One child process or request at a time: apply() ends a read that is in flight, whose answer then never comes. Parsing
// and rendering are apart from asking, in pure functions, because they are what differs between versions.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/route/route_step.h"
#include "sidecar/core/route/router_view.h"
#include "sidecar/os/loop.h"

namespace herald {

class RouterLever {
 public:
  using OnView = std::function<void(RouterView)>;
  using OnApplied = std::function<void(RouteOutcomes)>;

  RouterLever() = default;
  RouterLever(const RouterLever&) = delete;
  RouterLever& operator=(const RouterLever&) = delete;
  virtual ~RouterLever() = default;

  // Both callbacks are called once, later, from the loop; not when the lever is destroyed first.
  virtual void read(OnView on_view) = 0;
  // Not while another apply() is in flight.
  virtual void apply(RouteBatch batch, OnApplied on_applied) = 0;
  // What apply() would send, line by line, for people to read or type.
  [[nodiscard]] virtual std::vector<std::string> commands(const RouteBatch& batch) const = 0;
  // What really is still to be done, where the core plans this: more, by what was only pretended.
  [[nodiscard]] virtual RouteBatch outstanding(RouteBatch planned) const { return planned; }
  // A file whose replacement says that the router was restarted: its control socket.
  [[nodiscard]] virtual std::string socket_path() const = 0;
};

// What a read answers when the stack could not be asked.
[[nodiscard]] RouterView unreachable(std::string why);

}  // namespace herald
