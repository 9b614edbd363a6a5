// The order of a turn: what the three boxes are told, what each service makes of it, and what is done about that. What
// people ask for is in requests.cc, another configuration in succession.cc, what is shown in shown.cc.
#include "sidecar/core/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace herald {
namespace {

// Later than this for anything that was due: the process did not run (SIGSTOP, a frozen machine).
constexpr Duration kStall = 1s;
// So much is not the fault of whom an attempt was waiting for.
constexpr Duration kLate = 20ms;

// One text is said again after this long.
constexpr Duration kNoticeAgain = 60s;
constexpr std::size_t kMostNotices = 4096;

}  // namespace

Controller::Controller(Config config, std::uint64_t seed, TimePoint now)
    : config_(std::move(config)), fleet_(seed), address_(now), route_(config_.router, now) {
  std::vector<ProbeFleet::Wanted> probes;
  std::vector<std::string> names;
  for (const ServiceSpec& spec : config_.services) {
    for (const Vip& vip : spec.vips) owner_[vip] = services_.size();
    for (const ProbeSpec& probe : spec.probes) probes.push_back({&probe, services_.size(), std::nullopt});
    services_.push_back({ServiceRun(spec, now), probes.size() - spec.probes.size()});
    names.push_back(spec.name);
  }
  fleet_.reconfigure(probes, std::move(names), now);
  timers_.resize(services_.size() + static_cast<std::size_t>(Timer::count));
  touch_all();
}

TimePoint Controller::next_due() const {
  constexpr TimePoint kNever = TimePoint::max();
  return std::min({address_.next_due(), route_.next_due(), fleet_.next_due().value_or(kNever),
                   timers_.next().value_or(kNever)});
}

TimePoint Controller::next_wakeup() const {
  return effects_.empty() ? next_due() : TimePoint{};
}

void Controller::touch_all() {
  for (std::size_t index = 0; index < services_.size(); ++index) dirty_.insert(index);
}

ServiceRun* Controller::find_owner(const Vip& vip) {
  const auto owned = owner_.find(vip);
  return owned == owner_.end() ? nullptr : &services_[owned->second].run;
}

ServiceRun* Controller::touch_owner(const Vip& vip) {
  const auto owned = owner_.find(vip);
  if (owned == owner_.end()) return nullptr;
  dirty_.insert(owned->second);
  return &services_[owned->second].run;
}

void Controller::notice(bool error, std::string service, std::string text, TimePoint now) {
  std::string identity = service + "\n" + text;
  const auto found = noticed_.find(identity);
  if (found != noticed_.end() && now - found->second < kNoticeAgain) return;
  if (noticed_.size() >= kMostNotices) noticed_.clear();
  noticed_[std::move(identity)] = now;
  effects_.emplace_back(effect::Notice{error, std::move(service), std::move(text)});
}

// ---- facts

void Controller::handle(const Event& event, TimePoint now) {
  notice_stall(now);
  std::visit([&](const auto& one) { on(one, now); }, event);
}

void Controller::on(const event::ProbeFinished& event, TimePoint now) {
  take(fleet_.finish(event, now));
}

void Controller::on(const event::ProbeStage& event, TimePoint now) {
  take(fleet_.finish_cancelled(event, now));
}

// What is down may be held by the brake, until there is evidence: its own, or of anybody who asks the same target.
void Controller::take(ProbeFleet::Outcome outcome) {
  dirty_.insert(outcome.news.begin(), outcome.news.end());
  if (brake_.until()) dirty_.insert(outcome.answered.begin(), outcome.answered.end());
  emit(std::move(outcome.effects));
}

void Controller::on(const event::AddressesChanged& /*event*/, TimePoint /*now*/) {
  address_.changed();
}

void Controller::on(const event::Observed& event, TimePoint now) {
  const AddressSide::Seen seen = address_.observed(event.sequence, event.observation, now);
  switch (seen.answer) {
    case AddressSide::Seen::Answer::late:
      return;
    case AddressSide::Seen::Answer::failed:
      return notice(true, "", *address_.problem(), now);
    case AddressSide::Seen::Answer::taken:
      break;
  }
  for (const Vip& vip : seen.changed) touch_owner(vip);
  if (seen.is_first) touch_all();
  route_.addresses_seen();
}

