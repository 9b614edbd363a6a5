#include "sidecar/core/service/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sidecar/core/route/policy.h"

namespace herald {
namespace {

// "held as it is; waiting for front: no result yet"
std::string joined(std::string text, const std::string& reason) {
  return reason.empty() ? text : fmt::format("{}; {}", text, reason);
}

}  // namespace

ServiceMachine::ServiceMachine(const ServiceSpec& spec, TimePoint now)
    : hold_down_(spec.hold_down),
      drain_delay_(has_draining(spec.announce) ? spec.drain.delay : Duration{}),
      is_graded_(has_degraded(spec.announce)),
      unknown_limit_(spec.unknown_limit),
      adopt_deadline_(now + spec.adopt_timeout) {
  if (spec.damping) penalty_.emplace(*spec.damping);
}

ServiceMachine::Wish ServiceMachine::evaluate(const Composed& composed, Presence presence, TimePoint now) {
  while (expire(now)) continue;  // also while nothing is observed yet: or it would wake for it without end
  if (phase_ == Phase::starting) {
    if (presence == Presence::unobserved) {
      return {.want = Want::hold, .adopting = true, .reason = "what is announced now is not known yet"};
    }
    phase_ = presence == Presence::none ? Phase::withdrawn : Phase::adopting;
  }
  if (composed.health == Health::healthy && !waits_for_grade(composed, presence, now))
    grade_ = Grade::healthy;
  if (composed.health == Health::degraded) grade_ = Grade::degraded;
  silent_until_.reset();
  if (unknown_limit_ && composed.silent_since) silent_until_ = *composed.silent_since + *unknown_limit_;
  switch (admin().state) {
    case AdminState::drain:
      return drain(presence, now);
    case AdminState::force:
      return force(composed);
    case AdminState::automatic:
      break;
  }
  return follow_health(composed, presence, now);
}

void ServiceMachine::reconfigure(const ServiceSpec& spec, TimePoint now) {
  hold_down_ = spec.hold_down;
  unknown_limit_ = spec.unknown_limit;
  drain_delay_ = has_draining(spec.announce) ? spec.drain.delay : Duration{};
  is_graded_ = has_degraded(spec.announce);
  // What cannot be shown draining any more is withdrawn: it would be announced as if it were healthy.
  if (withdraw_at_ && !has_draining(spec.announce)) withdraw_at_ = std::min(*withdraw_at_, now);
  if (!spec.damping) {
    penalty_.reset();
  } else if (penalty_) {
    penalty_->retune(*spec.damping, now);
  } else {
    penalty_.emplace(*spec.damping);
  }
}

void ServiceMachine::adopt_again(Duration adopt_timeout, TimePoint now) {
  if (phase_ != Phase::announced) return;
  phase_ = Phase::adopting;
  adopt_deadline_ = now + adopt_timeout;
}

void ServiceMachine::take_over(Duration adopt_timeout, TimePoint now) {
  if (phase_ != Phase::withdrawn || admin().state != AdminState::automatic) return;
  phase_ = Phase::starting;
  adopt_deadline_ = now + adopt_timeout;
}

void ServiceMachine::administer(Admin admin) {
  orders_.give(std::move(admin));
  note_orders();
}

std::vector<Admin> ServiceMachine::end(const Ends& ends) {
  auto over = orders_.end(ends);
  note_orders();
  return over;
}

void ServiceMachine::drain_for_good(Admin admin) {
  (void)orders_.end({});
  administer(std::move(admin));
}

std::optional<Admin> ServiceMachine::expire(TimePoint now) {
  auto over = orders_.expire(now);
  if (over) note_orders();
  return over;
}

// Where a drain is the first, its delay begins anew.
void ServiceMachine::note_orders() {
  if (admin().state != AdminState::drain) withdraw_at_.reset();
}

// "drained by root: kernel update; the gate is up"
ServiceMachine::Wish ServiceMachine::drain(Presence presence, TimePoint now) {
  if (phase_ == Phase::withdrawn || presence == Presence::none) withdraw_at_ = now;
  if (!withdraw_at_) withdraw_at_ = std::max(orders_.drained_since(), TimePoint{}) + drain_delay_;
  const std::string reason = "drained by " + text_of_drains(orders_.all());
  if (now < *withdraw_at_) {
    return {.want = Want::present, .grade = Grade::draining, .draining = true, .reason = reason};
  }
  phase_ = Phase::withdrawn;
  return {.want = Want::absent, .reason = reason};
}

ServiceMachine::Wish ServiceMachine::force(const Composed& composed) {
  if (phase_ == Phase::withdrawn) forced_up_ = true;
  phase_ = Phase::announced;
  const Admin& order = admin();
  return {.want = Want::present,
          .grade = grade_,
          .reason = joined(
              fmt::format("FORCED by {}{}{}", order.who, order.reason.empty() ? "" : ": ", order.reason),
              composed.reason)};
}

ServiceMachine::Wish ServiceMachine::follow_health(const Composed& composed, Presence presence,
                                                   TimePoint now) {
  if (phase_ == Phase::adopting) return adopt(composed, presence, now);
  switch (composed.health) {
    case Health::unknown:
      return unknown(composed, presence, now);
    case Health::unhealthy:
      return give_up(composed, presence, now);
    case Health::healthy:
    case Health::degraded:
      break;
  }
  return announce(composed, now);
}

ServiceMachine::Wish ServiceMachine::give_up(const Composed& composed, Presence presence, TimePoint now) {
  if (!composed.braked_until || phase_ == Phase::withdrawn) return withdraw(composed.reason, now);
  if (phase_ == Phase::announced && presence == Presence::none) {
    return withdraw(joined("lost while the brake held it", composed.reason), now);
  }
  return {.want = Want::hold,
          .adopting = phase_ == Phase::adopting,
          .held_until = composed.braked_until,
          .reason = composed.reason + ", but held by the BRAKE"};
}

ServiceMachine::Wish ServiceMachine::adopt(const Composed& composed, Presence presence, TimePoint now) {
  switch (composed.health) {
    case Health::healthy:
    case Health::degraded:
      if (waits_for_grade(composed, presence, now)) {
        return {.want = Want::hold,
                .grade = grade_,
                .adopting = true,
                .reason = fmt::format("{}; its grade stays as it is until {} is known", composed.reason,
                                      *composed.waits_for)};
      }
      phase_ = Phase::announced;
      return announce(composed, now);
    case Health::unhealthy:
      return give_up(composed, presence, now);
    case Health::unknown:
      break;
  }
  if (now >= adopt_deadline_ && !composed.conclusive) {
    return withdraw(joined("nothing conclusive within adopt_timeout", composed.reason), now);
  }
  if (is_silent_too_long(now))
    return withdraw(joined("nothing conclusive within unknown_limit", composed.reason), now);
  return {.want = Want::hold, .adopting = true, .reason = joined("found announced", composed.reason)};
}

// What is missing of it is announced at once, by what is known.
bool ServiceMachine::waits_for_grade(const Composed& composed, Presence presence, TimePoint now) const {
  return is_graded_ && phase_ == Phase::adopting && presence == Presence::all && now < adopt_deadline_ &&
         composed.waits_for.has_value();
}

ServiceMachine::Wish ServiceMachine::unknown(const Composed& composed, Presence presence, TimePoint now) {
  if (phase_ == Phase::withdrawn) return {.want = Want::absent, .reason = composed.reason};
  if (presence == Presence::none) {
    return withdraw(joined("lost while the health was not known", composed.reason), now);
  }
  if (is_silent_too_long(now))
    return withdraw(joined("nothing conclusive within unknown_limit", composed.reason), now);
  return {.want = Want::hold, .reason = joined("held as it is", composed.reason)};
}

ServiceMachine::Wish ServiceMachine::announce(const Composed& composed, TimePoint now) {
  if (phase_ != Phase::announced) {
    if (const auto until = held_until(now)) {
      return {.want = Want::absent,
              .held_until = until,
              .reason = fmt::format(
                  "{}, but held by {}", composed.reason,
                  penalty_ && penalty_->suppressed_until(now) == until ? "damping" : "hold_down")};
    }
    phase_ = Phase::announced;
  }
  forced_up_ = false;
  return {.want = Want::present, .grade = grade_, .reason = composed.reason};
}

ServiceMachine::Wish ServiceMachine::withdraw(std::string reason, TimePoint now) {
  if (phase_ != Phase::withdrawn) {
    phase_ = Phase::withdrawn;
    if (!std::exchange(forced_up_, false)) {
      withdrawn_at_ = now;
      if (penalty_) penalty_->add_withdrawal(now);
    }
  }
  return {.want = Want::absent, .reason = std::move(reason)};
}

std::optional<TimePoint> ServiceMachine::damped_until(TimePoint now) const {
  return penalty_ ? penalty_->suppressed_until(now) : std::nullopt;
}

std::optional<TimePoint> ServiceMachine::held_down_until(TimePoint now) const {
  if (!withdrawn_at_ || *withdrawn_at_ + hold_down_ <= now) return std::nullopt;
  return *withdrawn_at_ + hold_down_;
}

std::optional<TimePoint> ServiceMachine::held_until(TimePoint now) const {
  return std::max(damped_until(now), held_down_until(now));  // none is less than any
}

std::optional<TimePoint> ServiceMachine::next_wakeup(TimePoint now) const {
  std::optional<TimePoint> next = orders_.next_end();
  const auto sooner = [&](std::optional<TimePoint> when) {
    if (when && *when > now) next = next ? std::min(*next, *when) : when;
  };
  sooner(withdraw_at_);
  if (admin().state == AdminState::automatic) sooner(next_change(now));
  return next;
}

std::optional<TimePoint> ServiceMachine::next_change(TimePoint now) const {
  if (phase_ == Phase::withdrawn) return held_until(now);
  if (phase_ == Phase::adopting && adopt_deadline_ > now)
    return std::min(adopt_deadline_, silent_until_.value_or(adopt_deadline_));
  return silent_until_;
}

double ServiceMachine::penalty(TimePoint now) const {
  return penalty_ ? penalty_->value(now) : 0;
}

std::optional<Flaps> ServiceMachine::flaps() const {
  if (!withdrawn_at_ || (!penalty_ && hold_down_ == Duration{})) return std::nullopt;
  Flaps flaps = penalty_ ? penalty_->flaps() : Flaps{};
  flaps.withdrawn_at = *withdrawn_at_;
  return flaps;
}

void ServiceMachine::recall(const Flaps& flaps, TimePoint now) {
  withdrawn_at_ = std::min(flaps.withdrawn_at, now);
  if (penalty_) penalty_->restore(flaps, now);
}

void ServiceMachine::clear_damping() {
  if (penalty_) penalty_->clear();
}

}  // namespace herald
