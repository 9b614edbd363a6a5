#include "tests/sim/target.h"

#include "sidecar/core/config.h"

namespace herald::sim {
namespace {

ProbeResult passed(Duration latency) {
  return {Verdict::pass, Reason::none, "200", latency};
}

ProbeResult failed(Reason reason, Duration latency) {
  return {Verdict::fail, reason, reason == Reason::refused ? "Connection refused" : "503", latency};
}

ProbeResult no_descriptors() {
  return {Verdict::inconclusive, Reason::local, "socket: Too many open files", {}};
}

ProbeResult by_letter(const Target& target, char letter) {
  if (letter == 'x') return failed(target.reason, target.latency);
  return letter == '?' ? no_descriptors() : passed(target.latency);
}

}  // namespace

Answer answer(Target& target, Random& random) {
  switch (target.mood) {
    case Target::Mood::up:
    case Target::Mood::slow:
      break;
    case Target::Mood::failing:
      return {target.latency, failed(target.reason, target.latency)};
    case Target::Mood::hanging:
      return {};
    case Target::Mood::warning:
      return {target.latency, ProbeResult{Verdict::warn, Reason::latency, "slow", target.latency}};
    case Target::Mood::flapping:
      if (std::bernoulli_distribution(target.unreliable)(random)) {
        return {target.latency, failed(target.reason, target.latency)};
      }
      break;
    case Target::Mood::patterned:
      return {target.latency, by_letter(target, target.pattern[target.position++ % target.pattern.size()])};
    case Target::Mood::inconclusive:
      return {Duration{}, no_descriptors()};
  }
  return {target.latency, passed(target.latency)};
}

}  // namespace herald::sim
