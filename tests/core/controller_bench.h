// A controller with a small world for one test at a time: the clock is a member, looks and steps are answered in
// the turn by a map of addresses, attempts and router reads by the test.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/core/controller.h"

namespace herald {

inline constexpr TimePoint kStart{std::chrono::hours(1)};
inline const Vip kVip{"10.99.0.1/32"};

inline ProbeSpec probe_spec(const std::string& name) {
  ProbeSpec probe;
  probe.name = name;
  probe.type = "tcp";
  probe.timing.jitter = 0;
  probe.thresholds = {.rise = 2, .fall = 2};
  return probe;
}

inline Config one_service(std::vector<ProbeSpec> probes) {
  ServiceSpec service;
  service.name = "web";
  service.vips = {kVip};
  service.announce.lease.reset();
  service.probes = std::move(probes);
  Config config;
  config.services.push_back(std::move(service));
  return config;
}

class ControllerBench {
 public:
  explicit ControllerBench(Config config) : controller(std::move(config), 1, kStart) {}

  // One turn at `now`; returns its effects.
  std::vector<Effect> turn() {
    std::vector<Effect> all;
    for (std::vector<Effect> effects = controller.decide(now); !effects.empty();
         effects = controller.decide(now)) {
      for (const Effect& effect : effects) answer(effect);
      all.insert(all.end(), effects.begin(), effects.end());
    }
    return all;
  }
  std::vector<Effect> tell(const Event& event) {
    controller.handle(event, now);
    return turn();
  }
  // Turns at every wakeup until then.
  std::vector<Effect> go_on(Duration duration) {
    std::vector<Effect> all;
    const TimePoint end = now + duration;
    while (controller.next_wakeup() <= end) {
      now = std::max(now, controller.next_wakeup());
      const std::vector<Effect> effects = turn();
      all.insert(all.end(), effects.begin(), effects.end());
    }
    now = end;
    return all;
  }
  // Goes on until the next attempt starts, and returns its run.
  RunId next_start() {
    for (;;) {
      now = std::max(now, controller.next_wakeup());
      for (const Effect& effect : turn()) {
        if (const auto* start = std::get_if<effect::StartProbe>(&effect)) return start->run;
      }
    }
  }
  // Ends the next attempts, one after the other, with the same result.
  std::vector<Effect> finish_next(Verdict verdict, Reason reason = Reason::none, int times = 1) {
    std::vector<Effect> last;
    for (int time = 0; time < times; ++time) {
      last = tell(event::ProbeFinished{next_start(), {verdict, reason, std::string(name_of(verdict)), 1ms}});
    }
    return last;
  }

  // Goes on for so long; each attempt ends at once, as `verdicts` say of its probe (pass, if nothing), and each read.
  std::vector<Effect> live(Duration duration, const std::map<std::string, Verdict>& verdicts = {}) {
    std::vector<Effect> all;
    const TimePoint end = now + duration;
    while (controller.next_wakeup() <= end) {
      now = std::max(now, controller.next_wakeup());
      std::vector<Effect> effects = turn();
      for (std::size_t index = 0; index < effects.size(); ++index) {
        const auto* start = std::get_if<effect::StartProbe>(&effects[index]);
        if (start == nullptr) continue;
        const auto found = verdicts.find(controller.probe(start->probe).name);
        const Verdict verdict = found == verdicts.end() ? Verdict::pass : found->second;
        const Reason reason = verdict == Verdict::fail ? Reason::refused : Reason::none;
        const auto more = tell(event::ProbeFinished{start->run, {verdict, reason, "", 1ms}});
        effects.insert(effects.end(), more.begin(), more.end());
      }
      if (std::exchange(reads_, 0) > 0) {
        const auto more = answer_read();
        effects.insert(effects.end(), more.begin(), more.end());
      }
      all.insert(all.end(), effects.begin(), effects.end());
    }
    now = end;
    return all;
  }

