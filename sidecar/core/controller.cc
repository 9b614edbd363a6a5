// What the controller decides. What it is told, it takes in controller_facts.cc; what it does about what it has decided is
// in controller_steps.cc.
#include "sidecar/core/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace herald {
namespace {

// Attempts in flight at once. A due attempt beyond it waits a little; it is there to bound memory, not to
// pace.
constexpr std::size_t kMostRunning = 16384;
constexpr Duration kWaitForPlace = 10ms;

// Later than this for anything that was due: the process did not run (SIGSTOP, a frozen machine).
constexpr Duration kStall = 1s;
// So much is not the fault of whom an attempt was waiting for; while one is in flight, a timer beats often enough to
// notice it.
constexpr Duration kLate = 20ms;
constexpr Duration kPulse = 100ms;

// One text is said again after this long.
constexpr Duration kNoticeAgain = 60s;
constexpr std::size_t kMostNotices = 4096;

}  // namespace

Controller::Controller(Config config, std::uint64_t seed, TimePoint now)
    : config_(std::move(config)), random_(seed), ladder_(config_.router) {
  for (const ServiceSpec& spec : config_.services) {
    for (const Vip& vip : spec.vips) owner_[vip] = services_.size();
    services_.push_back({ServiceRun(spec, now), probes_.size()});
    for (const ProbeSpec& probe : spec.probes) {
      ids_.push_back(ProbeId{static_cast<std::uint32_t>(probes_.size())});
      probe_at_.push_back(probes_.size());
      probes_.emplace_back(probe, spec.name);
      service_of_.push_back(services_.size() - 1);
    }
  }
  timers_.resize(probes_.size() + services_.size() + static_cast<std::size_t>(Timer::count));
  for (std::size_t index = 0; index < probes_.size(); ++index) {
    timers_.set(static_cast<Timers::Key>(index), probes_[index].begin(now));
  }
  timers_.set(key(Timer::audit), now + kAudit);
  if (config_.router.stack != Stack::none) timers_.set(key(Timer::router), now);
  mark_all_dirty();
}

Timers::Key Controller::key(Timer timer) const {
  return static_cast<Timers::Key>(probes_.size() + services_.size() + static_cast<std::size_t>(timer));
}

std::vector<Vip> Controller::vips() const {
  std::vector<Vip> all;
  for (const ServiceEntry& service : services_) {
    if (service.run.gone()) continue;
    const std::vector<Vip>& vips = service.run.spec().vips;
    all.insert(all.end(), vips.begin(), vips.end());
  }
  return all;
}

std::vector<Vip> Controller::leaving() const {
  std::vector<Vip> all;
  for (const ServiceEntry& service : services_) {
    if (!service.run.departs() || service.run.gone()) continue;
    all.insert(all.end(), service.run.spec().vips.begin(), service.run.spec().vips.end());
  }
  return all;
}

std::vector<ProbeId> Controller::probes_of(std::string_view service) const {
  std::vector<ProbeId> all;
  for (std::size_t index = 0; index < probes_.size(); ++index) {
    if (services_[service_of_[index]].run.spec().name == service) all.push_back(ids_[index]);
  }
  return all;
}

TimePoint Controller::next_wakeup() const {
  if (!expiring_.empty() || !effects_.empty() || asked_.is_expiring()) return TimePoint{};
  return timers_.next().value_or(TimePoint::max());
}

// ---- decisions

std::vector<Effect> Controller::decide(TimePoint now) {
  notice_stall(now);
  finish_expired(now);
  run_timers(now);
  decide_brake(now);
  evaluate_services(now);
  judge_fallback(now);
  plan_steps(now);
  plan_routes(now);
  look();
  read_router(now);
  if (stopping_) leave(now);
  return std::exchange(effects_, {});
}

