// What a service wants, what was done for it, and what it shows. What it makes of what it sees is in sight.h.
#include "sidecar/core/service/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace herald {
namespace {

// A VIP that is configured no more, and still in the router's table: by somebody else's doing perhaps, and on purpose.
constexpr Duration kStaleToldFor = 10min;

// "by root: kernel update"
std::string said(const Admin& admin) {
  return fmt::format("by {}{}{}", admin.who, admin.reason.empty() ? "" : ": ", admin.reason);
}

bool is_up(Health health) {
  return health == Health::healthy || health == Health::degraded;
}

}  // namespace

ServiceRun::ServiceRun(ServiceSpec spec, TimePoint now, Since since, bool by_address)
    : spec_(std::move(spec)),
      policies_{policy_of(spec_, Grade::healthy), policy_of(spec_, Grade::degraded),
                policy_of(spec_, Grade::draining)},
      machine_(spec_, now),
      dealings_{.since = since,
                .read_after = since.read > 0 ? since.read - 1 : 0,
                .moving = routes() && by_address},
      record_(now) {}

void ServiceRun::reconfigure(ServiceSpec spec, Since since, bool by_address, TimePoint now) {
  const bool elsewhere = spec.vips != spec_.vips || spec.announce != spec_.announce;
  spec_ = std::move(spec);
  for (const Grade grade : {Grade::healthy, Grade::degraded, Grade::draining})
    policies_[static_cast<std::size_t>(grade)] = policy_of(spec_, grade);
  machine_.reconfigure(spec_, now);
  if (!elsewhere) return;
  dealings_.since = since;
  dealings_.exposure.reset();
  dealings_.read_after = std::max(dealings_.read_after, since.read - 1);
  dealings_.gone_at.reset();
  dealings_.moving = routes() && by_address;
  std::erase_if(dealings_.step_errors, [&](const auto& entry) {
    return std::ranges::find(spec_.vips, entry.first) == spec_.vips.end();
  });
}

// The steps of the ladder are those of a drain, and in the end the VIP goes too: nobody is left to manage it.
void ServiceRun::leave(std::vector<Vip> vips, Since since, TimePoint now) {
  dealings_.since = since;
  spec_.vips = std::move(vips);
  if (is_leaving()) return;
  tenure_ = Tenure::leaving;
  leaves_at_ = now;
  spec_.name += " (removed)";
  spec_.probes.clear();
  spec_.announce.vip_on_down = VipOnDown::remove;
  spec_.on_exit = OnExit::withdraw;
  machine_.drain_for_good(
      {AdminState::drain, "the configuration has it no more", std::string(kByHerald), now, std::nullopt});
}

void ServiceRun::forget_in_flight() {
  in_flight_.clear();
  dealings_.routes_in_flight = 0;
}

void ServiceRun::stop() {
  const bool stays = spec_.on_exit == OnExit::keep && wish_.want != Want::absent;
  ending_ = stays ? Ending::keeps : Ending::withdraws;
}

void ServiceRun::hand_over() {
  ending_ = wish_.want != Want::absent ? Ending::hands_over : Ending::hands_nothing;
}

std::vector<effect::Transition> ServiceRun::evaluate(const Composed& composed, const Sight& sight,
                                                     TimePoint now) {
  if (gone()) return {};
  if (untouched()) tenure_ = Tenure::serving;
  const ServiceSight seen = see(sight);
  note_arrival(seen);
  Transitions made;
  note_expiry(made, now);
  const ServiceMachine::Wish before = wish_;
  decide_wish(composed, seen.presence(), now);
  ServiceSight::Judged judged = seen.judge(wish_);
  problem_ = std::move(judged.problem);
  blames_ = judged.blames;
  take_health(composed, judged.state, made, now);
  // A change that herald did not wish for has its reason out there: the VIP is gone, the router does not answer.
  const bool wished = wish_.want != before.want || wish_.draining != before.draining || !problem_;
  take_state(judged.state, wished, made, now);
  note_carrying_out(before.want, now);
  decide_demand(seen, now);
  if (is_leaving() && has_vanished(seen, now)) tenure_ = Tenure::gone;
  return made;
}

