#include "sidecar/core/service/damping.h"

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
  value_ = std::min(value(now) + kPerWithdrawal, ceiling());
  at_ = now;
  // Once suppressed, a further withdrawal below `suppress` still lengthens the wait.
  if (value_ >= damping_.suppress || suppressed_until(now)) suppress();
}

void Penalty::restore(const Flaps& flaps, TimePoint now) {
  value_ = std::clamp(flaps.penalty, 0.0, ceiling());
  at_ = std::min(flaps.withdrawn_at, now);
  if (flaps.suppressed) suppress();
}

void Penalty::clear() {
  value_ = 0;
  until_.reset();
}

double Penalty::ceiling() const {
  return damping_.reuse * std::exp2(as_seconds(damping_.max_suppress) / as_seconds(damping_.half_life));
}

void Penalty::suppress() {
  const double wait =
      value_ > damping_.reuse ? as_seconds(damping_.half_life) * std::log2(value_ / damping_.reuse) : 0;
  until_ = at_ + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(wait));
}

void Penalty::retune(const Damping& damping, TimePoint now) {
  if (damping == damping_) return;
  value_ = value(now);
  at_ = now;
  damping_ = damping;
  if (!suppressed_until(now)) return;
  const double wait = std::max(0.0, as_seconds(damping_.half_life) * std::log2(value_ / damping_.reuse));
  until_ = now + std::min(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(wait)),
                          damping_.max_suppress);
}

double Penalty::value(TimePoint now) const {
  return value_ * std::exp2(-as_seconds(now - at_) / as_seconds(damping_.half_life));
}

std::optional<TimePoint> Penalty::suppressed_until(TimePoint now) const {
  if (until_ && *until_ > now) return until_;
  return std::nullopt;
}

}  // namespace herald
