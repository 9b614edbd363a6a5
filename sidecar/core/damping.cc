#include "sidecar/core/damping.h"

#include <algorithm>
#include <cmath>

namespace herald {
namespace {

constexpr double kPerWithdrawal = 1000;

double as_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void Penalty::add_withdrawal(TimePoint now) {
  const double half_life = as_seconds(damping_.half_life);
  const double ceiling = damping_.reuse * std::exp2(as_seconds(damping_.max_suppress) / half_life);
  value_ = std::min(value(now) + kPerWithdrawal, ceiling);
  at_ = now;
  // Once suppressed, a further withdrawal below `suppress` still lengthens the wait.
  if (value_ < damping_.suppress && !suppressed_until(now)) return;
  const double wait = std::max(0.0, half_life * std::log2(value_ / damping_.reuse));
  until_ = now + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(wait));
}

double Penalty::value(TimePoint now) const {
  return value_ * std::exp2(-as_seconds(now - at_) / as_seconds(damping_.half_life));
}

std::optional<TimePoint> Penalty::suppressed_until(TimePoint now) const {
  if (until_ && *until_ > now) return until_;
  return std::nullopt;
}

}  // namespace herald