void Controller::notice_stall(TimePoint now) {
  const auto next = timers_.next();
  if (!next || now - *next < kLate || now == stall_noticed_at_) return;
  stall_noticed_at_ = now;
  const Duration late = now - *next;
  brake_.ran_late(late, now);
  for (ProbeRun& probe : probes_) {
    if (probe.state() == ProbeRun::State::running) probe.stalled(late);
  }
  asked_.stalled(late);
  if (late >= kStall) recover_from_stall(late, now);
}

// After a stall, results of before stand for nothing: a service may have died meanwhile, and its VIP may have
// left with the lease. It must not be announced again on them.
void Controller::recover_from_stall(Duration late, TimePoint now) {
  look_wanted_ = true;
  for (std::size_t index = 0; index < services_.size(); ++index) {
    services_[index].run.stalled(late);
    dirty_.insert(index);
  }
  const std::string text =
      fmt::format("herald did not run for {:.1f} s", std::chrono::duration<double>(late).count());
  bool forgot = false;
  for (std::size_t index = 0; index < probes_.size(); ++index) {
    const ProbeMark before = mark(index);
    const auto& lease = services_[service_of_[index]].run.spec().announce.lease;
    if (lease && late >= *lease / 2) {
      probes_[index].forget();
    } else if (!probes_[index].forget_if_stale(now)) {
      continue;
    }
    dirty_.insert(service_of_[index]);
    if (before.output == HealthTracker::Output::unknown) continue;
    tell_output(index, before, text, now);
    forgot = true;
  }
  if (forgot) notice(true, "", text + "; what it knew before is too old to announce on", now);
}

void Controller::finish_expired(TimePoint now) {
  for (const std::size_t index : std::exchange(expiring_, {})) {
    const ProbeMark before = mark(index);
    probe_ended(index, probes_[index].finish_expired("", now, random_), before, now);
  }
  emit(asked_.finish_expired(now, random_));
}

void Controller::run_timers(TimePoint now) {
  while (const auto due = timers_.pop(now)) {
    if (*due < probes_.size()) {
      run_probe(*due, now);
    } else if (*due < probes_.size() + services_.size()) {
      dirty_.insert(*due - probes_.size());
    } else {
      on_timer(static_cast<Timer>(*due - probes_.size() - services_.size()), now);
    }
  }
}

void Controller::on_timer(Timer timer, TimePoint now) {
  switch (timer) {
    case Timer::audit:
      timers_.set(key(Timer::audit), now + kAudit);
      look_wanted_ = true;
      break;
    case Timer::look_again:
      look_wanted_ = true;
      break;
    case Timer::reconcile:  // plan_steps() waits for the look
      plan_ = look_wanted_ = true;
      break;
    case Timer::pulse:  // decide() has seen how late it was
      if (running_ > 0) timers_.set(key(Timer::pulse), now + kPulse);
      break;
    case Timer::routes:
      plan_routes_ = true;
      break;
    case Timer::asked:
      emit(asked_.expire(now));
      settle_asked();
      break;
    case Timer::brake:
      mark_all_dirty();
      break;
    case Timer::give_up:
      exited_ = true;
      effects_.emplace_back(effect::Exit{false});
      break;
    case Timer::router:  // read_router() sees that it is not armed any more
    case Timer::count:
      break;
  }
}

void Controller::run_probe(std::size_t index, TimePoint now) {
  ProbeRun& probe = probes_[index];
  const auto timer = static_cast<Timers::Key>(index);
  if (probe.state() == ProbeRun::State::running) {
    probe.expire();
    expiring_.push_back(index);
    effects_.emplace_back(effect::CancelProbe{probe.run(), ids_[index]});
    return;
  }
  if (running_ >= kMostRunning) {
    timers_.set(timer, now + kWaitForPlace);
    return;
  }
  const RunId run = next_run(index);
  ++running_;
  if (!timers_.due(key(Timer::pulse))) timers_.set(key(Timer::pulse), now + kPulse);
  timers_.set(timer, probe.start(run, now));
  effects_.emplace_back(effect::StartProbe{ids_[index], run});
}

