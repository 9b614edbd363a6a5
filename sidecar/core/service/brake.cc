#include "sidecar/core/service/brake.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace herald {
namespace {

// In sum, within a window. Below it a timeout is the target's: one during which herald stood still for a quarter of
// its time is inconclusive anyhow (probe_run.h).
constexpr Duration kLateEnough = 100ms;
constexpr std::size_t kMostLate = 1024;

// A probe that asks once an hour must not tie this hour's withdrawals together.
constexpr Duration kLongestWindow = 60s;

std::size_t needed(const Require& require, std::size_t gates) {
  if (require.kind == Require::Kind::any) return 1;
  return require.kind == Require::Kind::all ? gates : require.count;
}

bool is_mass(const BrakeSpec& spec, std::size_t vips, std::size_t of) {
  return vips >= spec.least && static_cast<double>(vips) > spec.share * static_cast<double>(of);
}

}  // namespace

void Standing::count(const ProbeSpec& spec, const HealthTracker& tracker) {
  if (spec.role != Role::gate) return;
  ++gates_;
  const bool down = tracker.output() == HealthTracker::Output::down;
  if (down) ++down_gates_;
  if (!down && tracker.failures() == 0) return;
  if (tracker.failures() > 0 && !tracker.is_timeout()) hard_ = true;
  target_ =
      failing_gates_++ == 0 || target_ == spec.target ? std::string_view(spec.target) : std::string_view();
}

void Standing::judge(const Require& require) {
  const std::size_t spare = gates_ - std::min(gates_, needed(require, gates_));
  fails_ = failing_gates_ > spare;
  down_ = down_gates_ > spare;
}

Duration detection_window(std::span<const ServiceSpec> services) {
  Duration longest{};
  for (const ServiceSpec& service : services) {
    for (const ProbeSpec& probe : service.probes) {
      if (probe.role != Role::gate) continue;
      const ProbeTiming& timing = probe.timing;
      const Duration attempt = std::max(timing.timeout, timing.fast_interval);
      longest = std::max(longest, timing.interval + (probe.thresholds.fall + 1) * attempt);
    }
  }
  return std::min(longest, kLongestWindow);
}

void Brake::ran_late(Duration late, TimePoint now) {
  late_.push_back({now, late});
  if (late_.size() > kMostLate) late_.pop_front();
}

bool Brake::was_late() const {
  Duration sum{};
  for (const Late& one : late_) sum += one.by;
  return sum >= kLateEnough;
}

void Brake::withdrew(const Standing& service, TimePoint now) {
  if (service.is_timeout()) withdrawn_[service.service()] = {now, std::string(service.target())};
}

bool Brake::holds(const Standing& service) const {
  return until_ && service.fails() && service.is_timeout() &&
         (target_.empty() || service.target() == target_);
}

// What is too old to belong to what fails now. While it holds, the window stands still.
void Brake::forget(const Picture& picture, TimePoint now) {
  std::erase_if(withdrawn_, [&](const auto& entry) {
    const auto found = std::ranges::find(picture.services, entry.first, &Standing::service);
    return found == picture.services.end() || found->announced();  // a reload has removed it, or it is back
  });
  if (until_) return;
  std::erase_if(withdrawn_, [&](const auto& entry) { return now - entry.second.at > picture.window; });
  std::erase_if(late_, [&](const Late& one) { return now - one.at > picture.window; });
}

std::optional<Brake::Said> Brake::decide(const std::optional<BrakeSpec>& spec, const Picture& picture,
                                         TimePoint now) {
  forget(picture, now);
  if (!spec) {
    spent_ = false;
    if (!std::exchange(until_, std::nullopt)) return std::nullopt;
    return Said{true, "the brake is released: it was switched off"};
  }
  if (until_) return end(picture, now);
  if (spent_) {
    const bool goes_on = std::ranges::any_of(
        picture.services, [](const Standing& service) { return service.fails() && service.is_timeout(); });
    if (goes_on || !withdrawn_.empty()) return std::nullopt;
    spent_ = false;
  }
  return begin(*spec, picture, now);
}

std::optional<Brake::Said> Brake::begin(const BrakeSpec& spec, const Picture& picture, TimePoint now) {
  std::size_t announced = 0;
  Mass all;
  std::map<std::string_view, Mass> by_target;
  const auto add = [](Mass& mass, std::size_t vips, bool is_down) {
    mass.vips += vips;
    ++mass.services;
    mass.is_down = mass.is_down || is_down;
  };
  for (const Standing& service : picture.services) {
    const auto withdrawn = withdrawn_.find(service.service());
    if (service.announced() || withdrawn != withdrawn_.end()) announced += service.vips();
    if (withdrawn != withdrawn_.end()) {  // with the VIPs of today: a reload may have changed them since
      add(all, service.vips(), false);
      add(by_target[withdrawn->second.target], service.vips(), false);
    } else if (service.fails() && service.is_timeout()) {
      add(all, service.vips(), service.is_down());
      add(by_target[service.target()], service.vips(), service.is_down());
    }
  }
  for (const auto& [target, mass] : by_target) {
    const bool shared = !target.empty() && mass.services >= 2 && !picture.answered.contains(target);
    if (!shared || !mass.is_down || !is_mass(spec, mass.vips, announced)) continue;
    return hold(
        spec, std::string(target),
        fmt::format("{} of {} announced VIPs have only {} against them, which does not answer in time",
                    mass.vips, announced, target),
        now);
  }
  if (!all.is_down || !was_late() || !is_mass(spec, all.vips, announced)) return std::nullopt;
  return hold(
      spec, "",
      fmt::format("{} of {} announced VIPs have only timeouts against them, and herald itself ran late",
                  all.vips, announced),
      now);
}

Brake::Said Brake::hold(const BrakeSpec& spec, std::string target, std::string why, TimePoint now) {
  until_ = now + spec.hold;
  target_ = std::move(target);
  why_ = std::move(why);
  const double seconds = std::chrono::duration<double>(spec.hold).count();
  return {true, fmt::format("BRAKE: {}; they are held for {:g} s and then withdrawn", why_, seconds)};
}

std::optional<Brake::Said> Brake::end(const Picture& picture, TimePoint now) {
  std::size_t held = 0, failing = 0;
  for (const Standing& service : picture.services) {
    if (holds(service)) held += service.vips();
    if (service.fails() && (target_.empty() || service.target() == target_)) failing += service.vips();
  }
  const bool answers = !target_.empty() && picture.answered.contains(target_);
  if (held > 0 && now < *until_ && !answers) return std::nullopt;
  until_.reset();
  spent_ = held > 0 || (answers && failing > 0);
  if (!spent_) return Said{false, "the brake is released: nothing is held back any more"};
  return Said{true, fmt::format("the brake is released: {}; {} VIPs are no longer held",
                                answers ? target_ + " fails otherwise than by a timeout" : "its time is over",
                                answers ? failing : held)};
}

}  // namespace herald
