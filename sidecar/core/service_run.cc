#include "sidecar/core/service_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace herald {
namespace {

constexpr std::size_t kKeptTransitions = 16;
constexpr std::size_t kKeptSteps = 16;

template <typename Item>
void keep_last(std::deque<Item>& items, Item item, std::size_t most) {
  items.push_back(std::move(item));
  if (items.size() > most) items.pop_front();
}

const RouterRoute* route_of(const Vip& vip, const Sight& sight) {
  if (sight.router == nullptr) return nullptr;
  const auto found = sight.router->routes.find(vip);
  return found == sight.router->routes.end() ? nullptr : &found->second;
}

}  // namespace

ServiceRun::ServiceRun(ServiceSpec spec, TimePoint now)
    : spec_(std::move(spec)), machine_(spec_, now), since_(now) {}

void ServiceRun::stop() {
  stopping_ = true;
  keeps_ = spec_.on_exit == OnExit::keep && wish_.want != Want::absent;
}

std::vector<effect::Transition> ServiceRun::evaluate(const Composed& composed, const Sight& sight,
                                                     TimePoint now) {
  const Want before = wish_.want;
  wish_ = machine_.evaluate(composed, presence(sight), now);
  if (stopping_) {
    keeps_ = keeps_ && wish_.want != Want::absent;
    wish_ = {.want = keeps_ ? Want::keep : Want::absent, .reason = "herald stops"};
  }
  std::vector<effect::Transition> made;
  Judged judged = judge(sight);
  problem_ = std::move(judged.problem);
  const bool graded = health_ != composed.health && judged.state == state_ && health_ != Health::unknown &&
                      composed.health != Health::unknown;
  if (graded) {
    made.push_back(
        note(std::string(name_of(health_)), std::string(name_of(composed.health)), wish_.reason, now));
  }
  health_ = composed.health;
  if (judged.state != state_) {
    // A change that herald did not wish for has its reason out there: the VIP is gone, the router does not
    // answer.
    const bool wished = wish_.want != before || problem_.empty();
    made.push_back(note(std::string(name_of(state_)), std::string(name_of(judged.state)),
                        wished ? wish_.reason : problem_, now));
    state_ = judged.state;
    since_ = now;
  }
  return made;
}

effect::Transition ServiceRun::note(std::string from, std::string to, std::string why, TimePoint now) {
  effect::Transition transition{now, spec_.name, "", std::move(from), std::move(to), std::move(why)};
  keep_last(transitions_, transition, kKeptTransitions);
  return transition;
}

const ObservedAddress* ServiceRun::find(const Vip& vip, const Sight& sight) const {
  if (sight.addresses == nullptr) return nullptr;
  const auto found = sight.addresses->find({vip, spec_.announce.interface});
  return found == sight.addresses->end() ? nullptr : &found->second;
}

Presence ServiceRun::presence(const Sight& sight) const {
  if (sight.addresses == nullptr) return Presence::unobserved;
  // On any interface: the configuration may have moved it, and it is announced all the same.
  const auto present = std::ranges::count_if(spec_.vips, [&](const Vip& vip) {
    auto address = sight.addresses->lower_bound({vip, ""});
    while (address != sight.addresses->end() && address->first.vip == vip && !address->second.ours) ++address;
    return address != sight.addresses->end() && address->first.vip == vip;
  });
  if (present == 0) return Presence::none;
  return present == std::ssize(spec_.vips) ? Presence::all : Presence::some;
}

ServiceRun::Judged ServiceRun::judge(const Sight& sight) const {
  if (wish_.adopting) return {ServiceState::adopting, {}};
  const bool wanted = wish_.want != Want::absent;
  std::string foreign;
  for (const Vip& vip : spec_.vips) {
    std::string problem = wanted ? announce_problem(vip, sight) : withdraw_problem(vip, sight);
    if (problem.empty()) continue;
    const ObservedAddress* address = find(vip, sight);
    if (wanted || address == nullptr || address->ours) {
      return {wanted ? ServiceState::announcing : ServiceState::withdrawing, std::move(problem)};
    }
    foreign =
        std::move(problem);  // what is not ours cannot be withdrawn: as far as herald goes, that is done
  }
  if (wanted) return {ServiceState::announced, {}};
  return {wish_.held_until ? ServiceState::held : ServiceState::withdrawn, std::move(foreign)};
}

std::string ServiceRun::step_error(const Vip& vip) const {
  const auto found = step_errors_.find(vip);
  return found == step_errors_.end() ? "" : ": " + found->second;
}

