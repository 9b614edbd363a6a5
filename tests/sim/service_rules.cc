#include "tests/sim/service_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace herald::sim {
namespace {

// How far apart two reckonings of the same penalty may be.
constexpr double kRounding = 1e-6;

ServiceRules::Claim claim_of(std::string_view state) {
  if (state == "adopting") return ServiceRules::Claim::adopting;
  const bool wanted = state == "announcing" || state == "announced";
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

void ServiceRules::check(bool holds, std::string_view rule) const {
  if (!holds) throw Violation(fmt::format("service {}: {}", spec_.name, rule));
}

void ServiceRules::looked(const Look& look) {
  if (!look_.taken) found_none_ = announced(look) == 0;
  look_ = look;
}

void ServiceRules::told(const effect::Transition& transition, Opinion opinion, TimePoint now) {
  const Gates gates = opinion.gates;
  if (is_grade(transition.to)) {
    check(is_grade(transition.from), "a grade follows a state");
    return;
  }
  check(transition.from == state_, "a transition starts from where the last one did not end");
  state_ = transition.to;
  const Claim before = std::exchange(claim_, claim_of(state_));
  if (claim_ == before) return;
  check(claim_ != Claim::adopting, "adopts again");
  if (claim_ == Claim::unwanted) {
    if (before == Claim::wanted || !found_none_) penalize(now);
    check(before != Claim::adopting || stopping_ || found_none_ || gates == Gates::down ||
              (now >= started_ + spec_.adopt_timeout && opinion.is_silent),
          "an adopted service was given up without a reason");
    check(before != Claim::wanted || stopping_ || gates == Gates::down ||
              (gates == Gates::unknown && announced(look_) == 0),
          "withdrawn though its gates are not down");
    return;
  }
  check(!stopping_ || before == Claim::adopting, "what was not wanted is wanted once herald stops");
  if (stopping_) return;
  check(gates == Gates::up, "wanted though its gates are not up");
  check(!withdrawn_at_ || now >= *withdrawn_at_ + spec_.hold_down, "announced before hold_down was over");
  check(!is_damped(now, 1 + kRounding), "announced while damping suppresses it");
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

double ServiceRules::penalty(TimePoint now) const {
  if (!withdrawn_at_) return 0;
  const std::chrono::duration<double> since = now - *withdrawn_at_;
  return penalty_ * std::exp2(-(since / spec_.damping->half_life));
}

bool ServiceRules::is_damped(TimePoint now, double margin) const {
  return damped_ && penalty(now) > spec_.damping->reuse * margin;
}

void ServiceRules::settled(Opinion opinion, TimePoint now) const {
  const Gates gates = opinion.gates;
  if (stopping_ || !look_.taken) return;
  check(gates != Gates::down || claim_ == Claim::unwanted, "its gates are down and it is still wanted");
  check(claim_ != Claim::adopting || gates == Gates::unknown, "its gates are known and it is still adopting");
  check(claim_ != Claim::adopting || !opinion.is_silent || now <= started_ + spec_.adopt_timeout,
        "adopting beyond adopt_timeout, and a gate has had nothing conclusive");
  if (gates == Gates::up && claim_ == Claim::unwanted) {
    const bool held_down = withdrawn_at_ && now < *withdrawn_at_ + spec_.hold_down;
    check(held_down || is_damped(now, 1 - kRounding),
          "its gates are up, nothing holds it, and it is not wanted");
  }
  check(state_ != "announced" || look_.ours == spec_.vips.size(), "called announced, and a VIP is not there");
  check((state_ != "withdrawn" && state_ != "held") || announced(look_) == 0,
        "called withdrawn, and a VIP is there");
}

}  // namespace herald::sim