// With its route a service that was announced by its address alone has arrived.
void ServiceRun::note_arrival(const ServiceSight& seen) {
  if (dealings_.moving && seen.has_arrived()) dealings_.moving = false;
}

void ServiceRun::note_expiry(Transitions& made, TimePoint now) {
  for (;;) {
    const AdminState before = machine_.admin().state;
    const auto over = machine_.expire(now);
    if (!over) return;
    made.push_back(turned_admin(before, "its time is over; it was " + said(*over), now));
  }
}

void ServiceRun::decide_wish(const Composed& composed, Presence presence, TimePoint now) {
  wish_ = machine_.evaluate(composed, presence, now);
  if (wish_.want == Want::absent) dealings_.moving = false;
  if (ends()) wish_ending();
}

void ServiceRun::wish_ending() {
  const bool wanted = wish_.want != Want::absent;
  if (!wanted && ending_ == Ending::keeps) ending_ = Ending::withdraws;
  if (!wanted && ending_ == Ending::hands_over) ending_ = Ending::hands_nothing;
  switch (ending_) {
    case Ending::none:
      return;
    case Ending::withdraws:
      wish_ = {.want = Want::absent, .reason = "herald stops"};
      return;
    case Ending::keeps:
      wish_ = {.want = Want::keep, .reason = "herald stops"};
      return;
    case Ending::hands_over:
      wish_.want = Want::hand_over;
      return;
    case Ending::hands_nothing:
      if (wanted) wish_ = {.want = Want::absent, .reason = "herald hands over"};
      return;
  }
}

// What turns the state as well is told by that; but of another grade the state only says that it is not yet sent.
void ServiceRun::take_health(const Composed& composed, ServiceState judged, Transitions& made,
                             TimePoint now) {
  if (health_ == composed.health) return;
  const bool graded = is_up(health_) && is_up(composed.health);
  const bool known = health_ != Health::unknown && composed.health != Health::unknown;
  if (graded || (known && judged == state_))
    made.push_back(turned(Subject::health, name_of(health_), name_of(composed.health), composed.reason, now));
  record_.set_since(Subject::health, now);
  health_ = composed.health;
}

void ServiceRun::take_state(ServiceState judged, bool wished, Transitions& made, TimePoint now) {
  if (judged == state_) return;
  std::string why = wished ? wish_.reason : *problem_;
  if (wished && blames_ && problem_) why += "; " + *problem_;
  made.push_back(turned(Subject::state, name_of(state_), name_of(judged), std::move(why), now));
  state_ = judged;
  record_.count(judged);
}

// A decision that finds its end there already was none that anybody has to wait for.
void ServiceRun::note_carrying_out(Want before, TimePoint now) {
  if (wish_.want != before) {
    const bool is_decision = wish_.want == Want::present || wish_.want == Want::absent;
    const Direction direction = wish_.want == Want::present ? Direction::announce : Direction::withdraw;
    decided_ = is_decision ? std::optional(Decided{direction, now}) : std::nullopt;
  }
  if (!decided_) return;
  const bool is_gone = state_ == ServiceState::withdrawn || state_ == ServiceState::held;
  const bool is_done =
      decided_->direction == Direction::announce ? state_ == ServiceState::announced : is_gone;
  if (!is_done) return;
  const Decided done = *std::exchange(decided_, std::nullopt);
  if (wish_.want == before) carried_out_ = CarriedOut{done.direction, now - done.at};
}

effect::Transition ServiceRun::turned(Subject subject, std::string_view from, std::string_view to,
                                      std::string why, TimePoint now) {
  return record_.turned(spec_.name, subject, from, to, std::move(why), now);
}

