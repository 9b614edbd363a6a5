// One snapshot with something in it for each family, at a fixed time.
#pragma once

#include "sidecar/seen/metrics.h"

namespace fixture {

using namespace herald;
using namespace std::chrono_literals;

inline constexpr TimePoint kNow{1000s};
// 2026-11-23T10:03:00Z
inline const ClockPair kClocks{kNow, std::chrono::system_clock::time_point{1795428180s}};

inline ProbeSnapshot front() {
  ProbeSnapshot probe;
  probe.name = "front";
  probe.state = ProbeState::falling;
  probe.up = true;
  probe.last = {Verdict::fail, Reason::refused, "free text", 2ms};
  probe.last_run = kNow - 500ms;
  probe.counts.verdicts.count(Verdict::pass);
  probe.counts.verdicts.count(Verdict::fail);
  probe.counts.failures.count(Reason::refused);
  probe.counts.took.record(2ms);
  probe.counts.took.record(1ms);
  for (int i = 0; i < 3; ++i) probe.counts.nudged.count(Nudge::listener_gone);
  probe.counts.nudged.count(Nudge::link_down);
  probe.nudges_dropped = 1;
  probe.certificate_end = 1800000000;
  return probe;
}

inline VipSnapshot vip() {
  VipSnapshot vip;
  vip.prefix = "10.99.0.1/32";
  vip.wanted = vip.on_interface = true;
  vip.lease_until = kNow + 23s;
  vip.route = {.in_rib = true, .advertised_to = {"10.1.1.4"}, .missing_from = {"10.1.1.132"}};
  vip.denied_to = {"10.1.1.132"};
  return vip;
}

inline ServiceSnapshot web() {
  ServiceSnapshot service;
  service.name = "web";
  service.health = Health::healthy;
  service.health_since = kNow - 60s;
  service.state = ServiceState::announced;
  service.since = kNow - 30s;
  service.turned.count(ServiceState::announced);
  service.admin = {AdminState::force, "free text", "root", kNow - 2h, kNow + 1h};
  service.damping = Damping{};
  service.penalty = 1500;
  service.vips = {vip()};
  service.probes = {front()};
  return service;
}

inline Snapshot everything() {
  Snapshot all;
  all.at = kNow;
  all.stack = Stack::frr;
  all.fallback = FallbackLevel::deny;
  all.fast_withdraw = true;
  all.brake = BrakeSnapshot{kNow + 20s, "free text"};
  RouterView view;
  view.reachable = true;
  view.peers = {{"10.1.1.4", "Established", true}, {"10.1.1.132", "Active", false}};
  view.fallback = {{"10.1.1.132", {.denied = {Vip{"10.99.0.1/32"}}}}};
  all.router = view;
  all.router_read_at = kNow - 1s;
  all.peers = {{"10.1.1.4", kNow - 1h, 0}, {"10.1.1.132", kNow - 2min, 4}};
  all.counts.detection.record(700ms);
  all.counts.carrying_out[0][1].record(20ms);
  all.counts.router[0].count(CommandResult::done);
  all.counts.addresses[0].count(CommandResult::failed);
  all.lateness.all.record(50us);
  all.self = {.started = kNow - 24h,
              .configured = kNow - 1h,
              .reloaded = kNow - 10min,
              .reload_good = false,
              .log_lines_lost = 7,
              .cpu = 1500ms,
              .resident_bytes = 9'000'000,
              .virtual_bytes = 30'000'000,
              .descriptors = 25,
              .most_descriptors = 65536};
  all.services = {web()};
  return all;
}

inline std::string told(const Snapshot& snapshot, seen::Format format = seen::Format::prometheus) {
  return seen::metrics_page(seen::Sample(snapshot, kClocks), format, 0, std::size_t{1} << 30U).text;
}

inline bool has_line(const std::string& text, const std::string& line) {
  return ('\n' + text).find('\n' + line + '\n') != std::string::npos;
}

}  // namespace fixture
