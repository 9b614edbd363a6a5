// From what is wanted to steps: addresses, routes and the fallback, and when to look at what has become of them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sidecar/core/controller.h"

namespace herald {
namespace {

// A VIP's change takes FRR 62-74 ms to the wire; reading earlier only costs a second read.
constexpr Duration kFirstRouterRead = 100ms;
constexpr Duration kLongestRouterPace = 5s;

}  // namespace

// Looks at all services, so only after a read, and while there is something to undo.
void Controller::judge_fallback(TimePoint now) {
  if (!std::exchange(judge_fallback_, false) || !router_) return;
  if (!router_->reachable) return ladder_.blind();
  std::vector<VipStanding> standings;
  for (const ServiceEntry& service : services_) service.run.stand(standings, sight());
  std::set<std::size_t> told;
  for (const Vip& vip : ladder_.judge(standings, *router_, now)) told.insert(owner_.at(vip));
  dirty_.insert(told.begin(), told.end());
  evaluate_services(now);
  for (const std::size_t index : told) {
    const ServiceRun& service = services_[index].run;
    notice(true, service.spec().name, service.problem(), now);
  }
  const Timers::Key timer = key(Timer::router);
  if (const auto read = ladder_.next_read())
    timers_.set(timer, std::min(timers_.due(timer).value_or(TimePoint::max()), *read));
}

std::vector<DesiredAddress> Controller::desired() const {
  std::vector<DesiredAddress> all;
  for (const ServiceEntry& service : services_) service.run.desire(all);
  return all;
}

void Controller::plan_steps(TimePoint now) {
  if (!plan_ || observed_sequence_ == 0) return;
  // What was seen may be out of date while a look is wanted or under way, so its answer is waited for, unless
  // looking fails. An answer is planned from at once even if there was a change since: or changes without end
  // would starve it.
  const bool waits = (looking_ || look_wanted_) && look_failures_ == 0;
  if (!std::exchange(looked_, false) && waits) return;
  plan_ = false;
  for (const IssuedStep& issued : reconciler_.plan(desired(), observation_, observed_sequence_, now)) {
    report_step(issued, now);
    effects_.emplace_back(effect::Apply{issued.id, issued.step});
  }
  if (const auto wakeup = reconciler_.next_wakeup()) {
    timers_.set(key(Timer::reconcile), *wakeup);
  } else {
    timers_.cancel(key(Timer::reconcile));
  }
}

void Controller::report_step(const IssuedStep& issued, TimePoint now) {
  const auto owned = owner_.find(issued.step.key.vip);
  if (owned != owner_.end()) {
    services_[owned->second].run.step_issued(issued, now);
  } else {
    notice(false, "", fmt::format("leftover of a service that is not configured: {}", to_string(issued.step)),
           now);
  }
  if (issued.step.kind == Step::Kind::refresh || config_.router.stack == Stack::none) return;
  read_router_at(now + kFirstRouterRead);
}

std::vector<DesiredRoute> Controller::desired_routes() const {
  std::vector<DesiredRoute> all;
  for (const ServiceEntry& service : services_) service.run.desire(all, sight());
  return all;
}

// All that changes in one turn goes to the router together; what changes while something is under way goes after it.
void Controller::plan_routes(TimePoint now) {
  if (!plan_routes_ || owned_sequence_ == 0 || router_is_told()) return;
  if (router_sequence_ < rewired_after_) return;
  plan_routes_ = false;
  effect::ApplyRoutes batch{routes_.plan(desired_routes(), owned_, owned_sequence_, now), {}};
  auto wakeup = routes_.next_wakeup();
  // Without an answer it has nothing to say, whatever back-off ends: the next answer goes on with it.
  if (router_->reachable) {
    batch.fallback = ladder_.plan(*router_, router_sequence_, now);
    if (const auto other = ladder_.next_wakeup()) wakeup = std::min(wakeup.value_or(*other), *other);
  }
  if (wakeup) {
    timers_.set(key(Timer::routes), *wakeup);
  } else {
    timers_.cancel(key(Timer::routes));
  }
  if (batch.steps.empty() && batch.fallback.empty()) return;
  for (const IssuedRouteStep& issued : batch.steps) report_step(issued, now);
  for (const FallbackStep& step : batch.fallback) report_step(step, now);
  if (std::exchange(reading_router_, false)) read_router_at(now + kFirstRouterRead);
  effects_.emplace_back(std::move(batch));
}

// Rare, and never routine: each is said.
void Controller::report_step(const FallbackStep& step, TimePoint now) {
  notice(!step.wanted.denied.empty(), "", to_string(step), now);
}

void Controller::report_step(const IssuedRouteStep& issued, TimePoint now) {
  const auto owned = owner_.find(issued.step.vip);
  if (owned != owner_.end()) {
    services_[owned->second].run.step_issued(issued, now);
    dirty_.insert(owned->second);
  } else {
    notice(false, "", fmt::format("leftover of a service that is not configured: {}", to_string(issued.step)),
           now);
  }
}

void Controller::read_router_at(TimePoint when) {
  router_pace_ = kFirstRouterRead;
  const Timers::Key timer = key(Timer::router);
  timers_.set(timer, std::min(timers_.due(timer).value_or(TimePoint::max()), when));
}

void Controller::look() {
  if (looking_ || !std::exchange(look_wanted_, false)) return;
  looking_ = true;
  timers_.cancel(key(Timer::look_again));
  effects_.emplace_back(effect::Observe{++look_sequence_});
}

void Controller::read_router(TimePoint now) {
  if (config_.router.stack == Stack::none || reading_router_ || router_is_told()) return;
  const Timers::Key timer = key(Timer::router);
  if (std::exchange(router_answered_, false)) {
    const bool settled =
        std::ranges::all_of(services_, [](const ServiceEntry& service) { return service.run.settled(); });
    const bool was_settled = router_pace_ >= kAudit;
    router_pace_ = settled       ? kAudit
                   : was_settled ? kFirstRouterRead
                                 : std::clamp(router_pace_ * 2, kFirstRouterRead, kLongestRouterPace);
    timers_.set(timer, std::min(timers_.due(timer).value_or(TimePoint::max()), now + router_pace_));
  }
  if (timers_.due(timer)) return;
  reading_router_ = true;
  ++router_read_sequence_;
  effects_.emplace_back(effect::ReadRouter{});
}

Controller::Plan Controller::plan(TimePoint now) const {
  Plan plan;
  if (observed_sequence_ > 0) plan.addresses = reconcile(desired(), observation_, now);
  std::erase_if(plan.addresses, [](const Step& step) { return step.kind == Step::Kind::refresh; });
  if (owned_sequence_ > 0) plan.routes.steps = reconcile(desired_routes(), owned_);
  if (router_ && router_->reachable) plan.routes.fallback = ladder_.difference(*router_);
  return plan;
}

}  // namespace herald