effect::Transition ServiceRun::turned_admin(AdminState before, std::string why, TimePoint now) {
  return turned(Subject::admin, name_of(before), name_of(machine_.admin().state), std::move(why), now);
}

effect::Transition ServiceRun::administer(Admin admin, TimePoint now) {
  const AdminState before = machine_.admin().state;
  std::string why = said(admin);
  if (before == AdminState::drain && admin.state == AdminState::force) why += "; FORCED once it is undrained";
  machine_.administer(std::move(admin));
  return turned_admin(before, std::move(why), now);
}

std::optional<effect::Transition> ServiceRun::end_orders(const Ends& ends, const Admin& by, TimePoint now) {
  const AdminState before = machine_.admin().state;
  const std::vector<Admin> ended = machine_.end(ends);
  if (ended.empty()) return std::nullopt;
  std::string why = said(by);
  for (const Admin& over : ended) {
    if (over.who != by.who) why += fmt::format("; it was {}", said(over));
  }
  const bool stands = before == AdminState::drain && machine_.admin().state == AdminState::drain;
  if (stands) why += "; still drained by " + text_of_drains(machine_.orders().all());
  return turned_admin(before, std::move(why), now);
}

void ServiceRun::restore(Admin admin) {
  machine_.administer(std::move(admin));
  record_.set_since(Subject::admin, machine_.orders().all().front().since);
}

// ---- what is wanted

void ServiceRun::decide_demand(const ServiceSight& seen, TimePoint now) {
  demand_ = {.address = wish_.want, .route = Want::hold, .grade = wish_.grade, .ready = 0};
  if (!routes()) return;
  note_departure(seen, now);
  if (seen.is_answered()) dealings_.import = seen.import();
  if (auto proof = seen.prove_exposure()) dealings_.exposure = std::move(proof);
  demand_.route = wish_.want;
  demand_.address = vip_want(seen, now);
  demand_.ready = seen.ready();
}

// Of what leaves: nothing of it is left, and nothing is on its way. Where the router goes on announcing it, that is told for a
// while, and for as long as the fallback denies it.
bool ServiceRun::has_vanished(const ServiceSight& seen, TimePoint now) const {
  if (!in_flight_.empty() || dealings_.routes_in_flight > 0 || !seen.has_looked()) return false;
  if (!routes() && seen.is_answered() && !seen.was_read()) return false;
  const bool is_told = now - leaves_at_ >= kStaleToldFor;
  if (routes() && !dealings_.gone_at && !is_told) return false;
  return std::ranges::none_of(spec_.vips, [&](const Vip& vip) {
    if (routes() && seen.owned_by(vip)) return true;
    const bool waits_for_vip = routes() ? spec_.announce.manage_vip && !is_told : true;
    if (waits_for_vip && seen.find_ours(vip) != nullptr) return true;
    return seen.is_stale(vip) && (!is_told || seen.is_contained(vip));
  });
}

// A withdrawal is proven by a read, and stays so while the router does not answer and nothing is sent to it.
void ServiceRun::note_departure(const ServiceSight& seen, TimePoint now) {
  if (wish_.want != Want::absent || dealings_.routes_in_flight > 0) dealings_.gone_at.reset();
  if (wish_.want != Want::absent || !seen.was_read()) return;
  const bool gone = std::ranges::all_of(spec_.vips, [&](const Vip& vip) {
    // Where the router redistributes the VIP, too, that ends with the VIP, which does not stay for one that leaves.
    const bool at_the_lever = is_leaving() && !seen.owned_by(vip);
    return at_the_lever || !seen.withdraw_problem(vip) || seen.is_contained(vip);
  });
  if (!gone) dealings_.gone_at.reset();
  if (gone && !dealings_.gone_at) dealings_.gone_at = now;
}