std::string ServiceRun::announce_problem(const Vip& vip, const Sight& sight) const {
  const ObservedAddress* address = find(vip, sight);
  const std::string& interface = spec_.announce.interface;
  if (address == nullptr) return fmt::format("{} is not on {}{}", vip.prefix, interface, step_error(vip));
  if (!address->ours) {
    return fmt::format("{} is on {} without herald's mark: somebody else's, left alone", vip.prefix,
                       interface);
  }
  if (sight.stack == Stack::none) return {};
  const std::string_view stack = name_of(sight.stack);
  if (sight.router == nullptr || sight.router_sequence <= read_after_)
    return fmt::format("not read back from {} yet", stack);
  if (!sight.router->reachable) return fmt::format("{} does not answer: {}", stack, sight.router->error);
  const RouterRoute* route = route_of(vip, sight);
  if (route == nullptr || !route->in_rib) {
    return fmt::format(
        "{} is on {} but not in {}'s BGP table; is it redistributed (connected, protocol direct)?",
        vip.prefix, interface, stack);
  }
  if (!route->missing_from.empty()) {
    return fmt::format(
        "{} is in {}'s BGP table but not advertised to {}; does the outbound policy permit it?", vip.prefix,
        stack, fmt::join(route->missing_from, ", "));
  }
  return {};
}

std::string ServiceRun::withdraw_problem(const Vip& vip, const Sight& sight) const {
  const ObservedAddress* address = find(vip, sight);
  const std::string& interface = spec_.announce.interface;
  if (sight.addresses == nullptr) return "the interfaces were not read yet";
  if (address != nullptr && address->ours) {
    return fmt::format("{} is still on {}{}", vip.prefix, interface, step_error(vip));
  }
  if (address != nullptr) {
    return fmt::format("{} is on {} without herald's mark: somebody else's, left alone", vip.prefix,
                       interface);
  }
  // An unreachable router is no reason to call a route withdrawn or not; it is shown beside the services.
  if (sight.router == nullptr || !sight.router->reachable || sight.stack == Stack::none) return {};
  if (sight.router_sequence <= read_after_)
    return fmt::format("not read back from {} yet", name_of(sight.stack));
  const RouterRoute* route = route_of(vip, sight);
  if (route != nullptr && route->in_rib) {
    return fmt::format("{} is gone from {} but still in {}'s BGP table", vip.prefix, interface,
                       name_of(sight.stack));
  }
  return {};
}

void ServiceRun::step_issued(const IssuedStep& issued, TimePoint now) {
  in_flight_.emplace(issued.id, issued.step);
  if (issued.step.kind == Step::Kind::refresh) return;  // routine, three a lease
  keep_last(steps_, Record{issued.id, {now, to_string(issued.step), std::nullopt}}, kKeptSteps);
}

void ServiceRun::step_finished(StepId id, const std::string& error, std::uint64_t router_sequence) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  const Step step = std::move(found->second);
  in_flight_.erase(found);
  if (step.kind != Step::Kind::refresh) read_after_ = router_sequence;
  if (error.empty()) {
    step_errors_.erase(step.key.vip);
  } else {
    step_errors_[step.key.vip] = error;
  }
  for (Record& record : steps_) {
    if (record.id == id) record.shown.error = error;
  }
}

void ServiceRun::desire(std::vector<DesiredAddress>& desired) const {
  for (const Vip& vip : spec_.vips) {
    desired.push_back({{vip, spec_.announce.interface}, wish_.want, spec_.announce.lease});
  }
}

ServiceSnapshot ServiceRun::snapshot(const Sight& sight, TimePoint now) const {
  ServiceSnapshot shown;
  shown.name = spec_.name;
  shown.health = health_;
  shown.state = state_;
  shown.reason = wish_.reason;
  if (wish_.held_until) {
    const auto left = std::chrono::duration<double>(*wish_.held_until - now).count();
    shown.reason += fmt::format(", {:.0f} s left", std::max(left, 0.0));
  }
  shown.problem = problem_;
  shown.since = since_;
  shown.penalty = machine_.penalty(now);
  shown.transitions = transitions_;
  for (const Record& record : steps_) shown.steps.push_back(record.shown);
  for (const Vip& vip : spec_.vips) {
    const ObservedAddress* address = find(vip, sight);
    VipSnapshot view;
    view.prefix = vip.prefix;
    view.interface = spec_.announce.interface;
    view.wanted = wish_.want != Want::absent;
    view.on_interface = address != nullptr && address->ours;
    view.foreign = address != nullptr && !address->ours;
    if (view.on_interface) view.lease_until = address->expires;
    if (const RouterRoute* route = route_of(vip, sight)) view.route = *route;
    shown.vips.push_back(std::move(view));
  }
  return shown;
}

}  // namespace herald