void Controller::on(const event::StepFinished& event, TimePoint now) {
  const auto step = address_.finished(event.id, event.outcome, now);
  if (!step) return;
  counts_.addresses[static_cast<std::size_t>(step->kind)].count(result_of(event.outcome.has_value()));
  ServiceRun* const owner = touch_owner(step->key.vip);
  if (owner != nullptr) owner->step_finished(event.id, event.outcome, route_.latest_sequence());
  // It is announced: as at a start it stays until the health is known.
  if (owner != nullptr && event.outcome && step->kind == Step::Kind::adopt) owner->take_over(now);
  if (!event.outcome) notice(true, owner == nullptr ? "" : owner->spec().name, event.outcome.error(), now);
}

void Controller::on(const event::RouterRead& event, TimePoint now) {
  if (!route_.answered(event.view, now)) return;
  count(RouterCommand::read, event.view.reachable);
  if (!event.view.reachable) {
    notice(true, "", fmt::format("{} does not answer: {}", name_of(config_.router.stack), event.view.error),
           now);
  } else {
    note_peers(event.view, now);
  }
  if (const std::vector<Vip>& vips = route_.came_back(); !vips.empty()) {
    notice(true, "",
           fmt::format(
               "frr was restarted and came back with {}{}: its saved configuration holds herald's lines "
               "(`write memory`?), so that it announces them at every start, whether the service lives or "
               "not; `heraldctl doctor` says what to remove",
               vips.front().prefix, vips.size() > 1 ? fmt::format(" and {} more", vips.size() - 1) : ""),
           now);
  }
  touch_all();
}

void Controller::note_peers(const RouterView& view, TimePoint now) {
  const auto left = std::ranges::count_if(view.peers, &RouterPeer::established);
  for (PeerRecord::Change& change : peers_.seen(view.peers, now)) {
    std::string why;
    switch (change.kind) {
      case PeerRecord::Change::Kind::lost:
        why = left == 0 ? "the session is lost, and no other is left: nothing is advertised to anybody"
                        : fmt::format("the session is lost; {} {} left", left, left == 1 ? "is" : "are");
        break;
      case PeerRecord::Change::Kind::back:
        why = "the session is established";
        break;
    }
    effects_.emplace_back(effect::PeerTurned{now, std::move(change.peer), std::move(change.from),
                                             std::move(change.to), std::move(why), change.lasted});
  }
}

void Controller::on(const event::RoutesApplied& event, TimePoint now) {
  const RouteSide::Batch batch = route_.applied(event.outcomes, now);
  auto outcome = event.outcomes.begin();
  for (const IssuedRouteStep& issued : batch.steps) {
    count(issued.step.policy ? RouterCommand::announce : RouterCommand::withdraw, outcome->has_value());
    ServiceRun* const owner = touch_owner(issued.step.vip);
    if (owner != nullptr) owner->step_finished(issued, *outcome, route_.latest_sequence());
    if (!*outcome) {
      notice(true, owner == nullptr ? "" : owner->spec().name,
             fmt::format("{}: {}", to_string(issued.step), outcome->error()), now);
    }
    ++outcome;
  }
  for (const FallbackStep& step : batch.fallback) {
    count(RouterCommand::fallback, outcome->has_value());
    if (!*outcome) notice(true, "", fmt::format("{}: {}", to_string(step), outcome->error()), now);
    ++outcome;
  }
  for (const DenialStep& step : batch.denials) {
    count(step.deny ? RouterCommand::deny : RouterCommand::lift, outcome->has_value());
    ServiceRun* const owner = touch_owner(step.vip);
    if (owner != nullptr) owner->step_finished(step, *outcome);
    if (!*outcome) {
      notice(true, owner == nullptr ? "" : owner->spec().name,
             fmt::format("{}: {}", to_string(step), outcome->error()), now);
    }
    ++outcome;
  }
}