// Of the VIP of a route: there before the route, and after it. What herald leaves behind it leaves as it is.
Want ServiceRun::vip_want(const ServiceSight& seen, TimePoint now) const {
  const bool left = wish_.want == Want::keep || wish_.want == Want::hand_over;
  if (!spec_.announce.manage_vip || left) return Want::hold;
  if (is_leaving() && wish_.want != Want::absent) return Want::hold;
  if (wish_.want == Want::present) return Want::present;
  const Exposure exposure = seen.exposure();
  if (wish_.want == Want::absent && announces_by_itself(exposure)) return Want::absent;
  const bool stays = spec_.announce.vip_on_down == VipOnDown::keep;
  if (ends() && stays) return Want::hold;
  if (stays && exposure == Exposure::none) return Want::present;
  if (wish_.want == Want::hold) {  // under a route it is put back, and before one it waits for the health
    const bool announced =
        std::ranges::any_of(spec_.vips, [&](const Vip& vip) { return seen.owned_by(vip).has_value(); });
    return announced ? Want::present : Want::hold;
  }
  // What is kept off the interface that it was moved to does not stay on the former one either.
  if (stays) return exposure != Exposure::unknown && seen.is_left_elsewhere() ? Want::absent : Want::hold;
  const auto leaves = vip_leaves_at();
  return leaves && *leaves <= now ? Want::absent : Want::hold;
}

// The address of a dead service: the router would go on announcing it. Who leaves cannot look at what it does any more.
bool ServiceRun::announces_by_itself(Exposure exposure) const {
  return exposure == Exposure::seen ||
         (ends() && (exposure == Exposure::likely || exposure == Exposure::perhaps));
}

// When the VIP of a withdrawn route goes; none: not at all, or not yet known.
std::optional<TimePoint> ServiceRun::vip_leaves_at() const {
  const bool goes = routes() && spec_.announce.manage_vip && spec_.announce.vip_on_down == VipOnDown::remove;
  return goes && dealings_.gone_at ? std::optional{*dealings_.gone_at + spec_.drain.linger} : std::nullopt;
}

Duration ServiceRun::longest_linger() const {
  const bool goes =
      routes() && !gone() && spec_.announce.manage_vip && spec_.announce.vip_on_down == VipOnDown::remove;
  return goes && spec_.on_exit == OnExit::withdraw ? spec_.drain.linger : Duration{};
}

bool ServiceRun::has_left() const {
  if (!routes() || gone() || demand_.route != Want::absent) return true;
  return dealings_.gone_at && (!vip_leaves_at() || demand_.address == Want::absent);
}

std::optional<TimePoint> ServiceRun::next_wakeup(TimePoint now) const {
  if (gone()) return std::nullopt;
  const auto machine = machine_.next_wakeup(now);
  const auto leaves = vip_leaves_at();
  if (!leaves || *leaves <= now) return machine;
  return machine ? std::min(*machine, *leaves) : leaves;
}

void ServiceRun::desire(std::vector<DesiredAddress>& desired) const {
  const bool managed = manages_vip();
  if (gone() || (!managed && !dealings_.moving)) return;
  for (const Vip& vip : spec_.vips) {
    const Want want = managed ? demand_.address : Want::hold;
    desired.push_back({{vip, spec_.announce.interface}, want, spec_.announce.lease});
  }
}

void ServiceRun::desire(std::vector<DesiredRoute>& desired, const Sight& sight) const {
  if (gone()) return;
  const ServiceSight seen = see(sight);
  if (!routes()) return desire_former(desired, seen);
  for (const Vip& vip : spec_.vips) {
    // A route without its VIP draws packets that nobody answers; one that is there is not lost for that.
    const bool is_lost = wish_.draining && !seen.owned_by(vip);  // not put back only to be withdrawn
    const bool waits = demand_.route == Want::present && (is_lost || !seen.is_ready(vip));
    desired.push_back({vip, waits ? Want::hold : demand_.route, policy()});
  }
}

// A route of a VIP that its address announces is of a former lever: it goes once the address is there.
void ServiceRun::desire_former(std::vector<DesiredRoute>& desired, const ServiceSight& seen) const {
  for (const Vip& vip : spec_.vips) {
    if (!seen.owned_by(vip)) continue;
    const bool goes = demand_.address == Want::absent || (seen.is_here(vip) && !ends());
    desired.push_back({vip, goes ? Want::absent : Want::hold, policy()});
  }
}

