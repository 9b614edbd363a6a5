#include "tests/sim/kernel.h"

#include <fmt/format.h>

#include <algorithm>

namespace herald::sim {
namespace {

constexpr Duration kEarliestRemoval = -20ms;
constexpr Duration kLatestRemoval = 250ms;

std::optional<TimePoint> told_expiry(const Kernel::Entry& entry, TimePoint now) {
  if (!entry.lifetime) return std::nullopt;
  const Duration left = *entry.lifetime - std::chrono::floor<std::chrono::seconds>(now - entry.set_at);
  return now + std::max<Duration>(left, 0s);
}

}  // namespace

Observation Kernel::look(const std::set<Vip>& configured, TimePoint now) const {
  Observation seen;
  for (const auto& [key, entry] : addresses_) {
    if (!entry.ours && !configured.contains(key.vip)) continue;
    seen.addresses.push_back({key, entry.ours, told_expiry(entry, now)});
  }
  return seen;
}

StepOutcome Kernel::apply(const Step& step, TimePoint now) {
  if (missing_interfaces_.contains(step.key.interface)) {
    return std::unexpected(fmt::format("{}: there is no interface {}", to_string(step), step.key.interface));
  }
  switch (step.kind) {
    case Step::Kind::add:
      if (addresses_.contains(step.key)) return Applied::was_there;
      put(step.key, true, step.lease, now);
      break;
    case Step::Kind::refresh:
    case Step::Kind::adopt:
      put(step.key, true, step.lease, now);
      break;
    case Step::Kind::remove:
      addresses_.erase(step.key);
      break;
  }
  return Applied::done;
}

bool Kernel::put(const AddressKey& key, bool ours, std::optional<Duration> lifetime, TimePoint now) {
  if (missing_interfaces_.contains(key.interface)) return false;
  std::uniform_int_distribution<Duration::rep> around(kEarliestRemoval.count(), kLatestRemoval.count());
  const TimePoint gone_at = lifetime ? now + *lifetime + Duration{around(random_)} : TimePoint::max();
  addresses_[key] = {ours, lifetime, now, gone_at};
  return true;
}

bool Kernel::remove(const AddressKey& key) {
  return addresses_.erase(key) > 0;
}

bool Kernel::remove_interface(const std::string& name) {
  std::erase_if(addresses_, [&](const auto& entry) { return entry.first.interface == name; });
  return missing_interfaces_.insert(name).second;
}

bool Kernel::restore_interface(const std::string& name) {
  return missing_interfaces_.erase(name) > 0;
}

std::vector<AddressKey> Kernel::expire(TimePoint now) {
  std::vector<AddressKey> gone;
  for (const auto& [key, entry] : addresses_) {
    if (entry.gone_at <= now) gone.push_back(key);
  }
  for (const AddressKey& key : gone) addresses_.erase(key);
  return gone;
}

const Kernel::Entry* Kernel::find(const AddressKey& key) const {
  const auto found = addresses_.find(key);
  return found == addresses_.end() ? nullptr : &found->second;
}

bool Kernel::has(const Vip& vip) const {
  return std::ranges::any_of(addresses_, [&](const auto& entry) { return entry.first.vip == vip; });
}

}  // namespace herald::sim