void Controller::on(const event::RouterChanged& /*event*/, TimePoint now) {
  route_.changed(now);
}

// ---- decisions

std::vector<Effect> Controller::decide(TimePoint now) {
  notice_stall(now);
  finish_expired(now);
  run_timers(now);
  decide_brake(now);
  evaluate_services(now);
  judge_fallback(now);
  plan_addresses(now);
  plan_routes(now);
  look();
  read_router(now);
  if (stopping_) leave(now);
  return std::exchange(effects_, {});
}

void Controller::notice_stall(TimePoint now) {
  const Duration late = now - std::min(next_due(), now);
  if (late < kLate || now == stall_noticed_at_) return;
  stall_noticed_at_ = now;
  brake_.ran_late(late, now);
  if (late >= kStall) recover_from_stall(late, now);
}

// After a stall, results of before stand for nothing: a service may have died meanwhile, and its VIP may have
// left with the lease. It must not be announced again on them.
void Controller::recover_from_stall(Duration late, TimePoint now) {
  address_.stalled();
  std::vector<bool> lapsed;
  for (ServiceEntry& service : services_) {
    service.run.stalled(late);
    const auto& lease = service.run.spec().announce.lease;
    lapsed.push_back(lease && late >= *lease / 2);
  }
  fleet_.was_absent(late);
  touch_all();
  const std::string text =
      fmt::format("herald did not run for {:.1f} s", std::chrono::duration<double>(late).count());
  ProbeFleet::Outcome forgotten = fleet_.forget_old(lapsed, text, now);
  const bool forgot = !forgotten.effects.empty();
  take(std::move(forgotten));
  if (forgot) notice(true, "", text + "; what it knew before is too old to announce on", now);
}

void Controller::finish_expired(TimePoint now) {
  take(fleet_.finish_expired(now));
}

void Controller::run_timers(TimePoint now) {
  emit(fleet_.due(now));
  address_.wake(now);
  route_.wake(now);
  while (const auto due = timers_.pop(now)) {
    if (*due < services_.size()) {
      dirty_.insert(*due);
    } else if (*due == key(Timer::brake)) {
      touch_all();
    } else {
      exited_ = true;
      effects_.emplace_back(effect::Exit{false});
    }
  }
}

Composed Controller::compose_service(std::size_t index) const {
  const ServiceEntry& service = services_[index];
  const ServiceSpec& spec = service.run.spec();
  if (service.run.is_leaving()) return {};
  std::vector<ProbeOpinion> opinions;
  opinions.reserve(spec.probes.size());
  for (std::size_t offset = 0; offset < spec.probes.size(); ++offset) {
    const ProbeRun& probe = fleet_.run(service.first_probe + offset);
    opinions.push_back(
        {&probe.spec(), &probe.tracker(), probe.last_conclusive(), &probe.last(), probe.silent_since()});
  }
  return compose(spec.require, opinions);
}

// An attempt that was cut off by the end of adopt_timeout, and of which the word is awaited, may be the first that says
// anything of its service. Not one that was cut off later: there is always a next one.
bool Controller::is_about_to_be_told(std::size_t index) const {
  const ServiceEntry& service = services_[index];
  const TimePoint latest = service.run.machine().adopt_deadline() + ProbeRun::kWordAwaited;
  for (std::size_t offset = 0; offset < service.run.spec().probes.size(); ++offset) {
    const ProbeRun& probe = fleet_.run(service.first_probe + offset);
    const bool is_awaited = std::ranges::any_of(probe.flights(), [&](const ProbeRun::Flight& flight) {
      return flight.is_expiring && flight.deadline <= latest;
    });
    if (is_awaited) return true;
  }
  return false;
}

Sight Controller::sight() const {
  const std::optional<RouterView>& router = route_.view();
  return {.addresses = address_.seen(),
          .look_sequence = address_.seen_sequence(),
          .removed = &address_.removed(),
          .router = router ? &*router : nullptr,
          .router_sequence = route_.view_sequence(),
          .stack = config_.router.stack,
          .owned = route_.owned(),
          .owned_sequence = route_.owned_sequence(),
          .ladder = &route_.ladder()};
}

