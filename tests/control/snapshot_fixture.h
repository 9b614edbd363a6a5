// Snapshots with every kind of fact in them, at a fixed time.
#pragma once

#include "sidecar/control/report.h"
#include "sidecar/state/history.h"

namespace fixture {

using namespace herald;
using namespace std::chrono_literals;

inline constexpr TimePoint kNow{1000s};
// 2026-11-23T10:03:00Z
inline const ClockPair kClocks{kNow, std::chrono::system_clock::time_point{1795428180s}};

inline ProbeSnapshot front() {
  ProbeSnapshot probe;
  probe.name = "front";
  probe.type = "http";
  probe.state = ProbeState::up;
  probe.last = {Verdict::pass, Reason::none, "200 in 1.2 ms", 1200400ns};
  probe.last_run = kNow - 400ms;
  probe.next_run = kNow + 600ms;
  probe.passes = 12;
  probe.rise = 5;
  probe.fall = 3;
  probe.runs = 12;
  return probe;
}

inline ProbeSnapshot api() {
  ProbeSnapshot probe;
  probe.name = "api";
  probe.type = "tcp";
  probe.state = ProbeState::falling;
  probe.last = {Verdict::fail, Reason::refused, "connect 127.0.0.1:8443: Connection refused", 80us};
  probe.last_run = kNow - 42s;
  probe.failures = 2;
  probe.rise = 5;
  probe.fall = 3;
  probe.runs = 50;
  probe.inconclusive = 4;
  return probe;
}

inline VipSnapshot vip(const std::string& prefix) {
  VipSnapshot vip;
  vip.prefix = prefix;
  vip.interface = "lo";
  vip.wanted = vip.on_interface = true;
  vip.lease_until = kNow + 23s;
  vip.route.in_rib = true;
  vip.route.advertised_to = {"10.1.1.4", "10.1.1.132"};
  return vip;
}

inline ServiceSnapshot web() {
  ServiceSnapshot service;
  service.name = "web";
  service.health = Health::healthy;
  service.state = ServiceState::announced;
  service.reason = "all 2 gates up";
  service.since = kNow - 3min + 123ms;
  service.vips = {vip("10.99.0.1/32")};
  service.probes = {front(), api()};
  service.transitions = {{kNow - 200s, "web", "", "adopting", "announced", "all 2 gates up"}};
  service.steps = {
      {kNow - 200s, "add 10.99.0.1/32 to lo, lease 30s", RouteOutcome{}},
      {kNow - 100s, "add 10.99.0.1/32 to lo, lease 30s", std::unexpected("Operation not permitted")},
      {kNow, "remove 10.99.0.1/32 from lo", std::nullopt}};
  return service;
}

// Withdrawn, and its route hangs on.
inline ServiceSnapshot resolver() {
  ServiceSnapshot service;
  service.name = "resolver";
  service.health = Health::unhealthy;
  service.state = ServiceState::withdrawing;
  service.reason = "1 of 1 gates down: dns (timeout: no result within 800 ms)";
  service.problem = "10.99.0.53/32 is gone from lo but still in frr's BGP table";
  service.since = kNow - 26h;
  service.vips = {vip("10.99.0.53/32")};
  service.vips[0].wanted = service.vips[0].on_interface = false;
  service.vips[0].lease_until.reset();
  ProbeSnapshot dns;
  dns.name = "dns";
  dns.type = "dns";
  service.probes = {dns};
  return service;
}

inline Snapshot two_services() {
  RouterView router;
  router.reachable = true;
  router.peers = {{"10.1.1.4", "Established", true}, {"10.1.1.132", "Established", true}};
  Snapshot snapshot;
  snapshot.at = kNow;
  snapshot.stack = Stack::frr;
  snapshot.router = router;
  snapshot.router_read_at = kNow - 2s;
  snapshot.services = {web(), resolver()};
  return snapshot;
}

// heraldd's start, a service that is configured no more, and a probe of "web" that went down.
inline History::Entries some_history() {
  return {entry_of_herald("started", "0.1.0", {kNow - 20h, kClocks.wall - 20h}),
          entry_of({kNow - 10h, "old", "", "announced", "withdrawing", "herald stops", Subject::state, 26h},
                   kClocks),
          entry_of({kNow - 60s, "web", "", "auto", "drain", "by root: update", Subject::admin, 10h}, kClocks),
          entry_of({kNow - 59s, "web", "front", "up", "down", "refused: connect", Subject::probe, 61min},
                   kClocks)};
}

}  // namespace fixture
