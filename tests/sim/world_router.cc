// The world's side of the levers that steer the router, and what befalls the router.
#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/world.h"

namespace herald::sim {
namespace {

constexpr Duration kReadTakes = 5ms;
constexpr Duration kDeadline = 2s;     // of a read and of a batch
constexpr Duration kHeldBack = 50ms;   // from the configuration to the table
constexpr Duration kLandsWithin = 5s;  // what was said to a router that hung

}  // namespace

void World::carry_out(const effect::ReadRouter& /*effect*/) {
  const std::uint64_t read = ++router_read_;
  const auto answer_after = [&](Duration delay, std::function<RouterView()> view) {
    at(now_ + delay, [this, life = life_, read, view = std::move(view)] {
      if (life == life_ && read == router_read_) tell(event::RouterRead{view()});
    });
  };
  if (chance(faults_.router_times_out)) {
    count("router timeouts");
    return answer_after(kDeadline, [] {
      RouterView view;
      view.error = "no answer within 2s";
      return view;
    });
  }
  if (chance(faults_.router_stale)) {
    count("stale router reads");
    return answer_after(up_to(1500ms) + kReadTakes, [view = router_.view(vips_to_read())] { return view; });
  }
  answer_after(kReadTakes, [this] {
    RouterView view = router_.view(vips_to_read());
    if (std::ranges::any_of(view.routes, [](const auto& one) { return !one.second.others.empty(); }))
      count("reads that tell of other origins");
    return view;
  });
}

void World::carry_out(const effect::ApplyRoutes& effect) {
  count("batches");
  ++router_read_;  // given up
  const bool hangs = !router_.answers || chance(faults_.route_hangs);
  const std::size_t routes = effect.steps.size();
  const std::size_t before_denials = routes + effect.fallback.size();
  const std::size_t size = before_denials + effect.denials.size();
  auto outcomes = std::make_shared<RouteOutcomes>(size);
  const Duration done = hangs ? up_to(kLandsWithin) : kReadTakes + up_to(faults_.route_delay);
  const Duration told = hangs ? kDeadline : done + up_to(faults_.route_delay);
  if (hangs) {
    count("hung batches");
    outcomes->assign(size, std::unexpected("no answer within 2s"));
  }
  at(now_ + done, [this, hangs, outcomes, size, routes, before_denials, life = life_, effect] {
    if (life != life_ && chance(0.5)) return;  // it took its child with it
    if (life != life_) count("orphaned batches");
    for (std::size_t count = 0; count < size; ++count) {
      const std::size_t index = (before_denials + count) % size;  // the denials first
      if (hangs && chance(0.5)) continue;
      const bool is_denial = index >= before_denials;
      const RouteOutcome outcome = is_denial        ? apply(effect.denials[index - before_denials])
                                   : index < routes ? apply(effect.steps[index].step)
                                                    : apply(effect.fallback[index - routes]);
      if (withdrawal_rules_ && life != life_ && index < routes)
        withdrawal_rules_->was_put(effect.steps[index].step.vip, now_);
      if (withdrawal_rules_ && life != life_ && is_denial)
        withdrawal_rules_->was_denied(effect.denials[index - before_denials].vip, now_);
      if (!hangs) (*outcomes)[index] = outcome;
    }
  });
  at(now_ + told, [this, outcomes, life = life_] {
    if (life == life_) tell(event::RoutesApplied{*outcomes});
  });
}

RouteOutcome World::tell_router(const std::string& what, const std::function<void()>& take) {
  if (!router_.running) return std::unexpected("connect: No such file or directory");
  if (chance(faults_.route_fails)) {
    count("failed " + what);
    return std::unexpected("% Unknown command");
  }
  if (chance(faults_.route_lies)) {
    count("lying " + what);
    return {};
  }
  take();
  if (chance(faults_.route_denies)) {
    count("denied " + what);
    return std::unexpected("the connection broke");
  }
  return {};
}

RouteOutcome World::apply(const RouteStep& step) {
  return tell_router("routes", [&] {
    const bool held = router_.configuration.contains(step.vip);
    count(!step.policy ? "route withdrawals" : held ? "policy switches" : "route announcements");
    claim(step, router_.configuration);
    configuration_changed();
  });
}

RouteOutcome World::apply(const FallbackStep& step) {
  return tell_router("fallback steps", [&] {
    count(step.peer.empty()            ? "fallback tidied"
          : step.wanted.shut           ? "fallback shutdowns"
          : step.wanted.denied.empty() ? "fallback lifted"
                                       : "fallback denials");
    router_.take(step);
  });
}

RouteOutcome World::apply(const DenialStep& step) {
  return tell_router("denial steps", [&] {
    count(step.deny ? "denials" : "denials lifted");
    router_.take(step);
  });
}

void World::configuration_changed() {
  at(now_ + kHeldBack, [this] { router_.originate(); });
}

void World::configure_router(const Vip& vip, const std::optional<std::string>& policy) {
  if (!router_.running || (!policy && !router_.configuration.contains(vip))) return;
  note(policy ? fmt::format("-- somebody types: network {} {}", vip.prefix, *policy)
              : fmt::format("-- somebody types: no network {}", vip.prefix));
  if (policy) {
    router_.configuration[vip] = *policy;
    if (withdrawal_rules_) withdrawal_rules_->was_put(vip, now_);
  } else {
    router_.configuration.erase(vip);
  }
  configuration_changed();
}

void World::restart_router(Duration down) {
  const auto sign = [this] {
    if (!chance(faults_.notification_lost)) tell_after(1us, event::RouterChanged{});
  };
  note("-- the router goes down");
  router_.go_down();
  sign();
  at(now_ + down, [this, sign] {
    note("-- the router comes up");
    router_.running = true;
    router_.catch_up(kernel_);
    sign();
  });
}

}  // namespace herald::sim
