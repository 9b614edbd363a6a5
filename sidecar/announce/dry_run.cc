#include "sidecar/announce/dry_run.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace herald {

// ---- what was pretended

void PretendedAddresses::pretend(const Step& step, TimePoint now) {
  Pretended& pretended = pretended_[step.key];
  pretended.step = step;
  pretended.address = {step.key, true, std::nullopt};
  if (step.lease) pretended.address.expires = now + *step.lease;
}

Observation PretendedAddresses::overlay(Observation observed) {
  seen_.clear();
  for (const ObservedAddress& address : observed.addresses) seen_[address.key] = address.ours;
  std::erase_if(observed.addresses,
                [this](const ObservedAddress& address) { return pretended_.contains(address.key); });
  for (const auto& [key, pretended] : pretended_) {
    if (pretended.step.kind != Step::Kind::remove) observed.addresses.push_back(pretended.address);
  }
  return observed;
}

bool PretendedAddresses::differs(const Step& step) const {
  const auto seen = seen_.find(step.key);
  if (step.kind == Step::Kind::adopt) return seen != seen_.end() && !seen->second;
  if (step.kind == Step::Kind::remove) return seen != seen_.end() && seen->second;
  return seen == seen_.end();
}

std::vector<Step> PretendedAddresses::outstanding(std::vector<Step> planned) const {
  std::vector<Step> all;
  for (const auto& [key, pretended] : pretended_) {
    const bool is_planned = std::ranges::find(planned, key, &Step::key) != planned.end();
    if (is_planned || !differs(pretended.step)) continue;
    Step& step = all.emplace_back(pretended.step);
    if (step.kind == Step::Kind::refresh) step.kind = Step::Kind::add;  // of what is there only in pretence
  }
  std::ranges::move(planned, std::back_inserter(all));
  return all;
}

void PretendedRoutes::pretend(const RouteBatch& batch) {
  for (const RouteStep& step : batch.steps) steps_[step.vip] = step;
  for (const FallbackStep& step : batch.fallback) fallback_[step.peer] = step;
  for (const DenialStep& step : batch.denials) denials_[step.vip] = step;
}

RouterView PretendedRoutes::overlay(RouterView view) {
  if (view.reachable) read_ = view;
  for (const auto& [vip, step] : steps_) {
    if (step.policy) {
      view.owned[vip] = step.policy->name;
    } else {
      view.owned.erase(vip);
    }
  }
  for (const auto& [peer, step] : fallback_) {
    if (!peer.empty()) view.fallback[peer] = step.wanted;
  }
  for (const auto& [vip, step] : denials_) {
    if (step.deny) {
      view.fast.denied.insert(vip);
    } else {
      view.fast.denied.erase(vip);
    }
  }
  return view;
}

bool PretendedRoutes::differs(const RouteStep& step) const {
  const auto owned = read_.owned.find(step.vip);
  if (owned == read_.owned.end()) return step.policy.has_value();
  return !step.policy || owned->second != step.policy->name;
}

bool PretendedRoutes::differs(const FallbackStep& step) const {
  if (step.peer.empty()) return read_.fallback_remains;
  const auto held = read_.fallback.find(step.peer);
  return (held == read_.fallback.end() ? PeerFallback{} : held->second) != step.wanted;
}

bool PretendedRoutes::differs(const DenialStep& step) const {
  return read_.fast.denied.contains(step.vip) != step.deny;
}

RouteBatch PretendedRoutes::outstanding(RouteBatch planned) const {
  for (const auto& [vip, step] : steps_) {
    const bool is_planned = std::ranges::find(planned.steps, vip, &RouteStep::vip) != planned.steps.end();
    if (!is_planned && differs(step)) planned.steps.push_back(step);
  }
  for (const auto& [peer, step] : fallback_) {
    const bool is_planned =
        std::ranges::find(planned.fallback, peer, &FallbackStep::peer) != planned.fallback.end();
    if (!is_planned && differs(step)) planned.fallback.push_back(step);
  }
  for (const auto& [vip, step] : denials_) {
    const bool is_planned =
        std::ranges::find(planned.denials, vip, &DenialStep::vip) != planned.denials.end();
    if (!is_planned && differs(step)) planned.denials.push_back(step);
  }
  return planned;
}

// ---- addresses

std::expected<Observation, std::string> DryRunAddresses::look(TimePoint now) {
  auto observation = real_->look(now);
  if (observation) observation = pretended_->overlay(std::move(*observation));
  return observation;
}

StepOutcome DryRunAddresses::apply(const Step& step) {
  pretended_->pretend(step, loop_->now());
  return Applied::done;
}

std::vector<Step> DryRunAddresses::outstanding(std::vector<Step> planned) const {
  return pretended_->outstanding(std::move(planned));
}

// ---- routes

void DryRunRoutes::read(OnView on_view) {
  on_view_ = std::move(on_view);
  real_->read([this](RouterView view) { finish_read(std::move(view)); });
}

void DryRunRoutes::finish_read(RouterView view) {
  if (on_applied_) finish_apply();  // the one that began first ends first
  view = pretended_->overlay(std::move(view));
  if (const OnView on_view = std::exchange(on_view_, nullptr)) on_view(std::move(view));
}

void DryRunRoutes::apply(RouteBatch batch, OnApplied on_applied) {
  on_view_ = nullptr;
  pretended_->pretend(batch);
  applied_ = batch.size();
  on_applied_ = std::move(on_applied);
  later_ = loop_->timer_at(loop_->now(), [this] { finish_apply(); });
}

void DryRunRoutes::finish_apply() {
  later_ = {};
  const OnApplied on_applied = std::exchange(on_applied_, nullptr);
  on_applied(RouteOutcomes(applied_));
}

std::vector<std::string> DryRunRoutes::commands(const RouteBatch& batch) const {
  return real_->commands(batch);
}

RouteBatch DryRunRoutes::outstanding(RouteBatch planned) const {
  return pretended_->outstanding(std::move(planned));
}

}  // namespace herald
