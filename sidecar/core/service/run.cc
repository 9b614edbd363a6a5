// What a service wants, what was done for it, and what it shows. What it makes of what it sees is in sight.cc.
#include "sidecar/core/service/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace herald {
namespace {

constexpr std::size_t kKeptTransitions = 16;
constexpr std::size_t kKeptSteps = 16;

// A VIP that is configured no more, and still in the router's table: by somebody else's doing perhaps, and on purpose.
constexpr Duration kStaleToldFor = 10min;

template <typename Item>
void keep_last(std::deque<Item>& items, Item item, std::size_t most) {
  items.push_back(std::move(item));
  if (items.size() > most) items.pop_front();
}

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
      since_sight_(since),
      moving_(routes() && by_address),
      read_after_(since.read > 0 ? since.read - 1 : 0) {
  since_.fill(now);
}

void ServiceRun::reconfigure(ServiceSpec spec, Since since, bool by_address, TimePoint now) {
  const bool elsewhere = spec.vips != spec_.vips || spec.announce != spec_.announce;
  spec_ = std::move(spec);
  for (const Grade grade : {Grade::healthy, Grade::degraded, Grade::draining})
    policies_[static_cast<std::size_t>(grade)] = policy_of(spec_, grade);
  machine_.reconfigure(spec_, now);
  if (!elsewhere) return;
  since_sight_ = since;
  read_after_ = std::max(read_after_, since.read - 1);
  gone_at_.reset();
  moving_ = routes() && by_address;
  std::erase_if(step_errors_, [&](const auto& entry) {
    return std::ranges::find(spec_.vips, entry.first) == spec_.vips.end();
  });
}

// The steps of the ladder are those of a drain, and in the end the VIP goes too: nobody is left to manage it.
void ServiceRun::depart(std::vector<Vip> vips, Since since, TimePoint now) {
  since_sight_ = since;
  if (std::exchange(departs_, true)) {
    spec_.vips = std::move(vips);
    return;
  }
  departs_at_ = now;
  spec_.name += " (removed)";
  spec_.vips = std::move(vips);
  spec_.probes.clear();
  spec_.announce.vip_on_down = VipOnDown::remove;
  spec_.on_exit = OnExit::withdraw;
  machine_.administer({AdminState::drain, "the configuration has it no more", "herald", now, std::nullopt});
}

void ServiceRun::forget_in_flight() {
  in_flight_.clear();
  routes_in_flight_ = 0;
}

void ServiceRun::stop() {
  stopping_ = true;
  keeps_ = spec_.on_exit == OnExit::keep && wish_.want != Want::absent;
}

void ServiceRun::hand_over() {
  stopping_ = hands_over_ = true;
  keeps_ = wish_.want != Want::absent;
}

std::vector<effect::Transition> ServiceRun::evaluate(const Composed& composed, const Sight& sight,
                                                     TimePoint now) {
  if (gone_) return {};
  judged_ = true;
  note_arrival(sight);
  const Want before = wish_.want;
  const bool was_draining = wish_.draining;
  std::vector<effect::Transition> made;
  if (const auto over = machine_.expire(now)) {
    made.push_back(note(Subject::admin, name_of(over->state), name_of(AdminState::automatic),
                        "its time is over; it was " + said(*over), now));
  }
  wish_ = machine_.evaluate(composed, presence(sight), now);
  moving_ = moving_ && wish_.want != Want::absent;
  if (stopping_) {
    keeps_ = keeps_ && wish_.want != Want::absent;
    if (keeps_ && hands_over_) {
      wish_.want = Want::hand_over;  // also what is being drained or adopted: the successor goes on with it
    } else if (!hands_over_ || wish_.want != Want::absent) {  // what was not wanted is not begun any more
      wish_ = {.want = keeps_ ? Want::keep : Want::absent,
               .reason = hands_over_ ? "herald hands over" : "herald stops"};
    }
  }
  Judged judged = judge(sight);
  problem_ = std::move(judged.problem);
  if (health_ != composed.health) {
    // What turns the state as well is told by that; but of another grade the state only says that it is not yet sent.
    const bool graded = is_up(health_) && is_up(composed.health);
    const bool known = health_ != Health::unknown && composed.health != Health::unknown;
    if (graded || (known && judged.state == state_))
      made.push_back(note(Subject::health, name_of(health_), name_of(composed.health), composed.reason, now));
    since_[static_cast<std::size_t>(Subject::health)] = now;
    health_ = composed.health;
  }
  if (judged.state != state_) {
    // A change that herald did not wish for has its reason out there: the VIP is gone, the router does not
    // answer.
    const bool wished = wish_.want != before || wish_.draining != was_draining || problem_.empty();
    made.push_back(
        note(Subject::state, name_of(state_), name_of(judged.state), wished ? wish_.reason : problem_, now));
    state_ = judged.state;
  }
  decide_demand(sight, now);
  gone_ = departs_ && has_vanished(sight, now);
  return made;
}

effect::Transition ServiceRun::note(Subject subject, std::string_view from, std::string_view to,
                                    std::string why, TimePoint now) {
  const TimePoint before = std::exchange(since_[static_cast<std::size_t>(subject)], now);
  effect::Transition transition{now,     spec_.name,  "", std::string(from), std::string(to), std::move(why),
                                subject, now - before};
  keep_last(transitions_, transition, kKeptTransitions);
  return transition;
}

effect::Transition ServiceRun::administer(Admin admin, TimePoint now) {
  const AdminState before = machine_.admin().state;
  machine_.administer(std::move(admin));
  return note(Subject::admin, name_of(before), name_of(machine_.admin().state), said(machine_.admin()), now);
}

void ServiceRun::restore(Admin admin) {
  since_[static_cast<std::size_t>(Subject::admin)] = admin.since;
  machine_.administer(std::move(admin));
}

// ---- what is wanted

void ServiceRun::decide_demand(const Sight& sight, TimePoint now) {
  demand_ = {.address = wish_.want, .route = Want::hold, .grade = wish_.grade, .ready = 0};
  if (!routes()) return;
  note_departure(sight, now);
  demand_.route = wish_.want;
  demand_.address = vip_want(sight, now);
  demand_.ready = static_cast<std::size_t>(
      std::ranges::count_if(spec_.vips, [&](const Vip& vip) { return is_ready(vip, sight); }));
}

// With its route a service that was announced by its address alone has arrived.
void ServiceRun::note_arrival(const Sight& sight) {
  if (!moving_ || sight.owned == nullptr || sight.owned_sequence < since_sight_.read) return;
  moving_ = !std::ranges::all_of(spec_.vips, [&](const Vip& vip) { return sight.owned->contains(vip); });
}

// Of what departs: nothing of it is left, and nothing is on its way. Where the router goes on announcing it, that is told for a
// while, and for as long as the fallback denies it.
bool ServiceRun::has_vanished(const Sight& sight, TimePoint now) const {
  if (!in_flight_.empty() || routes_in_flight_ > 0 || sight.addresses == nullptr) return false;
  if (sight.look_sequence < since_sight_.look) return false;
  const bool answers = sight.router != nullptr && sight.router->reachable;
  if (!routes() && answers && !was_read(sight)) return false;
  const bool is_told = now - departs_at_ >= kStaleToldFor;
  if (routes() && !gone_at_ && !is_told) return false;
  return std::ranges::none_of(spec_.vips, [&](const Vip& vip) {
    if (routes() && owned_by(vip, sight)) return true;
    const bool waits_for_vip = routes() ? spec_.announce.manage_vip && !is_told : true;
    if (waits_for_vip && find_ours(vip, sight) != nullptr) return true;
    return is_stale(vip, sight) && (!is_told || is_contained(vip, sight));
  });
}

// A withdrawal is proven by a read, and stays so while the router does not answer and nothing is sent to it.
void ServiceRun::note_departure(const Sight& sight, TimePoint now) {
  if (wish_.want != Want::absent || routes_in_flight_ > 0) gone_at_.reset();
  if (wish_.want != Want::absent || !was_read(sight)) return;
  const bool gone = std::ranges::all_of(spec_.vips, [&](const Vip& vip) {
    // Where the router redistributes the VIP, too, that ends with the VIP, which does not stay for one that departs.
    const bool at_the_lever = departs_ && !owned_by(vip, sight);
    return at_the_lever || withdraw_route_problem(vip, sight).empty() || is_contained(vip, sight);
  });
  if (!gone) gone_at_.reset();
  if (gone && !gone_at_) gone_at_ = now;
}

// Of the VIP of a route: there before the route, and after it. What herald leaves behind it leaves as it is.
Want ServiceRun::vip_want(const Sight& sight, TimePoint now) const {
  const bool left = wish_.want == Want::keep || wish_.want == Want::hand_over;
  if (!spec_.announce.manage_vip || left) return Want::hold;
  if (departs_ && wish_.want != Want::absent) return Want::hold;
  const bool stays = spec_.announce.vip_on_down == VipOnDown::keep;
  if (stopping_ && stays) return Want::hold;
  if (stays || wish_.want == Want::present) return Want::present;
  if (wish_.want == Want::hold) {  // under a route it is put back, and before one it waits for the health
    const bool announced =
        std::ranges::any_of(spec_.vips, [&](const Vip& vip) { return owned_by(vip, sight).has_value(); });
    return announced ? Want::present : Want::hold;
  }
  const auto leaves = vip_leaves_at();
  return leaves && *leaves <= now ? Want::absent : Want::hold;
}

// When the VIP of a withdrawn route goes; none: not at all, or not yet known.
std::optional<TimePoint> ServiceRun::vip_leaves_at() const {
  const bool goes = routes() && spec_.announce.manage_vip && spec_.announce.vip_on_down == VipOnDown::remove;
  return goes && gone_at_ ? std::optional{*gone_at_ + spec_.drain.linger} : std::nullopt;
}

Duration ServiceRun::longest_linger() const {
  const bool goes =
      routes() && !gone_ && spec_.announce.manage_vip && spec_.announce.vip_on_down == VipOnDown::remove;
  return goes && spec_.on_exit == OnExit::withdraw ? spec_.drain.linger : Duration{};
}

bool ServiceRun::has_left() const {
  if (!routes() || gone_ || demand_.route != Want::absent) return true;
  return gone_at_ && (!vip_leaves_at() || demand_.address == Want::absent);
}

std::optional<TimePoint> ServiceRun::next_wakeup(TimePoint now) const {
  if (gone_) return std::nullopt;
  const auto machine = machine_.next_wakeup(now);
  const auto leaves = vip_leaves_at();
  if (!leaves || *leaves <= now) return machine;
  return machine ? std::min(*machine, *leaves) : leaves;
}

void ServiceRun::desire(std::vector<DesiredAddress>& desired) const {
  const bool managed = !routes() || spec_.announce.manage_vip;
  if (gone_ || (!managed && !moving_)) return;
  for (const Vip& vip : spec_.vips) {
    const Want want = managed ? demand_.address : Want::hold;
    desired.push_back({{vip, spec_.announce.interface}, want, spec_.announce.lease});
  }
}

void ServiceRun::desire(std::vector<DesiredRoute>& desired, const Sight& sight) const {
  if (gone_) return;
  if (!routes()) return desire_former(desired, sight);
  for (const Vip& vip : spec_.vips) {
    // A route without its VIP draws packets that nobody answers; one that is there is not lost for that.
    const bool is_lost = wish_.draining && !owned_by(vip, sight);  // not put back only to be withdrawn
    const bool waits = demand_.route == Want::present && (is_lost || !is_ready(vip, sight));
    desired.push_back({vip, waits ? Want::hold : demand_.route, policy()});
  }
}

// A route of a VIP that its address announces is of a former lever: it goes once the address is there.
void ServiceRun::desire_former(std::vector<DesiredRoute>& desired, const Sight& sight) const {
  for (const Vip& vip : spec_.vips) {
    if (!owned_by(vip, sight)) continue;
    const ObservedAddress* address = find(vip, sight);
    const bool there = address != nullptr && address->ours && !was_removed(vip, sight);
    const bool goes = demand_.address == Want::absent || (there && !stopping_);
    desired.push_back({vip, goes ? Want::absent : Want::hold, policy()});
  }
}

void ServiceRun::stand(std::vector<VipStanding>& standings, const Sight& sight) const {
  for (const Vip& vip : spec_.vips) standings.push_back({vip, standing(vip, sight)});
}

// ---- what was done

void ServiceRun::step_issued(const IssuedStep& issued, TimePoint now) {
  in_flight_.emplace(issued.id, issued.step);
  if (issued.step.kind == Step::Kind::refresh) return;  // routine, three a lease
  keep_last(steps_, Record{issued.step.key.vip, {now, to_string(issued.step), std::nullopt}}, kKeptSteps);
}

void ServiceRun::step_finished(StepId id, const std::string& error, std::uint64_t router_sequence) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  const Step step = std::move(found->second);
  in_flight_.erase(found);
  if (step.kind != Step::Kind::refresh && !routes()) read_after_ = router_sequence;
  finish_record(step.key.vip, to_string(step), error);
}

