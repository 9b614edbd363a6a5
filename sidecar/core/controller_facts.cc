// What the controller is told: each fact is recorded, and marks what has to be judged or planned anew.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sidecar/core/controller.h"

namespace herald {
namespace {

// After a look that failed.
constexpr Duration kFirstLookAgain = 100ms;
constexpr Duration kLongestLookAgain = 5s;

// bgpd holds a change back for 50 ms; reading earlier would find it neither there nor gone.
constexpr Duration kReadAfterRoutes = 60ms;
// Signs of a restart come in groups, and the first of them before the router can answer.
constexpr Duration kReadAfterChange = 100ms;

// The contract gives a stop 5 s, and the time that VIPs linger.
constexpr Duration kStopWithin = 4500ms;

bool is_another_session(const std::vector<RouterPeer>& before, const std::vector<RouterPeer>& after) {
  return std::ranges::any_of(after, [&](const RouterPeer& peer) {
    const auto found = std::ranges::find(before, peer.address, &RouterPeer::address);
    return found != before.end() &&
           (found->session != peer.session || found->established != peer.established);
  });
}

}  // namespace

void Controller::handle(const Event& event, TimePoint now) {
  notice_stall(now);
  std::visit([&](const auto& one) { on(one, now); }, event);
}

std::optional<std::size_t> Controller::find_run(RunId run) const {
  const std::size_t id = static_cast<std::uint64_t>(run) & ((1ULL << kRunIndexBits) - 1);
  const std::size_t index = id < probe_at_.size() ? probe_at_[id] : kNoProbe;
  if (index >= probes_.size() || probes_[index].run() != run ||
      probes_[index].state() == ProbeRun::State::idle) {
    return std::nullopt;  // late: that attempt is over
  }
  return index;
}

Controller::ProbeMark Controller::mark(std::size_t index) const {
  const HealthTracker& tracker = probes_[index].tracker();
  return {tracker.output(), tracker.degraded(), tracker.pending(), tracker.is_timeout()};
}

void Controller::on(const event::ProbeFinished& event, TimePoint now) {
  if (asked_.has(event.run)) {
    if (auto answer = asked_.finish(event.run, event.result, now, random_)) effects_.emplace_back(*answer);
    return settle_asked();
  }
  const auto index = find_run(event.run);
  if (!index || probes_[*index].state() != ProbeRun::State::running) return;
  const ProbeMark before = mark(*index);
  probe_ended(*index, probes_[*index].finish(event.result, now, random_), before, now);
}

void Controller::on(const event::ProbeStage& event, TimePoint now) {
  if (asked_.has(event.run)) {
    if (auto answer = asked_.finish_expired(event.run, event.stage, now, random_))
      effects_.emplace_back(*answer);
    return;
  }
  const auto index = find_run(event.run);
  if (!index || probes_[*index].state() != ProbeRun::State::expiring) return;
  std::erase(expiring_, *index);
  const ProbeMark before = mark(*index);
  probe_ended(*index, probes_[*index].finish_expired(event.stage, now, random_), before, now);
}

void Controller::probe_ended(std::size_t index, TimePoint next, const ProbeMark& before, TimePoint now) {
  --running_;
  timers_.set(static_cast<Timers::Key>(index), next);
  const ProbeId id = ids_[index];
  const std::uint64_t run = static_cast<std::uint64_t>(probes_[index].run()) >> kRunIndexBits;
  emit(asked_.counted(id, run, probes_[index].last()));
  if (asked_.awaits(id))  // that one began too early
    timers_.set(static_cast<Timers::Key>(index), probes_[index].nudge(now));
  const ProbeMark after = mark(index);
  // A steady probe changes nothing for its service, and most are steady: this keeps thousands of them cheap.
  const bool changed = before.output != after.output || before.degraded != after.degraded;
  // What is down may be held by the brake, until there is evidence: its own, or of anybody who asks the same target.
  const bool evidence =
      (before.is_timeout && !after.is_timeout) || (brake_.until() && has_answered(probes_[index]));
  if (changed || evidence || before.pending || after.pending) dirty_.insert(service_of_[index]);
  if (!changed) return;
  const ProbeResult& last = probes_[index].last();
  const std::string_view reason = name_of(last.reason);
  const std::string_view colon = reason.empty() || last.detail.empty() ? "" : ": ";
  tell_output(index, before, fmt::format("{}{}{}", reason, colon, last.detail), now);
}

void Controller::tell_output(std::size_t index, const ProbeMark& before, std::string why, TimePoint now) {
  static constexpr auto kName = [](const ProbeMark& mark) -> std::string {
    switch (mark.output) {
      case HealthTracker::Output::unknown:
        return "unknown";
      case HealthTracker::Output::up:
        return mark.degraded ? "degraded" : "up";
      case HealthTracker::Output::down:
        break;
    }
    return "down";
  };
  effects_.emplace_back(effect::Transition{now, services_[service_of_[index]].run.spec().name,
                                           probes_[index].spec().name, kName(before), kName(mark(index)),
                                           std::move(why), Subject::probe, probes_[index].turned(now)});
}

void Controller::on(const event::AddressesChanged& /*event*/, TimePoint /*now*/) {
  look_wanted_ = true;
}

void Controller::on(const event::Observed& event, TimePoint now) {
  if (event.sequence != look_sequence_) return;
  looking_ = false;
  if (!event.observation) {
    observe_error_ = event.observation.error();
    notice(true, "", observe_error_, now);
    const Duration wait = kFirstLookAgain * (1U << std::min(look_failures_++, 6U));
    timers_.set(key(Timer::look_again), now + std::min(wait, kLongestLookAgain));
    // Leases run on, and services die, while nobody can look.
    reconciler_.look_failed();
    plan_ = observed_sequence_ > 0;
    return;
  }
  observe_error_.clear();
  look_failures_ = 0;
  observed_sequence_ = event.sequence;
  for (const AddressKey& key : std::exchange(removed_, {})) {
    if (const auto owned = owner_.find(key.vip); owned != owner_.end()) dirty_.insert(owned->second);
  }
  observation_ = *event.observation;
  ObservedIndex addresses;
  for (const ObservedAddress& address : observation_.addresses) addresses[address.key] = address;
  if (std::exchange(look_is_first_, false)) mark_all_dirty();
  mark_owners_of_changes(addresses, addresses_);
  mark_owners_of_changes(addresses_, addresses);
  addresses_ = std::move(addresses);
  plan_ = looked_ = true;
  if (ladder_.is_active()) judge_fallback_ = plan_routes_ = true;
}

// A look sees everything, and most of it is as it was: with a thousand services, judging them all anew at each
// change of one would cost a thousand times the work.
void Controller::mark_owners_of_changes(const ObservedIndex& here, const ObservedIndex& there) {
  for (const auto& [key, address] : here) {
    const auto other = there.find(key);
    if (other != there.end() && other->second.ours == address.ours) continue;
    if (const auto owned = owner_.find(key.vip); owned != owner_.end()) dirty_.insert(owned->second);
  }
}

void Controller::on(const event::StepFinished& event, TimePoint now) {
  const auto step = reconciler_.finished(event.id, look_sequence_);
  if (!step) return;
  look_wanted_ = true;
  if (event.error.empty()) {
    if (!event.was_there) claim(*step, now, observation_);  // it may be somebody else's
    if (step->kind == Step::Kind::remove) removed_.insert(step->key);
  }
  const auto owned = owner_.find(step->key.vip);
  if (owned != owner_.end()) {
    services_[owned->second].run.step_finished(event.id, event.error, router_read_sequence_);
    dirty_.insert(owned->second);
  }
  if (event.error.empty()) return;
  notice(true, owned == owner_.end() ? "" : services_[owned->second].run.spec().name, event.error, now);
}

void Controller::on(const event::RouterRead& event, TimePoint now) {
  if (!reading_router_) return;
  reading_router_ = false;
  router_answered_ = true;
  // What a session was sent shows a little after it has come up.
  if (router_ && is_another_session(router_->peers, event.view.peers)) read_router_at(now + kReadAfterChange);
  router_ = event.view;
  router_read_at_ = now;
  router_sequence_ = router_read_sequence_;
  if (router_->reachable) {
    owned_ = router_->owned;
    owned_sequence_ = router_sequence_;
  } else {
    notice(true, "", fmt::format("{} does not answer: {}", name_of(config_.router.stack), router_->error),
           now);
    routes_.read_failed();
  }
  plan_routes_ = judge_fallback_ = true;
  mark_all_dirty();
}

void Controller::on(const event::RoutesApplied& event, TimePoint now) {
  const std::vector<IssuedRouteStep> steps = routes_.in_flight();
  const std::vector<FallbackStep> fallback = ladder_.in_flight();
  if (!router_is_told() || event.errors.size() != steps.size() + fallback.size()) return;
  routes_.finished(router_read_sequence_);
  ladder_.finished(router_read_sequence_);
  for (std::size_t index = 0; index < steps.size(); ++index) {
    const std::string& error = event.errors[index];
    if (error.empty()) claim(steps[index].step, owned_);
    const auto owned = owner_.find(steps[index].step.vip);
    if (owned != owner_.end()) {
      services_[owned->second].run.step_finished(steps[index], error, router_read_sequence_);
      dirty_.insert(owned->second);
    }
    if (error.empty()) continue;
    notice(true, owned == owner_.end() ? "" : services_[owned->second].run.spec().name,
           fmt::format("{}: {}", to_string(steps[index].step), error), now);
  }
  for (std::size_t index = 0; index < fallback.size(); ++index) {
    const std::string& error = event.errors[steps.size() + index];
    if (!error.empty()) notice(true, "", fmt::format("{}: {}", to_string(fallback[index]), error), now);
  }
  plan_routes_ = true;  // what was wished for meanwhile
  read_router_at(now + kReadAfterRoutes);
}

void Controller::on(const event::RouterChanged& /*event*/, TimePoint now) {
  if (config_.router.stack != Stack::none) read_router_at(now + kReadAfterChange);
}

std::optional<std::size_t> Controller::find_service(const std::string& name) const {
  const auto found = std::ranges::find_if(services_, [&](const ServiceEntry& service) {
    return service.run.spec().name == name && !service.run.departs();
  });
  if (found == services_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - services_.begin());
}

void Controller::on(const event::Administer& event, TimePoint now) {
  const auto index = find_service(event.service);
  if (!index) return;
  ServiceRun& run = services_[*index].run;
  dirty_.insert(*index);
  if (!run.untouched()) {
    effects_.emplace_back(run.administer(event.admin, now));
  } else {  // nothing was decided yet
    const Admin& admin = event.admin;
    run.restore(admin);
    std::string text = fmt::format("admin is still {}, by {}", name_of(admin.state), admin.who);
    if (!admin.reason.empty()) text += ": " + admin.reason;
    effects_.emplace_back(effect::Notice{false, event.service, std::move(text)});
  }
}

void Controller::on(const event::ProbeNow& event, TimePoint now) {
  const auto id = static_cast<std::size_t>(event.probe);
  const std::size_t index = id < probe_at_.size() ? probe_at_[id] : kNoProbe;
  if (stopping_ || index >= probes_.size() || asked_.is_full(event.counts)) {
    const char* why = stopping_ ? "herald stops" : "too many attempts were asked for";
    effects_.emplace_back(
        effect::Probed{event.ticket, event.probe, {Verdict::inconclusive, Reason::local, why, Duration{}}});
    return;
  }
  if (event.counts) {
    asked_.count(event, runs_);
    if (probes_[index].state() == ProbeRun::State::idle)
      timers_.set(static_cast<Timers::Key>(index), probes_[index].nudge(now));
    return;
  }
  const RunId run = next_run(index);
  asked_.start(event, run, probes_[index].spec(), services_[service_of_[index]].run.spec().name, now);
  effects_.emplace_back(effect::StartAside{event.probe, run});
  settle_asked();
}

void Controller::settle_asked() {
  if (const auto deadline = asked_.next_deadline()) {
    timers_.set(key(Timer::asked), *deadline);
  } else {
    timers_.cancel(key(Timer::asked));
  }
}

void Controller::on(const event::Recall& event, TimePoint now) {
  if (const auto index = find_service(event.service)) services_[*index].run.recall(event.flaps, now);
}

void Controller::on(const event::ClearDamping& event, TimePoint now) {
  const auto index = find_service(event.service);
  if (!index) return;
  ServiceRun& run = services_[*index].run;
  effects_.emplace_back(
      effect::Notice{false, event.service,
                     fmt::format("{} forgets the penalty of {:.0f}", event.who, run.machine().penalty(now))});
  run.clear_damping();
  dirty_.insert(*index);
}

void Controller::on(const event::Stop& /*event*/, TimePoint now) {
  if (std::exchange(stopping_, true)) return;
  stop_probes();
  for (ServiceEntry& service : services_) service.run.stop();
  Duration linger{};
  for (const ServiceEntry& service : services_) linger = std::max(linger, service.run.longest_linger());
  timers_.set(key(Timer::give_up), now + kStopWithin + linger);
  look_wanted_ = true;
  mark_all_dirty();
}

void Controller::on(const event::Handover& /*event*/, TimePoint now) {
  if (std::exchange(stopping_, true)) return;
  handing_over_ = true;
  stop_probes();
  for (ServiceEntry& service : services_) service.run.hand_over();
  timers_.set(key(Timer::give_up), now + kStopWithin);
  look_wanted_ = true;
  mark_all_dirty();
}

void Controller::end_asked(std::string_view why) {
  AskedRuns::Ended asked = asked_.end({Verdict::inconclusive, Reason::local, std::string(why), Duration{}});
  emit(std::move(asked.cancelled));
  emit(std::move(asked.answers));
  settle_asked();
}

void Controller::stop_probes() {
  end_asked("herald stops");
  for (std::size_t index = 0; index < probes_.size(); ++index) {
    if (probes_[index].state() == ProbeRun::State::running) {
      effects_.emplace_back(effect::CancelProbe{probes_[index].run(), ids_[index]});
    }
    probes_[index].stop();
    timers_.cancel(static_cast<Timers::Key>(index));
  }
  expiring_.clear();
  running_ = 0;
}

}  // namespace herald
