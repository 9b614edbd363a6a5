#include "tests/sim/service_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sidecar/core/route/policy.h"

namespace herald::sim {
namespace {

// How far apart two reckonings of the same penalty may be.
constexpr double kRounding = 1e-6;
constexpr Duration kWordAwaited = std::chrono::seconds(1);
constexpr Duration kSlack = std::chrono::seconds(1);

ServiceRules::Claim claim_of(std::string_view state) {
  if (state == "adopting") return ServiceRules::Claim::adopting;
  const bool wanted = state == "announcing" || state == "announced" || state == "draining";
  return wanted ? ServiceRules::Claim::wanted : ServiceRules::Claim::unwanted;
}

// How many VIPs of the service are announced by herald.
std::size_t announced(const Look& look) {
  return look.ours + look.elsewhere;
}

bool is_grade(std::string_view name) {
  return name == "unknown" || name == "healthy" || name == "degraded" || name == "unhealthy";
}

}  // namespace

ServiceRules::Gates judge_gates(const Require& require, std::size_t gates, std::size_t up, std::size_t down) {
  std::size_t least = gates;
  if (require.kind == Require::Kind::any) least = 1;
  if (require.kind == Require::Kind::at_least) least = require.count;
  if (up >= least) return ServiceRules::Gates::up;
  return gates - down < least ? ServiceRules::Gates::down : ServiceRules::Gates::unknown;
}

void take_order(std::vector<Admin>& orders, const event::Administer& order) {
  const AdminState said = order.admin.state;
  std::erase_if(orders, [&](const Admin& each) {
    if (said == AdminState::force) return each.state == said;
    if (said == AdminState::drain) return each.state == said && each.who == order.admin.who;
    const bool is_of_the_kind = order.ends.state == said || order.ends.state == each.state;
    return is_of_the_kind && order.ends.whose.value_or(each.who) == each.who;
  });
  if (said != AdminState::automatic) orders.push_back(order.admin);
}

AdminState judge_orders(const std::vector<Admin>& orders, TimePoint now) {
  AdminState come_to = AdminState::automatic;
  for (const Admin& order : orders) {
    if (order.expires && now >= *order.expires) continue;
    if (come_to != AdminState::drain) come_to = order.state;
  }
  return come_to;
}

void ServiceRules::check(bool holds, std::string_view rule) const {
  if (!holds) throw Violation(fmt::format("service {}: {}", spec_.name, rule));
}

void ServiceRules::reconfigured(const ServiceSpec& spec, bool doubted, bool known, TimePoint now) {
  const bool gains = std::ranges::any_of(
      spec.vips, [&](const Vip& vip) { return std::ranges::find(spec_.vips, vip) == spec_.vips.end(); });
  if (spec.vips != spec_.vips || spec.announce != spec_.announce) {
    look_ = {};
    changed_at_ = now;
    awaits_read_ = true;
    moving_ = false;
  }
  spec_ = spec;
  if (may_be_drained() && !has_draining(spec.announce)) {
    drained_at_ = std::min(drained_at_, now);  // it cannot be shown any more
  } else if (admin(now) == AdminState::drain && !was_looked_at_) {
    count_delay(now);  // nor was it until now
  }
  takes_over_ = gains && !known && claim_ == Claim::unwanted && admin(now) == AdminState::automatic;
  if (takes_over_) {
    was_looked_at_ = found_none_ = false;
  } else if (!doubted || claim_ != Claim::wanted) {
    return;
  }
  doubted_ = true;
  started_ = now;
}

void ServiceRules::looked(const Look& look, TimePoint now) {
  if (!std::exchange(was_looked_at_, true)) {
    found_none_ = announced(look) == 0;
    if (admin(now) == AdminState::drain) count_delay(now);  // of what still stands
  }
  look_ = look;
  if (look.ours == spec_.vips.size()) moving_ = false;
}

void ServiceRules::told(const effect::Transition& transition, Opinion opinion, TimePoint now) {
  if (transition.subject == Subject::admin) return;
  if (is_grade(transition.to)) {
    check(is_grade(transition.from), "a grade follows a state");
    return;
  }
  check(transition.from == state_, "a transition starts from where the last one did not end");
  const bool from_draining = state_ == "draining";
  state_ = transition.to;
  check(state_ != "draining" || (admin(now) == AdminState::drain && now < drained_at_),
        "draining, and it is not drained");
  Claim before = std::exchange(claim_, claim_of(state_));
  if (from_draining && std::exchange(drains_adopted_, false) && claim_ == Claim::unwanted)
    before = Claim::adopting;  // its health was not known when the drain began
  drains_adopted_ = drains_adopted_ || (state_ == "draining" && before == Claim::adopting);
  if (claim_ == before) return;
  if (claim_ == Claim::unwanted) return told_unwanted(before, opinion, now);
  if (claim_ == Claim::wanted) {
    if (admin(now) == AdminState::force && (before == Claim::unwanted || found_none_)) by_force_ = true;
    told_wanted(before, opinion, now);
    found_none_ = false;
    return;
  }
  check((from_draining || doubted_) && admin(now) == AdminState::automatic && is_open(opinion, now),
        "adopts again");
}

void ServiceRules::told_unwanted(Claim before, Opinion opinion, TimePoint now) {
  unwanted_since_ = now;
  if (std::exchange(moving_, false)) look_.elsewhere = 0;  // an address is not its announcement any more
  const bool found_none = before == Claim::adopting && std::exchange(found_none_, false);
  if ((stopping_ && !handing_over_) || found_none) return;
  if (admin(now) == AdminState::drain) {
    return check(has_drained(now), "withdrawn before drain.delay was over");
  }
  check(admin(now) == AdminState::automatic, "withdrawn though it is forced");
  if (!std::exchange(by_force_, false)) penalize(now);
  const Gates gates = opinion.gates;
  if (gates == Gates::unknown && has_told_nothing(opinion, now)) return;
  if (before == Claim::adopting) {
    check(gates == Gates::down || (now >= started_ + spec_.adopt_timeout && opinion.is_silent),
          "an adopted service was given up without a reason");
  } else {
    check(gates == Gates::down || (gates == Gates::unknown && announced(look_) == 0),
          "withdrawn though its gates are not down");
  }
}

void ServiceRules::told_wanted(Claim before, Opinion opinion, TimePoint now) const {
  check(!stopping_ || before == Claim::adopting, "what was not wanted is wanted once herald stops");
  if (stopping_ || admin(now) == AdminState::force) return;
  if (admin(now) == AdminState::drain) {
    check(before == Claim::adopting, "drained, and what was not announced is");
    return check(state_ == "draining" && now < drained_at_, "drained, and it is announced");
  }
  check(opinion.gates == Gates::up, "wanted though its gates are not up");
  if (before == Claim::adopting && !found_none_) return;  // adopted: nothing new is announced
  check(!withdrawn_at_ || now >= *withdrawn_at_ + spec_.hold_down, "announced before hold_down was over");
  check(!is_damped(now, 1 + kRounding), "announced while damping suppresses it");
}

bool ServiceRules::may_be_drained() const {
  return std::ranges::find(orders_, AdminState::drain, &Admin::state) != orders_.end();
}

// From the first drain that stands.
void ServiceRules::count_delay(TimePoint now) {
  TimePoint first = TimePoint::max();
  for (const Admin& order : orders_) {
    if (order.state == AdminState::drain && (!order.expires || now < *order.expires))
      first = std::min(first, order.since);
  }
  if (first == TimePoint::max()) return;  // told at a start, and over by then
  drained_at_ = first + (has_draining(spec_.announce) ? spec_.drain.delay : 0s);
}

void ServiceRules::administer(const event::Administer& order, TimePoint now) {
  // Also one that has ended, where nobody has noticed yet: its attributes are shown all the time.
  const bool is_drained = admin(now) == AdminState::drain || (may_be_drained() && state_ == "draining");
  take_order(orders_, order);
  if (order.admin.state == AdminState::drain && !is_drained) count_delay(now);
}

AdminState ServiceRules::admin(TimePoint now) const {
  return judge_orders(orders_, now);
}

bool ServiceRules::has_drained(TimePoint now) const {
  return now >= drained_at_ || announced(look_) == 0;
}

// RFC 2439: a withdrawal adds 1000, to at most what decays to `reuse` within max_suppress.
void ServiceRules::penalize(TimePoint now) {
  if (spec_.damping) {
    const Damping& damping = *spec_.damping;
    const double ceiling =
        damping.reuse * std::exp2(std::chrono::duration<double>(damping.max_suppress) / damping.half_life);
    damped_ = is_damped(now, 1);
    penalty_ = std::min(penalty(now) + 1000, ceiling);
    damped_ = damped_ || penalty_ >= damping.suppress;
  }
  withdrawn_at_ = now;
}

void ServiceRules::recall(const Flaps& flaps) {
  withdrawn_at_ = flaps.withdrawn_at;
  penalty_ = flaps.penalty;
  damped_ = flaps.suppressed;
}

void ServiceRules::clear_damping() {
  penalty_ = 0;
  damped_ = false;
}

void ServiceRules::remembered(const Flaps& flaps) const {
  check(withdrawn_at_ == flaps.withdrawn_at, "a withdrawal is remembered that was not made");
  check(std::abs(flaps.penalty - penalty_) <= penalty_ * kRounding && flaps.suppressed == damped_,
        "another penalty is remembered");
}

double ServiceRules::penalty(TimePoint now) const {
  if (!withdrawn_at_ || !spec_.damping) return 0;
  const std::chrono::duration<double> since = now - *withdrawn_at_;
  return penalty_ * std::exp2(-(since / spec_.damping->half_life));
}

bool ServiceRules::is_damped(TimePoint now, double margin) const {
  return damped_ && penalty(now) > spec_.damping->reuse * margin;
}

// Whether it may be left as it was found: its gates are not known, or, for so long, its grade.
bool ServiceRules::is_open(Opinion opinion, TimePoint now) const {
  if (opinion.gates == Gates::unknown) return true;
  return opinion.gates == Gates::up && opinion.is_ungraded && has_degraded(spec_.announce) &&
         now <= started_ + spec_.adopt_timeout;
}

void ServiceRules::settled(Opinion opinion, bool braked, TimePoint now) {
  if (claim_ == Claim::wanted && admin(now) == AdminState::automatic && opinion.gates == Gates::up)
    by_force_ = false;
  if (stopping_ || !look_.taken) return;
  check(state_ != "announced" || look_.ours == spec_.vips.size(), "called announced, and a VIP is not there");
  check((state_ != "withdrawn" && state_ != "held") || announced(look_) == 0,
        "called withdrawn, and a VIP is there");
  const bool forced = admin(now) == AdminState::force;
  check(!forced || claim_ == Claim::wanted, "it is forced, and not wanted");
  const bool drained = admin(now) == AdminState::drain;
  check(!drained || (now < drained_at_ ? claim_ != Claim::adopting : claim_ == Claim::unwanted),
        "it is drained, and still wanted");
  if (!forced && !drained) settled_by_itself(opinion, braked, now);
}

bool ServiceRules::has_told_nothing(const Opinion& opinion, TimePoint now) const {
  return spec_.unknown_limit && opinion.silent_since && now >= *opinion.silent_since + *spec_.unknown_limit;
}

void ServiceRules::settled_by_itself(Opinion opinion, bool braked, TimePoint now) const {
  const Gates gates = opinion.gates;
  if (braked && gates == Gates::down) return;
  check(gates != Gates::down || claim_ == Claim::unwanted, "its gates are down and it is still wanted");
  check(claim_ == Claim::unwanted || gates != Gates::unknown || !has_told_nothing(opinion, now - kSlack),
        "it is wanted on nothing beyond unknown_limit");
  check(claim_ != Claim::adopting || is_open(opinion, now), "its gates are known and it is still adopting");
  const Duration patience = spec_.adopt_timeout + (opinion.awaits_word ? kWordAwaited : Duration{});
  check(claim_ != Claim::adopting || !opinion.is_silent || now <= started_ + patience,
        "adopting beyond adopt_timeout, and a gate has had nothing conclusive");
  if (gates == Gates::up && claim_ == Claim::unwanted) {
    const bool held_down = withdrawn_at_ && now < *withdrawn_at_ + spec_.hold_down;
    check(held_down || is_damped(now, 1 - kRounding),
          "its gates are up, nothing holds it, and it is not wanted");
  }
}

}  // namespace herald::sim
