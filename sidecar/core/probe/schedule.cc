#include "sidecar/core/probe/schedule.h"

#include <algorithm>

#include "sidecar/core/hash.h"

namespace herald {
namespace {

// Finished as in MurmurHash3, so that near names do not get near phases.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = fnv1a_64(text);
  hash ^= hash >> 33U;
  hash *= 0xff51afd7ed558ccdU;
  hash ^= hash >> 33U;
  return hash;
}

constexpr Duration kLongestFirstWait = 10s;
constexpr Duration kLeastCareful = 1s;
// A thousand wake-ups a second are enough, however many probes there are: those of a tick begin together.
constexpr Duration kTick = 1ms;

// The nearest tick that is not over.
TimePoint on_tick(TimePoint time, TimePoint now) {
  const Duration since = std::max(time + kTick / 2, now + kTick - Duration{1}).time_since_epoch();
  return TimePoint{since - since % kTick};
}

}  // namespace

Schedule::Schedule(const ProbeTiming& timing, std::string_view identity)
    : timing_(timing), hash_(hash_of(identity)) {}

TimePoint Schedule::first(TimePoint now) const {
  return grid_after(now, std::min(timing_.interval, kLongestFirstWait));
}

TimePoint Schedule::next(TimePoint& last_due, TimePoint last_start, TimePoint now, Pace pace,
                         Random& random) const {
  const Duration interval = interval_of(pace);
  if (pace == Pace::fast || pace == Pace::careful) {
    last_due = last_start + interval;
  } else {
    // A run that started a little before its grid point (jitter) must not get the same point again.
    last_due = grid_after(std::max(last_due, last_start), interval);
    if (last_due + interval <= now) last_due = grid_after(now, interval);
  }
  return on_tick(last_due + jitter(interval, random), now);
}

Duration Schedule::interval_of(Pace pace) const {
  switch (pace) {
    case Pace::fast:
      return timing_.fast_interval;
    case Pace::careful:
      return std::max(timing_.fast_interval, std::min(timing_.interval, kLeastCareful));
    case Pace::down:
      return timing_.down_interval;
    case Pace::normal:
      break;
  }
  return timing_.interval;
}

TimePoint Schedule::grid_after(TimePoint after, Duration interval) const {
  const Duration any{static_cast<Duration::rep>(hash_ % static_cast<std::uint64_t>(interval.count()))};
  const Duration phase = any - any % kTick;
  const Duration since = after.time_since_epoch() - phase;
  auto periods = since.count() / interval.count();
  if (since.count() < 0 && since.count() % interval.count() != 0) --periods;  // round down
  return TimePoint{phase + (periods + 1) * interval};
}

Duration Schedule::jitter(Duration interval, Random& random) const {
  std::uniform_real_distribution<double> fraction(-timing_.jitter, timing_.jitter);
  return Duration{static_cast<Duration::rep>(fraction(random) * static_cast<double>(interval.count()))};
}

}  // namespace herald
