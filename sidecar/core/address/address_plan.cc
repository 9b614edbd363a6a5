#include "sidecar/core/address/address_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <set>

namespace herald {
namespace {

constexpr Duration kKernelTells = 1s;  // whole seconds

// What is left of a lease cannot say whether it was just renewed: within a second it looks full, and a full one that is
// seen late does not. So it is due until it was renewed, and what is seen has to bear that out by when it ends.
bool is_renewed(const ObservedAddress& address, Duration lease, const Renewals& renewed) {
  const auto found = renewed.find(address.key);
  return found != renewed.end() && *address.expires >= found->second + lease - kKernelTells;
}

bool lease_is_due(const ObservedAddress& address, const DesiredAddress& desired, const Renewals& renewed,
                  TimePoint now) {
  if (desired.want == Want::keep || !desired.lease) return address.expires.has_value();
  if (!address.expires) return true;
  if (*address.expires > now + *desired.lease + kKernelTells) return true;  // of a former lease
  if (desired.want == Want::hand_over) return !is_renewed(address, *desired.lease, renewed);
  return *address.expires <= now + *desired.lease * 3 / 4;
}

// When a lease is renewed: when at most a third of it has passed, and no less than a quarter, at a moment that many
// addresses share. A thousand services that came up one by one would otherwise be refreshed one by one for ever, each
// with a look of its own.
TimePoint refresh_time(TimePoint expires, Duration lease) {
  const Duration grid = lease / 12;
  const Duration due = (expires - lease * 2 / 3).time_since_epoch();
  return TimePoint{due / grid * grid};
}

struct Views {
  std::map<AddressKey, const ObservedAddress*> observed;
  std::map<AddressKey, const DesiredAddress*> desired;
};

Views index(std::span<const DesiredAddress> desired, const Observation& observed) {
  Views views;
  for (const ObservedAddress& address : observed.addresses) views.observed[address.key] = &address;
  for (const DesiredAddress& address : desired) views.desired[address.key] = &address;
  return views;
}

// All that is wanted. An address that only moves between interfaces is announced all the time: the old one is kept, with its
// lease, until one of ours is seen where it is wanted.
std::vector<DesiredAddress> wishes_for(std::span<const DesiredAddress> desired, const Observation& observed) {
  const Views views = index(desired, observed);
  std::map<Vip, const DesiredAddress*> awaited;
  for (const DesiredAddress& wish : desired) {
    const auto seen = views.observed.find(wish.key);
    const bool there = seen != views.observed.end() && seen->second->ours && !seen->second->claimed;
    if (wish.want != Want::absent && !there) awaited[wish.key.vip] = &wish;
  }
  std::vector<DesiredAddress> wishes(desired.begin(), desired.end());
  for (const ObservedAddress& address : observed.addresses) {
    const auto awaits = awaited.find(address.key.vip);
    if (!address.ours || awaits == awaited.end() || views.desired.contains(address.key)) continue;
    const DesiredAddress& wish = *awaits->second;
    wishes.push_back({address.key, wish.want == Want::present ? Want::hold : wish.want, wish.lease});
  }
  return wishes;
}

// At most one of the steps for one wanted address.
std::optional<Step> step_for(const DesiredAddress& desired, const Views& views, const Renewals& renewed,
                             TimePoint now) {
  const auto found = views.observed.find(desired.key);
  const ObservedAddress* address = found == views.observed.end() ? nullptr : found->second;
  // What has run out is gone, or about to be: a refresh would bring it back, which a hold must not.
  if (address != nullptr && address->ours && address->expires && *address->expires <= now) address = nullptr;
  const std::optional<Duration> lease = desired.want == Want::keep ? std::nullopt : desired.lease;
  if (address == nullptr) {
    if (desired.want != Want::present) return std::nullopt;
    return Step{Step::Kind::add, desired.key, lease};
  }
  // An add leaves alone what somebody else has put there, and says that it worked; a refresh would take it over.
  if (!address->ours || address->claimed || !lease_is_due(*address, desired, renewed, now))
    return std::nullopt;
  return Step{Step::Kind::refresh, desired.key, lease};
}

}  // namespace

std::string to_string(const Step& step) {
  const std::string& vip = step.key.vip.prefix;
  const std::string& interface = step.key.interface;
  const std::string lease =
      step.lease
          ? fmt::format("lease {} s", std::chrono::duration_cast<std::chrono::seconds>(*step.lease).count())
          : "permanent";
  switch (step.kind) {
    case Step::Kind::add:
      return fmt::format("add {} to {}, {}", vip, interface, lease);
    case Step::Kind::refresh:
      return fmt::format("refresh {} on {}, {}", vip, interface, lease);
    case Step::Kind::adopt:
      return fmt::format("take over {} on {}, {}", vip, interface, lease);
    case Step::Kind::remove:
      break;
  }
  return fmt::format("remove {} from {}", vip, interface);
}

std::vector<Step> reconcile(std::span<const DesiredAddress> desired, const Observation& observed,
                            TimePoint now, const Renewals& renewed) {
  const std::vector<DesiredAddress> wishes = wishes_for(desired, observed);
  const Views views = index(wishes, observed);
  std::vector<Step> removals, additions, refreshes;
  for (const ObservedAddress& address : observed.addresses) {
    if (!address.ours) continue;
    const auto wish = views.desired.find(address.key);
    if (wish == views.desired.end() || wish->second->want == Want::absent)
      removals.push_back({Step::Kind::remove, address.key, {}});
  }
  for (const DesiredAddress& address : wishes) {
    if (address.want == Want::absent) continue;
    if (auto step = step_for(address, views, renewed, now)) {
      (step->kind == Step::Kind::add ? additions : refreshes).push_back(std::move(*step));
    }
  }
  std::vector<Step> steps = std::move(removals);
  for (std::vector<Step>* part : {&additions, &refreshes})
    std::ranges::move(*part, std::back_inserter(steps));
  return steps;
}

void claim(const Step& step, TimePoint now, Observation& observed) {
  if (step.kind == Step::Kind::adopt) return;  // a look has to show it
  bool was_seen = false;
  std::erase_if(observed.addresses, [&](const ObservedAddress& address) {
    const bool is_it = address.key == step.key && (address.ours || step.kind != Step::Kind::add);
    was_seen = was_seen || (is_it && !address.claimed);
    return is_it;
  });
  const bool there = std::ranges::find(observed.addresses, step.key, &ObservedAddress::key) !=
                     observed.addresses.end();  // somebody else's: an add has left it alone
  if (step.kind == Step::Kind::remove || there) return;
  ObservedAddress& address =
      observed.addresses.emplace_back(ObservedAddress{step.key, true, std::nullopt, !was_seen});
  if (step.lease) address.expires = now + *step.lease;
}

std::vector<IssuedStep> Reconciler::plan(std::span<const DesiredAddress> desired, const Observation& observed,
                                         std::uint64_t sequence, TimePoint now) {
  const std::vector<Step> open = reconcile(desired, observed, now, renewed_);
  const std::vector<DesiredAddress> wishes = wishes_for(desired, observed);
  const Views views = index(wishes, observed);
  std::set<AddressKey> unsettled;
  for (const Step& step : open) unsettled.insert(step.key);
  repeats_.forget_settled(unsettled, sequence, now);
  std::vector<IssuedStep> issued;
  for (const Step& step : open) {
    if (!repeats_.may_issue(step.key, step.kind, sequence, now)) continue;
    repeats_.issued(step.key, step.kind, step.kind == Step::Kind::refresh, now);
    const StepId id{next_id_++};
    in_flight_.emplace(id, step);
    issued.push_back({id, step});
    const auto wish = views.desired.find(step.key);
    if (wish != views.desired.end() && wish->second->want == Want::hand_over) renewed_[step.key] = now;
  }
  plan_wakeup(open, wishes, observed, now);
  return issued;
}

void Reconciler::plan_wakeup(std::span<const Step> open, std::span<const DesiredAddress> wishes,
                             const Observation& observed, TimePoint now) {
  wakeup_.reset();
  const auto wake_at = [&](TimePoint when) {
    if (when > now) wakeup_ = wakeup_ ? std::min(*wakeup_, when) : when;
  };
  for (const Step& step : open) {
    if (const auto retry = repeats_.retry_at(step.key)) wake_at(*retry);
  }
  const Views views = index(wishes, observed);
  for (const DesiredAddress& wish : wishes) {
    const auto found = views.observed.find(wish.key);
    if (found == views.observed.end() || !wish.lease || wish.want == Want::absent) continue;
    const ObservedAddress& address = *found->second;
    if (!address.ours || !address.expires) continue;
    wake_at(address.claimed ? *address.expires : refresh_time(*address.expires, *wish.lease));
  }
}

IssuedStep Reconciler::issue(Step step) {
  const StepId id{next_id_++};
  in_flight_.emplace(id, step);
  return {id, std::move(step)};
}

std::optional<Step> Reconciler::finished(StepId id, std::uint64_t latest_sequence) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return std::nullopt;
  Step step = std::move(found->second);
  in_flight_.erase(found);
  repeats_.ended(step.key, latest_sequence);
  return step;
}

}  // namespace herald