Composed Controller::compose_service(std::size_t index) const {
  const ServiceEntry& service = services_[index];
  const ServiceSpec& spec = service.run.spec();
  if (service.run.departs()) return {};
  std::vector<ProbeOpinion> opinions;
  opinions.reserve(spec.probes.size());
  for (std::size_t offset = 0; offset < spec.probes.size(); ++offset) {
    const ProbeRun& probe = probes_[service.first_probe + offset];
    opinions.push_back({&probe.spec(), &probe.tracker(), probe.last_conclusive(), &probe.last()});
  }
  return compose(spec.require, opinions);
}

Sight Controller::sight() const {
  return {.addresses = observed_sequence_ > 0 ? &addresses_ : nullptr,
          .look_sequence = observed_sequence_,
          .removed = &removed_,
          .router = router_ ? &*router_ : nullptr,
          .router_sequence = router_sequence_,
          .stack = config_.router.stack,
          .owned = owned_sequence_ > 0 ? &owned_ : nullptr,
          .owned_sequence = owned_sequence_,
          .ladder = &ladder_};
}

void Controller::mark_all_dirty() {
  for (std::size_t index = 0; index < services_.size(); ++index) dirty_.insert(index);
}

Standing Controller::standing(std::size_t index) const {
  const ServiceEntry& service = services_[index];
  const ServiceSpec& spec = service.run.spec();
  const ServiceMachine& machine = service.run.machine();
  Standing standing(spec.name, spec.vips.size(), machine.is_announced(),
                    machine.admin().state == AdminState::automatic);
  for (std::size_t offset = 0; offset < spec.probes.size(); ++offset) {
    const ProbeRun& probe = probes_[service.first_probe + offset];
    standing.count(probe.spec(), probe.tracker());
  }
  standing.judge(spec.require);
  return standing;
}

Brake::Picture Controller::picture() const {
  Brake::Picture picture{.services = {}, .answered = {}, .window = detection_window(config_.services)};
  for (std::size_t index = 0; index < services_.size(); ++index) {
    if (!services_[index].run.departs()) picture.services.push_back(standing(index));
  }
  for (const ProbeRun& probe : probes_) {
    if (has_answered(probe)) picture.answered.insert(probe.spec().target);
  }
  return picture;
}

// By what a probe heard last, not by what it has failed for over time: a target that refused yesterday may hang today.
bool Controller::has_answered(const ProbeRun& probe) {
  const ProbeResult* last = probe.last_conclusive();
  return last != nullptr && last->verdict == Verdict::fail && last->reason != Reason::timeout &&
         !probe.spec().target.empty();
}

// Before anything is withdrawn. Most turns have nothing to withdraw, and cost nothing here.
void Controller::decide_brake(TimePoint now) {
  if (stopping_) {  // what is handed over goes on as it is
    if (!handing_over_) (void)brake_.decide(std::nullopt, {}, now);
    return;
  }
  const auto is_down = [this](std::size_t index) { return standing(index).is_down(); };
  if (dirty_.empty() || (brake_.is_free() && std::ranges::none_of(dirty_, is_down))) return;
  const auto before = brake_.until();
  if (auto said = brake_.decide(config_.brake, picture(), now))
    effects_.emplace_back(effect::Notice{said->error, "", std::move(said->text)});
  if (brake_.until() == before) return;
  mark_all_dirty();
  if (brake_.until()) {
    timers_.set(key(Timer::brake), *brake_.until());
  } else {
    timers_.cancel(key(Timer::brake));
  }
}