Standing Controller::standing(std::size_t index) const {
  const ServiceEntry& service = services_[index];
  const ServiceSpec& spec = service.run.spec();
  const ServiceMachine& machine = service.run.machine();
  Standing standing(spec.name, spec.vips.size(), machine.is_announced(),
                    machine.admin().state == AdminState::automatic);
  for (std::size_t offset = 0; offset < spec.probes.size(); ++offset) {
    const ProbeRun& probe = fleet_.run(service.first_probe + offset);
    standing.count(probe.spec(), probe.tracker());
  }
  standing.judge(spec.require);
  return standing;
}

Brake::Picture Controller::picture() const {
  Brake::Picture picture{.services = {}, .answered = {}, .window = detection_window(config_.services)};
  for (std::size_t index = 0; index < services_.size(); ++index) {
    if (!services_[index].run.is_leaving()) picture.services.push_back(standing(index));
  }
  for (std::size_t place = 0; place < fleet_.size(); ++place) {
    const ProbeRun& probe = fleet_.run(place);
    if (probe.has_answered()) picture.answered.insert(probe.spec().target);
  }
  return picture;
}

// Before anything is withdrawn. Most turns have nothing to withdraw, and cost nothing here.
void Controller::decide_brake(TimePoint now) {
  if (!is_going_on()) {
    (void)brake_.decide(std::nullopt, {}, now);
    return;
  }
  // What is handed over goes on as it is: a hold ends in its time, and none begins.
  if (handing_over_ && (!brake_.until() || now < *brake_.until())) return;
  const auto is_down = [this](std::size_t index) { return standing(index).is_down(); };
  if (dirty_.empty() || (brake_.is_free() && std::ranges::none_of(dirty_, is_down))) return;
  const auto before = brake_.until();
  if (auto said = brake_.decide(config_.brake, picture(), now))
    effects_.emplace_back(effect::Notice{said->error, "", std::move(said->text)});
  if (brake_.until() == before) return;
  touch_all();
  if (brake_.until()) {
    timers_.set(key(Timer::brake), *brake_.until());
  } else {
    timers_.cancel(key(Timer::brake));
  }
}

void Controller::evaluate_services(TimePoint now) {
  for (const std::size_t index : std::exchange(dirty_, {})) evaluate(index, now);
}

void Controller::evaluate(std::size_t index, TimePoint now) {
  ServiceRun& service = services_[index].run;
  const Demand before = service.demand();
  const auto flaps = service.flaps();
  const bool blamed = service.blame().has_value();
  Composed composed = compose_service(index);
  if (is_about_to_be_told(index)) {
    composed.conclusive = true;
    dirty_.insert(index);
  }
  const Standing stood = standing(index);
  if (is_going_on() && composed.health == Health::unhealthy && brake_.holds(stood))
    composed.braked_until = brake_.until();
  emit(service.evaluate(composed, sight(), now));
  if (const Problem blame = service.blame(); blame && !blamed) notice(true, service.spec().name, *blame, now);
  note_decision(index, stood, now);
  const auto flaps_now = service.flaps();
  if (is_going_on() && !service.is_leaving() && flaps_now && flaps_now != flaps)
    effects_.emplace_back(effect::Remember{service.spec().name, *flaps_now});
  if (service.demand().address != before.address) address_.wishes_changed();
  if (service.demand() != before) route_.wishes_changed();
  if (const auto wakeup = service.next_wakeup(now)) {
    timers_.set(static_cast<Timers::Key>(index), *wakeup);
  } else {
    timers_.cancel(static_cast<Timers::Key>(index));
  }
}