  // Carries out the last batch and tells so.
  void finish_routes() {
    for (const RouteStep& step : sent.back()) {
      if (route_error.empty()) claim(step, router);
    }
    for (const FallbackStep& step : fallback_) denied = step.wanted.denied;
    const std::size_t steps = sent.back().size() + std::exchange(fallback_, {}).size();
    controller.handle(event::RoutesApplied{RouteOutcomes(steps, route_outcome())}, now);
  }
  [[nodiscard]] RouteOutcome route_outcome() const {
    return route_error.empty() ? RouteOutcome{} : std::unexpected(route_error);
  }
  // Ends the read that is in flight, if there is one, with what the router holds.
  std::vector<Effect> answer_read() {
    RouterView view;
    view.reachable = router_error.empty();
    view.error = router_error;
    view.peers = {{"10.1.1.4", "Established", true}};
    for (const auto& [vip, policy] : router) {
      view.owned[vip] = policy;
      view.routes[vip] = {true, {"10.1.1.4"}, {}};
    }
    for (const Vip& vip : controller.vips()) {  // what it was not asked for, it does not tell
      if (!redistributed.contains(vip)) continue;
      view.routes[vip] = {true, {}, {}};
      if (!denied.contains(vip)) view.routes[vip].advertised_to = {"10.1.1.4"};
    }
    for (const Vip& vip : controller.vips()) {
      RouterRoute& route = view.routes[vip];
      route.import = import;
      const bool there = std::ranges::any_of(kernel, [&](const auto& one) { return one.first.vip == vip; });
      if (!imports || !there) continue;
      route.others.push_back({import ? import->by : "redistribution", true});
      route.in_rib = true;
      route.advertised_to = {"10.1.1.4"};
    }
    if (!denied.empty()) view.fallback["10.1.1.4"] = {denied, false};
    return tell(event::RouterRead{view});
  }
  // Goes on, and answers reads as they are asked for.
  std::vector<Effect> go_on_reading(Duration duration) {
    std::vector<Effect> all;
    const TimePoint end = now + duration;
    while (controller.next_wakeup() <= end || reads_ > 0) {
      now = std::max(now, std::min(controller.next_wakeup(), end));
      std::vector<Effect> effects = turn();
      const bool read = reads_ > 0;
      reads_ = 0;
      if (read) {
        const std::vector<Effect> more = answer_read();
        effects.insert(effects.end(), more.begin(), more.end());
      }
      all.insert(all.end(), effects.begin(), effects.end());
      if (now >= end) break;
    }
    now = end;
    return all;
  }

  // An attempt that began when it was started, and ends now.
  [[nodiscard]] Ran ran(RunId run) const { return {begun_.at(run), now, {}}; }

  ServiceSnapshot service() { return controller.snapshot(now).services.front(); }
  ProbeSnapshot probe() { return service().probes.front(); }

  Controller controller;
  TimePoint now = kStart;
  std::map<AddressKey, ObservedAddress> kernel;
  std::vector<Step> applied;
  OwnedRoutes router;                     // what its configuration holds
  std::optional<InterfaceImport> import;  // what it says of itself
  bool imports = false;                   // and what it does with addresses
  std::set<Vip> redistributed;            // in its table, whatever its configuration holds
  std::set<Vip> denied;                   // to its peer, by the fallback
  std::vector<std::vector<RouteStep>> sent;
  bool answers_cancels = true;  // as a worker does: the attempt had all the time since its start
  bool answers_routes = true;
  std::string router_error;
  std::string route_error;
  bool answers_looks = true;
  bool answers_steps = true;
  std::string look_error;
  std::string step_error;
  std::string missing_interface;

 private:
  void answer(const Effect& effect) {
    if (const auto* start = std::get_if<effect::StartProbe>(&effect)) begun_[start->run] = now;
    if (const auto* start = std::get_if<effect::StartAside>(&effect)) begun_[start->run] = now;
    if (const auto* cancelled = std::get_if<effect::CancelProbe>(&effect);
        cancelled != nullptr && answers_cancels)
      controller.handle(event::ProbeStage{cancelled->run, "connecting", ran(cancelled->run)}, now);
    if (std::holds_alternative<effect::ReadRouter>(effect)) ++reads_;
    if (const auto* routes = std::get_if<effect::ApplyRoutes>(&effect)) {
      reads_ = 0;  // given up
      std::vector<RouteStep>& batch = sent.emplace_back();
      for (const IssuedRouteStep& issued : routes->steps) batch.push_back(issued.step);
      fallback_ = routes->fallback;
      if (answers_routes) finish_routes();
    }
    if (const auto* look = std::get_if<effect::Observe>(&effect); look != nullptr && answers_looks) {
      controller.handle(event::Observed{look->sequence, observe()}, now);
    }
    if (const auto* apply = std::get_if<effect::Apply>(&effect); apply != nullptr && answers_steps) {
      applied.push_back(apply->step);
      const bool missing = apply->step.key.interface == missing_interface;
      const std::string error = missing ? "there is no interface " + missing_interface : step_error;
      if (error.empty()) {
        if (apply->step.kind == Step::Kind::remove)
          kernel.erase(apply->step.key);
        else
          kernel[apply->step.key] = {
              apply->step.key, true,
              apply->step.lease ? std::optional{now + *apply->step.lease} : std::nullopt};
      }
      const StepOutcome outcome = error.empty() ? StepOutcome() : std::unexpected(error);
      controller.handle(event::StepFinished{apply->id, outcome}, now);
    }
  }
  std::map<RunId, TimePoint> begun_;
  int reads_ = 0;
  std::vector<FallbackStep> fallback_;
  [[nodiscard]] std::expected<Observation, std::string> observe() const {
    if (!look_error.empty()) return std::unexpected(look_error);
    Observation seen;
    for (const auto& [key, address] : kernel) seen.addresses.push_back(address);
    return seen;
  }
};

template <typename Kind>
std::vector<Kind> of_kind(const std::vector<Effect>& effects) {
  std::vector<Kind> all;
  for (const Effect& effect : effects) {
    if (const auto* one = std::get_if<Kind>(&effect)) all.push_back(*one);
  }
  return all;
}

}  // namespace herald
