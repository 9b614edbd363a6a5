#include "sidecar/core/withdrawal.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "sidecar/core/route/fast_withdraw.h"
#include "sidecar/core/route/read_after.h"

namespace herald {
namespace {

bool is_steered(const ServiceSpec& service) {
  return service.announce.via != Via::loopback;
}

std::string and_others(std::string_view first, std::size_t count) {
  return count > 1 ? fmt::format("{} and {} more", first, count - 1) : std::string(first);
}

}  // namespace

std::string fate_of_the_rest(const std::vector<ServiceSpec>& services) {
  const auto ends = [](const ServiceSpec& service) {
    return !is_steered(service) && service.announce.lease.has_value();
  };
  constexpr std::string_view kStays =
      "stays announced until a herald withdraws it: start it, or run heraldd --withdraw";
  if (std::ranges::all_of(services, ends)) return "leases end what remains";
  if (std::ranges::none_of(services, ends)) return fmt::format("no lease ends it: what remains {}", kStays);
  return fmt::format("leases end what remains on interfaces, and what the router was told {}", kStays);
}

Withdrawal::Withdrawal(const Config& config, Vips vips, TimePoint now)
    : stack_(name_of(config.router.stack)),
      fate_(fate_of_the_rest(config.services)),
      vips_go_at_(now + kVipsGoAfter),
      ends_at_(now + kWithin) {
  for (const ServiceSpec& service : config.services) {
    // Not where everything goes: nobody would be left to take back what is kept.
    const bool kept = service.on_exit == OnExit::keep && vips == Vips::stay;
    const bool steered = is_steered(service);
    for (const Vip& vip : service.vips) {
      has_routes_ = has_routes_ || (steered && !kept);
      if (!kept && steered && service.announce.manage_vip) announced_.push_back(wishes_.size());
      if (vips == Vips::go && steered) last_.push_back(wishes_.size());
      wishes_.push_back(
          {{vip, service.announce.interface}, kept || steered ? Want::hold : Want::absent, std::nullopt});
      routes_.push_back({vip, kept ? Want::hold : Want::absent, {}});
    }
  }
  kernel_.due_at(now);
  router_.due_at(now);
  if (config.router.stack == Stack::none) router_.state = State::over;
}

// ---- what it is told -------------------------------------------------------------------------------------------

void Withdrawal::handle(const Event& event, TimePoint now) {
  if (exited_) return;
  std::visit([&](const auto& one) { on(one, now); }, event);
}

void Withdrawal::on(const event::Observed& event, TimePoint now) {
  if (kernel_.state != State::asking || event.sequence != look_) return;
  if (!event.observation) {
    failed(kernel_, event.observation.error());
    return kernel_.due_at(now + kAgain);
  }
  std::vector<Step> steps = reconcile(wishes_, *event.observation, now);
  // What stays is left as it is, its lease too.
  std::erase_if(steps, [](const Step& step) { return step.kind != Step::Kind::remove; });
  act(std::move(steps));
}

void Withdrawal::on(const event::StepFinished& event, TimePoint now) {
  if (removing_.erase(event.id) == 0) return;
  if (!event.outcome) failed(kernel_, event.outcome.error());
  if (removing_.empty()) kernel_.due_at(now + kAgain);
}

void Withdrawal::on(const event::RouterRead& event, TimePoint now) {
  if (router_.state != State::asking) return;
  if (!event.view.reachable) return on_silence(event.view.error, now);
  let_announced_go(event.view, now);
  const std::vector<RouteStep> steps = reconcile(routes_, event.view.owned);
  for (const RouteStep& step : steps) has_to_go(step.vip);
  denied_ = event.view.fast.denied;
  act(steps, lifts(event.view), now);
}

// Lifted earlier it would be announced once more.
std::vector<DenialStep> Withdrawal::lifts(const RouterView& view) const {
  std::vector<DenialStep> over;
  for (const Vip& vip : denied_) {
    const auto route = view.routes.find(vip);
    const auto own = std::ranges::find(routes_, vip, &DesiredRoute::vip);
    const bool is_kept = own != routes_.end() && own->want == Want::hold;
    const bool is_gone = route == view.routes.end() ? !view.owned.contains(vip) : !route->second.in_rib;
    if (is_kept || is_gone) over.push_back({vip, false});
  }
  return over;
}

// A leftover, once it was seen, is waited for as the configuration's own.
void Withdrawal::has_to_go(const Vip& vip) {
  has_routes_ = true;
  if (std::ranges::find(routes_, vip, &DesiredRoute::vip) == routes_.end())
    routes_.push_back({vip, Want::absent, {}});
}

void Withdrawal::on_silence(const std::string& error, TimePoint now) {
  const std::string silent = fmt::format("{} does not answer: {}", stack_, error);
  if (!has_routes_ && !denied_.empty()) {
    router_.due_at(now + kAgain);
    return failed(router_, silent);
  }
  if (!has_routes_) {  // only leftovers could be there, and they are no reason to wait for a router that is down
    router_.state = State::over;
    effects_.emplace_back(effect::Notice{
        false, "", silent + "; it was not seen whether it has routes of an earlier configuration"});
    return;
  }
  std::vector<RouteStep> blind;
  for (const DesiredRoute& route : routes_) {
    if (route.want == Want::absent) blind.push_back({route.vip, std::nullopt});
  }
  act(blind, {}, now);
  failed(router_, silent);
}

void Withdrawal::on(const event::RoutesApplied& event, TimePoint now) {
  const std::size_t size = withdrawing_.size() + lifting_.size();
  if (router_.state != State::acting || event.outcomes.size() != size) return;
  bool all_done = true;
  for (std::size_t index = 0; index < withdrawing_.size(); ++index) {
    const RouteOutcome& outcome = event.outcomes[index];
    if (outcome) continue;
    failed(router_, fmt::format("{}: {}", to_string(withdrawing_[index]), outcome.error()));
    all_done = false;
  }
  for (std::size_t index = 0; index < lifting_.size(); ++index) {
    const RouteOutcome& outcome = event.outcomes[withdrawing_.size() + index];
    if (outcome) continue;
    failed(router_, fmt::format("{}: {}", to_string(lifting_[index]), outcome.error()));
    all_done = false;
  }
  withdrawing_.clear();
  lifting_.clear();
  router_.due_at(now + (all_done ? kReadAfterRoutes : kAgain));
}

// Every attempt of a few seconds may fail alike: it is said once.
void Withdrawal::failed(Part& part, const std::string& error) {
  part.trouble = error;
  if (said_.insert(error).second) effects_.emplace_back(effect::Notice{true, "", error});
}

// ---- what it does ----------------------------------------------------------------------------------------------

std::vector<Withdrawal::Effect> Withdrawal::decide(TimePoint now) {
  if (exited_) return {};
  if (!last_.empty() && (router_.state == State::over || now >= vips_go_at_)) let_vips_go(now);
  if (kernel_.state == State::over && router_.state == State::over) {
    finish();
  } else if (now >= ends_at_) {
    give_up();
  } else {
    if (kernel_.state == State::due && kernel_.at <= now) {
      kernel_.state = State::asking;
      effects_.emplace_back(effect::Observe{++look_});
    }
    if (router_.state == State::due && router_.at <= now) {
      router_.state = State::asking;
      effects_.emplace_back(effect::ReadRouter{});
    }
  }
  return std::exchange(effects_, {});
}

TimePoint Withdrawal::next_wakeup() const {
  if (exited_) return TimePoint::max();
  TimePoint next = ends_at_;
  if (!last_.empty()) next = std::min(next, vips_go_at_);
  for (const Part* part : {&kernel_, &router_}) {
    if (part->state == State::due) next = std::min(next, part->at);
  }
  return next;
}

void Withdrawal::act(std::vector<Step> steps) {
  if (steps.empty()) {
    kernel_.state = State::over;
    return;
  }
  kernel_.state = State::acting;
  kernel_.trouble =
      and_others(fmt::format("{} is still on {}", steps.front().key.vip.prefix, steps.front().key.interface),
                 steps.size());
  for (Step& step : steps) {
    const StepId id{++last_id_};
    removing_.insert(id);
    effects_.emplace_back(effect::Apply{id, std::move(step)});
  }
}

void Withdrawal::act(const std::vector<RouteStep>& steps, const std::vector<DenialStep>& lifts,
                     TimePoint now) {
  if (steps.empty() && lifts.empty()) {
    if (denied_.empty()) {
      router_.state = State::over;
      return;
    }
    router_.due_at(now + kAgain);
    router_.trouble = and_others(
        fmt::format("{} still has {} in its BGP table, which router.fast_withdraw denies to the peers; "
                    "`no {} prefix-list {} deny {}` in bgpd ends that",
                    stack_, denied_.begin()->prefix, denied_.begin()->prefix.contains(':') ? "ipv6" : "ip",
                    kFastList, denied_.begin()->prefix),
        denied_.size());
    return;
  }
  router_.state = State::acting;
  router_.trouble =
      steps.empty()
          ? fmt::format("{} denies {} to the peers by herald's list", stack_,
                        and_others(lifts.front().vip.prefix, lifts.size()))
          : and_others(fmt::format("{} still announces {}", stack_, steps.front().vip.prefix), steps.size());
  effect::ApplyRoutes batch;
  batch.denials = lifting_ = lifts;
  for (const RouteStep& step : steps) batch.steps.push_back({RouteStepId{++last_id_}, step});
  effects_.emplace_back(std::move(batch));
  withdrawing_ = steps;
}

// A router that does not answer is mostly one that does not run: its routes are no reason to leave the VIPs.
void Withdrawal::let_vips_go(TimePoint now) {
  for (const std::size_t index : std::exchange(last_, {})) wishes_[index].want = Want::absent;
  if (kernel_.state == State::over || kernel_.state == State::due) kernel_.due_at(now);
}

// What the router makes of an address that lies there for late packets.
void Withdrawal::let_announced_go(const RouterView& view, TimePoint now) {
  for (const std::size_t index : announced_) {
    DesiredAddress& wish = wishes_[index];
    const auto route = view.routes.find(wish.key.vip);
    if (wish.want == Want::absent || route == view.routes.end()) continue;
    if (std::ranges::none_of(route->second.others, &OtherOrigin::of_address)) continue;
    wish.want = Want::absent;
    if (kernel_.state == State::over || kernel_.state == State::due) kernel_.due_at(now);
  }
}

void Withdrawal::finish() {
  exited_ = true;
  effects_.emplace_back(
      effect::Notice{false, "", "nothing that herald would withdraw at a stop is announced any more"});
  effects_.emplace_back(effect::Exit{true});
}

void Withdrawal::give_up() {
  exited_ = true;
  std::string why;
  for (const Part* part : {&router_, &kernel_}) {
    if (part->state == State::over) continue;
    if (!why.empty()) why += "; ";
    why += part->trouble.empty() ? "it was not seen what is there" : part->trouble;
  }
  effects_.emplace_back(
      effect::Notice{true, "", fmt::format("not everything could be withdrawn: {}; {}", why, fate_)});
  effects_.emplace_back(effect::Exit{false});
}

}  // namespace herald