void Controller::note_decision(std::size_t index, const Standing& before, TimePoint now) {
  ServiceEntry& service = services_[index];
  if (const auto done = service.run.take_carried_out()) {
    const Via via = service.run.spec().announce.via;
    counts_.carrying_out[static_cast<std::size_t>(via)][static_cast<std::size_t>(done->direction)].record(
        done->took);
  }
  if (!before.is_down() || service.run.machine().is_announced()) return;
  brake_.withdrew(before, now);
  // Of several gates that are down, the one that was the last to fail has tipped it: with `any`, others may have been down for
  // days.
  std::optional<TimePoint> since;
  for (std::size_t offset = 0; offset < service.run.spec().probes.size(); ++offset) {
    const ProbeRun& probe = fleet_.run(service.first_probe + offset);
    if (probe.spec().role == Role::gate && probe.tracker().output() == HealthTracker::Output::down)
      since = std::max(since, probe.failing_since());  // none is less than any
  }
  if (since) counts_.detection.record(now - *since);
}

void Controller::judge_fallback(TimePoint now) {
  if (!route_.may_judge()) return;
  std::vector<VipStanding> standings;
  for (const ServiceEntry& service : services_) service.run.stand(standings, sight());
  std::set<std::size_t> told;
  for (const Vip& vip : route_.judge(standings, now)) told.insert(owner_.at(vip));
  dirty_.insert(told.begin(), told.end());
  evaluate_services(now);
  for (const std::size_t index : told) {
    const ServiceRun& service = services_[index].run;
    if (service.problem()) notice(true, service.spec().name, *service.problem(), now);
  }
}

// ---- from what is wanted to steps

std::vector<DesiredAddress> Controller::desired_addresses() const {
  std::vector<DesiredAddress> all;
  for (const ServiceEntry& service : services_) service.run.desire(all);
  return all;
}

std::vector<DesiredRoute> Controller::desired_routes() const {
  std::vector<DesiredRoute> all;
  for (const ServiceEntry& service : services_) service.run.desire(all, sight());
  return all;
}

void Controller::report_leftover(const std::string& step, TimePoint now) {
  notice(false, "", fmt::format("leftover of a service that is not configured: {}", step), now);
}

void Controller::plan_addresses(TimePoint now) {
  if (!address_.may_plan()) return;
  for (IssuedStep& issued : address_.plan(desired_addresses(), now)) {
    if (ServiceRun* const owner = find_owner(issued.step.key.vip)) {
      owner->step_issued(issued, now);
    } else {
      report_leftover(to_string(issued.step), now);
    }
    if (issued.step.kind != Step::Kind::refresh) route_.expect_change(now);
    effects_.emplace_back(effect::Apply{issued.id, std::move(issued.step)});
  }
}

void Controller::plan_routes(TimePoint now) {
  if (!route_.may_plan()) return;
  std::vector<VipStanding> standings;
  if (route_.wants_standings())
    for (const ServiceEntry& service : services_) service.run.stand(standings, sight());
  RouteSide::Batch batch = route_.plan(desired_routes(), now, standings);
  for (std::string& news : route_.take_fast_news()) notice(false, "", std::move(news), now);
  if (batch.size() == 0) return;
  for (const DenialStep& step : batch.denials) {
    if (ServiceRun* const owner = find_owner(step.vip)) {
      owner->step_issued(step, now);
    } else {
      report_leftover(to_string(step), now);
    }
  }
  for (const IssuedRouteStep& issued : batch.steps) {
    if (ServiceRun* const owner = touch_owner(issued.step.vip)) {
      owner->step_issued(issued, now);
    } else {
      report_leftover(to_string(issued.step), now);
    }
  }
  // Rare, and never routine: each is said.
  for (const FallbackStep& step : batch.fallback)
    notice(!step.wanted.denied.empty(), "", to_string(step), now);
  effects_.emplace_back(
      effect::ApplyRoutes{std::move(batch.steps), std::move(batch.fallback), std::move(batch.denials)});
}

void Controller::look() {
  if (const auto sequence = address_.begin_look()) effects_.emplace_back(effect::Observe{*sequence});
}

void Controller::read_router(TimePoint now) {
  if (route_.is_answered()) {
    const bool settled =
        std::ranges::all_of(services_, [](const ServiceEntry& service) { return service.run.settled(); });
    route_.pace(settled, now);
  }
  if (route_.begin_read(now)) effects_.emplace_back(effect::ReadRouter{});
}

}  // namespace herald
