// All from which a probe is nudged: its target's listener (target_watch), the way there (way_watch), and the connection that its
// worker keeps (`hold`; prober/held_connections.h). None of them is ever evidence (core/probe/nudges.h).
//
//   watch(probes)        at the start and after a reload
//   addresses_changed()  what is of this machine may be another now
//   held(change)         a worker says what has become of a connection; of a probe that wants none it is dropped
//   source_of(probe)     for people: "listener 127.0.0.1:8080", "connection held, link eth0", "none (the target is a name)"
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sidecar/core/events.h"
#include "sidecar/daemon/target_watch.h"
#include "sidecar/daemon/way_watch.h"
#include "sidecar/os/loop.h"
#include "sidecar/work/message.h"

namespace herald {

class EventSources {
 public:
  using Tell = std::function<void(const event::Nudged&)>;
  using Say = std::function<void(const std::string&)>;

  // Loop outlives it.
  EventSources(Loop& loop, const Tell& tell, const Say& say);

  struct Watched {
    ProbeId probe{};
    const ProbeSpec* spec = nullptr;  // needed during the call alone
  };
  void watch(const std::vector<Watched>& probes);
  void addresses_changed() { listeners_.addresses_changed(); }
  void held(const work::Held& change);
  [[nodiscard]] std::string source_of(ProbeId probe);

 private:
  Tell tell_;
  TargetWatch listeners_;
  WayWatch ways_;
  std::map<ProbeId, std::string> held_;  // of those with `hold`: what is shown
};

}  // namespace herald