void ServiceRun::step_issued(const IssuedRouteStep& issued, TimePoint now) {
  ++routes_in_flight_;
  keep_last(steps_, Record{issued.step.vip, {now, to_string(issued.step), std::nullopt}}, kKeptSteps);
}

void ServiceRun::step_finished(const IssuedRouteStep& issued, const std::string& error,
                               std::uint64_t router_sequence) {
  --routes_in_flight_;
  read_after_ = router_sequence;
  finish_record(issued.step.vip, to_string(issued.step), error);
}

void ServiceRun::finish_record(const Vip& vip, const std::string& text, const std::string& error) {
  if (error.empty()) {
    step_errors_.erase(vip);
  } else {
    step_errors_[vip] = error;
  }
  for (Record& record : steps_) {
    if (!record.shown.error && record.vip == vip && record.shown.text == text) record.shown.error = error;
  }
}

// ---- what is shown

ServiceSnapshot ServiceRun::snapshot(const Sight& sight, TimePoint now) const {
  ServiceSnapshot shown;
  shown.name = spec_.name;
  shown.via = spec_.announce.via;
  shown.health = health_;
  shown.admin = machine_.admin();
  shown.state = state_;
  shown.grade = wish_.grade;
  shown.reason = wish_.reason;
  if (wish_.held_until) {
    const auto left = std::chrono::duration<double>(*wish_.held_until - now).count();
    shown.reason += fmt::format(", {:.0f} s left", std::max(left, 0.0));
  }
  shown.problem = problem_;
  shown.departs = departs_;
  shown.since = since_[static_cast<std::size_t>(Subject::state)];
  shown.penalty = machine_.penalty(now);
  shown.require = spec_.require;
  shown.damping = spec_.damping;
  shown.damped_until = machine_.damped_until(now);
  shown.held_down_until = machine_.held_down_until(now);
  shown.transitions = transitions_;
  for (const Record& record : steps_) shown.steps.push_back(record.shown);
  for (const Vip& vip : spec_.vips) {
    const ObservedAddress* address = find(vip, sight);
    VipSnapshot view;
    view.prefix = vip.prefix;
    view.interface = spec_.announce.interface;
    view.wanted = wish_.want != Want::absent;
    view.on_interface = address != nullptr && (address->ours || routes());
    view.foreign = address != nullptr && !address->ours;
    if (view.on_interface) view.lease_until = address->expires;
    if (const RouterRoute* route = route_of(vip, sight)) view.route = *route;
    if (routes()) view.policy = owned_by(vip, sight);
    if (sight.router != nullptr) {
      for (const auto& [peer, held] : sight.router->fallback)
        if (held.denied.contains(vip)) view.denied_to.push_back(peer);
    }
    shown.vips.push_back(std::move(view));
  }
  return shown;
}

}  // namespace herald