void Controller::evaluate_services(TimePoint now) {
  for (const std::size_t index : std::exchange(dirty_, {})) {
    ServiceRun& service = services_[index].run;
    const Demand before = service.demand();
    const auto flaps = service.flaps();
    Composed composed = compose_service(index);
    const Standing stood = standing(index);
    // A stop is not braked.
    const bool brakes = !stopping_ || handing_over_;
    if (brakes && composed.health == Health::unhealthy && brake_.holds(stood))
      composed.braked_until = brake_.until();
    for (effect::Transition& transition : service.evaluate(composed, sight(), now)) {
      effects_.emplace_back(std::move(transition));
    }
    if (stood.is_down() && !service.machine().is_announced()) brake_.withdrew(stood, now);
    // What a stop withdraws has not failed.
    const bool counts = (!stopping_ || handing_over_) && !service.departs();
    if (const auto now_known = service.flaps(); counts && now_known && now_known != flaps)
      effects_.emplace_back(effect::Remember{service.spec().name, *now_known});
    if (service.demand().address != before.address) plan_ = true;
    if (service.demand() != before) {
      plan_routes_ = true;
      judge_fallback_ = judge_fallback_ || ladder_.is_active();
    }
    const auto timer = static_cast<Timers::Key>(probes_.size() + index);
    if (const auto wakeup = service.next_wakeup(now)) {
      timers_.set(timer, *wakeup);
    } else {
      timers_.cancel(timer);
    }
  }
}

// Where a look failed, there may be more to take away than was seen last: it is tried again as long as a stop may take.
bool Controller::steps_are_done() const {
  return !looking_ && look_failures_ == 0 && !reconciler_.in_flight() &&
         observed_sequence_ > reconciler_.needs_look_after() && !timers_.due(key(Timer::reconcile));
}

bool Controller::routes_are_done() const {
  return !router_is_told() && !timers_.due(key(Timer::routes)) &&
         std::ranges::all_of(services_, [](const ServiceEntry& service) { return service.run.has_left(); });
}

// A withdrawal that is still to be repeated is the successor's.
bool Controller::is_handed_over(TimePoint now) const {
  const bool seen = !looking_ && !look_wanted_ && look_failures_ == 0 &&
                    observed_sequence_ > reconciler_.needs_look_after();
  if (!seen || reconciler_.in_flight() || router_is_told()) return false;
  return std::ranges::none_of(reconcile(desired(), observation_, now),
                              [](const Step& step) { return step.kind == Step::Kind::refresh; });
}

void Controller::leave(TimePoint now) {
  const auto is_done = [&] {
    return handing_over_ ? is_handed_over(now) : steps_are_done() && routes_are_done();
  };
  if (exited_ || !is_done()) return;
  exited_ = true;
  effects_.emplace_back(effect::Exit{true});
}

void Controller::notice(bool error, std::string service, std::string text, TimePoint now) {
  std::string identity = service + "\n" + text;
  const auto found = noticed_.find(identity);
  if (found != noticed_.end() && now - found->second < kNoticeAgain) return;
  if (noticed_.size() >= kMostNotices) noticed_.clear();
  noticed_[std::move(identity)] = now;
  effects_.emplace_back(effect::Notice{error, std::move(service), std::move(text)});
}

Snapshot Controller::snapshot(TimePoint now) const {
  Snapshot shown;
  shown.at = now;
  shown.stack = config_.router.stack;
  shown.fallback = config_.router.fallback;
  shown.stopping = stopping_;
  shown.observe_error = observe_error_;
  if (brake_.until()) shown.brake = BrakeSnapshot{*brake_.until(), brake_.why()};
  shown.router = router_;
  shown.router_read_at = router_read_at_;
  for (const ServiceEntry& service : services_) {
    if (service.run.gone()) continue;
    ServiceSnapshot one = service.run.snapshot(sight(), now);
    for (std::size_t offset = 0; offset < service.run.spec().probes.size(); ++offset) {
      one.probes.push_back(probes_[service.first_probe + offset].snapshot());
    }
    shown.services.push_back(std::move(one));
  }
  return shown;
}

}  // namespace herald