void ServiceRun::stand(std::vector<VipStanding>& standings, const Sight& sight) const {
  const ServiceSight seen = see(sight);
  const Want want = wish_.adopting ? Want::hold : wish_.want;
  for (const Vip& vip : spec_.vips) standings.push_back({vip, seen.standing(vip, wish_), want, !ends()});
}

// ---- what was done

void ServiceRun::step_issued(const IssuedStep& issued, TimePoint now) {
  in_flight_.emplace(issued.id, issued.step);
  if (issued.step.kind == Step::Kind::refresh) return;  // routine, three a lease
  record_.issued(issued.step.key.vip, to_string(issued.step), now);
}

void ServiceRun::step_finished(StepId id, const StepOutcome& outcome, std::uint64_t router_sequence) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  const Step step = std::move(found->second);
  in_flight_.erase(found);
  if (step.kind != Step::Kind::refresh) {
    // The router hears of an address a little later than herald: the read that begins next may not know of it yet.
    (routes() ? dealings_.address_after : dealings_.read_after) = router_sequence + (routes() ? 1 : 0);
  }
  finish_step(step.key.vip, to_string(step), outcome ? RouteOutcome{} : std::unexpected(outcome.error()));
}

void ServiceRun::step_issued(const IssuedRouteStep& issued, TimePoint now) {
  ++dealings_.routes_in_flight;
  record_.issued(issued.step.vip, to_string(issued.step), now);
}

void ServiceRun::step_issued(const DenialStep& step, TimePoint now) {
  record_.issued(step.vip, to_string(step), now);
}

void ServiceRun::step_finished(const DenialStep& step, const RouteOutcome& outcome) {
  record_.finished(step.vip, to_string(step), outcome);
}

void ServiceRun::step_finished(const IssuedRouteStep& issued, const RouteOutcome& outcome,
                               std::uint64_t router_sequence) {
  --dealings_.routes_in_flight;
  dealings_.read_after = router_sequence;
  finish_step(issued.step.vip, to_string(issued.step), outcome);
}

void ServiceRun::finish_step(const Vip& vip, const std::string& text, const RouteOutcome& outcome) {
  if (outcome) {
    dealings_.step_errors.erase(vip);
  } else {
    dealings_.step_errors[vip] = outcome.error();
  }
  record_.finished(vip, text, outcome);
}

// ---- what is shown

ServiceSnapshot ServiceRun::snapshot(const Sight& sight, TimePoint now, Records records) const {
  ServiceSnapshot shown;
  shown.name = spec_.name;
  shown.via = spec_.announce.via;
  shown.health = health_;
  shown.admin = machine_.admin();
  shown.orders = machine_.orders().all();
  shown.state = state_;
  shown.grade = wish_.grade;
  shown.reason = wish_.reason;
  if (wish_.held_until) {
    const auto left = std::chrono::duration<double>(*wish_.held_until - now).count();
    shown.reason += fmt::format(", {:.0f} s left", std::max(left, 0.0));
  }
  shown.problem = problem();
  shown.leaving = is_leaving();
  shown.since = record_.since(Subject::state);
  shown.health_since = record_.since(Subject::health);
  shown.turned = record_.counts();
  shown.penalty = machine_.penalty(now);
  shown.require = spec_.require;
  shown.damping = spec_.damping;
  shown.damped_until = machine_.damped_until(now);
  shown.held_down_until = machine_.held_down_until(now);
  if (records == Records::with) {
    shown.transitions = record_.transitions();
    shown.steps = record_.steps();
  }
  const ServiceSight seen = see(sight);
  for (const Vip& vip : spec_.vips) shown.vips.push_back(seen.show(vip, wish_));
  return shown;
}

}  // namespace herald
