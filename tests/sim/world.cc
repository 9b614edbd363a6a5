#include "tests/sim/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace herald::sim {
namespace {

// The daemon's own bound; more is a livelock.
constexpr int kMostRounds = 64;
constexpr int kMostTurnsASecond = 2000;
// How long somebody who changes a lever has the router redistribute what is announced by its configuration by now.
constexpr Duration kMigration = 10s;
constexpr Duration kBusyFor = 1s;

}  // namespace

World::World(std::uint64_t seed, Faults faults, Transcript::Detail detail, std::size_t lines)
    : random_(seed), faults_(faults), transcript_(detail, lines), kernel_(seed + 1) {}

Duration World::up_to(Duration longest) {
  return Duration{std::uniform_int_distribution<Duration::rep>(0, longest.count())(random_)};
}

// ---- time ------------------------------------------------------------------------------------------------------

void World::at(TimePoint when, std::function<void()> action) {
  queue_.emplace(std::pair{std::max(when, now_), sequence_++}, std::move(action));
}

TimePoint World::next_time() const {
  TimePoint next = queue_.empty() ? TimePoint::max() : queue_.begin()->first.first;
  if (controller_ && !stalled_) next = turn_due_ ? now_ : std::min(next, controller_->next_wakeup());
  if (withdrawal_) next = turn_due_ ? now_ : std::min(next, withdrawal_->next_wakeup());
  return std::max(next, now_);
}

void World::run_until(TimePoint end) {
  while (next_time() <= end) {
    now_ = next_time();
    instant();
  }
  now_ = end;
}

void World::instant() {
  for (int round = 0;; ++round) {
    require(round < kMostRounds, "an instant does not end");
    bool idle = true;
    while (!queue_.empty() && queue_.begin()->first.first <= now_) {
      const auto action = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
      action();
      idle = false;
    }
    if (controller_ && !stalled_ && (std::exchange(turn_due_, false) || controller_->next_wakeup() <= now_)) {
      turn();
      idle = false;
    }
    if (withdrawal_ && (std::exchange(turn_due_, false) || withdrawal_->next_wakeup() <= now_)) {
      turn_withdrawal();
      idle = false;
    }
    if (idle) return;
  }
}

void World::turn() {
  if (now_ - second_ >= 1s) {
    second_ = now_;
    turns_this_second_ = 0;
  }
  require(++turns_this_second_ <= kMostTurnsASecond, "too many turns in a second");
  for (int round = 0;; ++round) {
    require(round < kMostRounds, "decide() always has something to say");
    invariants_->turn(now_);
    const std::vector<Effect> effects = controller_->decide(now_);
    if (effects.empty()) break;
    for (const Effect& effect : effects) transcript_.note(effect, now_);
    invariants_->decided(effects, now_);
    for (const Effect& effect : effects) {
      std::visit([this](const auto& one) { carry_out(one); }, effect);
      if (!controller_) return;  // it crashed
    }
    if (exit_) break;
  }
  turn_due_ = false;
  if (exit_) {
    invariants_->exited(*exit_, kernel_, now_);
    count(*exit_ ? "clean exits" : "exits in haste");
    if (*exit_ && invariants_->hands_over()) count("handovers done");
    end_process();
    return;
  }
  invariants_->settled(*controller_, now_);
}

// ---- the process -----------------------------------------------------------------------------------------------

void World::start(const Config& config) {
  end_process();
  note("-- the process starts");
  controller_.emplace(config, random_(), now_);
  invariants_.emplace(config, now_);
  for (const ServiceSpec& service : config.services) {
    for (const Vip& vip : service.vips) {
      if (service.announce.via == Via::loopback) router_.steered.erase(vip);
      if (service.announce.via != Via::loopback) router_.steered.insert(vip);
    }
  }
  know(config);
  turn_due_ = true;
  count("starts");
  for (const auto& [service, orders] : orders_) {
    for (const Admin& order : orders) handle(event::Administer{service, order});
  }
  for (const auto& [service, flaps] : flaps_) {
    count("recalled withdrawals");
    handle(event::Recall{service, flaps});
  }
}

void World::know(const Config& config) {
  vips_.clear();
  for (const Vip& vip : controller_->vips()) vips_.insert(vip);
  probe_targets_.clear();
  std::size_t index = 0;
  for (const ServiceSpec& service : config.services) {
    for (const ProbeSpec& probe : service.probes)
      probe_targets_[controller_->probe_id(index++)] =
          &targets_[fmt::format("{}/{}", service.name, probe.name)];
  }
}

// Also where nobody is configured to announce it any more.
void World::end_migration(const Vip& vip) {
  if (!controller_) return;
  const std::vector<ServiceSpec>& services = controller_->config().services;
  const bool is_redistributed = std::ranges::any_of(services, [&](const ServiceSpec& service) {
    const bool has_it = std::ranges::find(service.vips, vip) != service.vips.end();
    return has_it && service.announce.via == Via::loopback;
  });
  if (!is_redistributed) router_.steered.insert(vip);
}

// As the daemon: what has happened is decided by the old configuration, and who is drained is told before anything is
// decided by the new one. Whoever changes a lever has the router redistribute what the old one or the new one needs.
void World::reload(const Config& config) {
  if (!controller_ || stalled_) return;
  controller_->end_asked("the configuration is read again");
  turn();
  if (!controller_ || controller_->stopping()) return;
  note("-- the configuration is read again");
  count("reloads done");
  std::set<std::string> known;
  for (const ServiceSpec& service : controller_->config().services) known.insert(service.name);
  for (const ServiceSpec& service : config.services) {
    for (const Vip& vip : service.vips) {
      if (service.announce.via == Via::loopback) router_.steered.erase(vip);
      if (service.announce.via != Via::loopback) at(now_ + kMigration, [this, vip] { end_migration(vip); });
    }
  }
  invariants_->before_reload(config, *controller_, now_);
  const Controller::Reconfigured done = controller_->configure(config, now_);
  if (done.rewired) ++router_read_;
  invariants_->after_reload(config, *controller_, done.rewired, now_);
  know(config);
  turn_due_ = true;
  for (const auto& [service, orders] : orders_) {
    if (known.contains(service)) continue;
    for (const Admin& order : orders) handle(event::Administer{service, order});
  }
  for (const auto& [service, flaps] : flaps_) {
    if (!known.contains(service)) handle(event::Recall{service, flaps});
  }
}

void World::crash() {
  if (!controller_ && !withdrawal_) return;
  note("-- the process crashes");
  count(controller_ ? "crashes" : "killed withdrawals");
  end_process();
}

void World::end_process() {
  controller_.reset();
  invariants_.reset();
  withdrawal_.reset();
  withdrawal_rules_.reset();
  attempts_.clear();
  inbox_.clear();
  stalled_ = turn_due_ = false;
  exit_.reset();
  ++life_;
}

void World::stall(Duration duration) {
  if (!controller_ || stalled_) return;
  note(fmt::format("-- the process stalls for {:.3f} s", std::chrono::duration<double>(duration).count()));
  count("stalls");
  stalled_ = true;
  at(now_ + duration, [this, life = life_] {
    if (life == life_) resume();
  });
}

void World::resume() {
  if (!stalled_) return;
  note("-- the process goes on");
  stalled_ = false;
  invariants_->stalled(std::max(now_ - controller_->next_wakeup(), Duration{}), now_);
  for (const Event& event : std::exchange(inbox_, {})) handle(event);
  turn_due_ = true;
}

void World::administer(const event::Administer& order) {
  std::vector<Admin>& orders = orders_[order.service];
  take_order(orders, order);
  count(fmt::format("words: {}", name_of(order.admin.state)));
  if (orders.size() > 1) count("words beside others");
  tell(order);
}

void World::ask_for_attempt(ProbeId probe, bool counts) {
  tell(event::ProbeNow{probe, ++last_ticket_, counts});
}

void World::nudge(const std::string& service_and_probe, Nudge why) {
  const auto found = std::ranges::find(probe_targets_, &targets_[service_and_probe],
                                       &std::map<ProbeId, Target*>::value_type::second);
  if (found == probe_targets_.end()) return;  // the configuration has no such probe now
  count("nudges");
  tell(event::Nudged{found->first, why});
}

void World::clear_damping(const std::string& service) {
  if (const auto found = flaps_.find(service); found != flaps_.end()) {
    found->second.penalty = 0;
    found->second.suppressed = false;
  }
  count("cleared dampings");
  tell(event::ClearDamping{service, "root"});
}

void World::terminate() {
  if (!controller_) return;
  count("stops");
  tell(event::Stop{});
}

void World::hand_over() {
  if (!controller_) return;
  count("handovers begun");
  tell(event::Handover{});
}

void World::tell(const Event& event) {
  if (withdrawal_) return tell_withdrawal(event);
  if (!controller_) return;
  if (stalled_) {
    inbox_.push_back(event);
  } else {
    handle(event);
  }
}

void World::handle(const Event& event) {
  transcript_.note(event, now_);
  invariants_->before(event, *controller_, now_);
  controller_->handle(event, now_);
  invariants_->after(event, *controller_, now_);
  turn_due_ = true;
}

void World::tell_after(Duration delay, Event event) {
  if (delay <= 0s) {
    tell(event);  // as the daemon, which answers most effects while it carries them out
    return;
  }
  at(now_ + delay, [this, life = life_, event = std::move(event)] {
    if (life == life_) tell(event);
  });
}

// ---- effects ---------------------------------------------------------------------------------------------------

void World::attempt(ProbeId probe, RunId run) {
  count("attempts");
  Ran& ran = attempts_[run] = {now_, now_, {}};
  Answer given = answer(*probe_targets_.at(probe), random_);
  if (chance(faults_.worker_busy)) {
    count("busy workers");
    (chance(0.5) ? ran.stalled : given.after) +=
        up_to(kBusyFor);  // it knows of the one, and the other it is slow by
    given.after += ran.stalled;
  }
  if (!given.result) return;
  at(now_ + given.after, [this, life = life_, run, result = std::move(*given.result)] {
    const auto ended = attempts_.extract(run);
    if (life == life_ && ended)
      tell_after(word_delay(), event::ProbeFinished{run, result, ran_until_now(ended.mapped())});
  });
}

// Nothing is drawn where there is none.
Duration World::word_delay() {
  return faults_.word_delay > 0s ? up_to(faults_.word_delay) : Duration{};
}

Ran World::ran_until_now(Ran ran) const {
  ran.ended = now_;
  ran.stalled = std::min(ran.stalled, ran.ended - ran.began);
  return ran;
}

void World::carry_out(const effect::StartProbe& effect) {
  attempt(effect.probe, effect.run);
}

void World::carry_out(const effect::StartAside& effect) {
  attempt(effect.probe, effect.run);
}

void World::carry_out(const effect::Probed& /*effect*/) {
  count("attempts asked for");
}

void World::carry_out(const effect::CancelProbe& effect) {
  const auto cancelled = attempts_.extract(effect.run);
  if (!cancelled) return;  // its end is on the way
  if (chance(faults_.late_answer)) {
    count("late answers");
    const Verdict verdict = chance(0.5) ? Verdict::pass : Verdict::fail;
    const Duration late = up_to(2s);
    Ran ran = cancelled.mapped();
    ran.ended = now_ + late;
    tell_after(late, event::ProbeFinished{effect.run, {verdict, Reason::refused, "late", {}}, ran});
  }
  if (chance(faults_.stage_lost)) {
    count("lost stages");
  } else {
    tell_after(word_delay(), event::ProbeStage{effect.run, "connecting", ran_until_now(cancelled.mapped())});
  }
}

void World::carry_out(const effect::Observe& effect) {
  if (chance(faults_.look_fails)) {
    count("failed looks");
    tell_after(up_to(faults_.look_delay),
               event::Observed{effect.sequence, std::unexpected("netlink: No buffer space")});
    return;
  }
  // Taken now and told later: what happens in between is not in it.
  tell_after(up_to(faults_.look_delay), event::Observed{effect.sequence, kernel_.look(vips_, now_)});
}

StepOutcome World::apply(const Step& step) {
  if (chance(faults_.step_fails)) {
    count("failed steps");
    return std::unexpected(to_string(step) + ": Operation not permitted");
  }
  if (chance(faults_.step_lies)) {
    count("lying steps");
    if (invariants_) invariants_->trouble(now_);
    const bool there = step.kind == Step::Kind::add && kernel_.find(step.key) != nullptr;
    return there ? Applied::was_there : Applied::done;
  }
  const StepOutcome outcome = kernel_.apply(step, now_);
  if (!outcome) return outcome;
  if (outcome == Applied::done) {
    watch_lease(step.key);
    kernel_changed();
  }
  if (chance(faults_.step_denies)) {
    count("denied steps");
    return std::unexpected(to_string(step) + ": Interrupted system call");
  }
  return outcome;
}

void World::carry_out(const effect::Apply& effect) {
  count(effect.step.kind == Step::Kind::add      ? "additions"
        : effect.step.kind == Step::Kind::remove ? "removals"
                                                 : "refreshes");
  const Kernel::Entry* const entry = kernel_.find(effect.step.key);
  const bool touches = effect.step.kind != Step::Kind::add && entry != nullptr && !entry->ours;
  if (touches && invariants_->is_blind_to(entry->set_at)) {
    count("blind touches");
    touched_blindly_.insert(effect.step.key);
  }
  const Duration delay = up_to(faults_.step_delay);
  if (delay == 0s) return take(effect);
  at(now_ + delay, [this, life = life_, effect] {
    if (life == life_) take(effect);
  });
}

void World::take(const effect::Apply& effect) {
  const bool crashes = chance(faults_.crash_in_step);
  const bool is_too_early = crashes && chance(0.5);
  const StepOutcome outcome = is_too_early ? Applied::done : apply(effect.step);
  if (!crashes) return tell(event::StepFinished{effect.id, outcome});
  note(fmt::format("-- the process crashes {} step {}", is_too_early ? "before" : "after",
                   static_cast<std::uint64_t>(effect.id)));
  count(is_too_early ? "crashes before a step" : "crashes after a step");
  crash();
  if (when_it_crashes_) when_it_crashes_();
}

void World::carry_out(const effect::Transition& effect) {
  count("transitions");
  if (effect.to == "held") count(effect.reason.ends_with("damping") ? "dampings" : "hold-downs");
}

void World::carry_out(const effect::PeerTurned& /*effect*/) {
  count("sessions lost or back");
}

void World::carry_out(const effect::Notice& effect) {
  count("notices");
  if (effect.text.starts_with("BRAKE: "))
    count(effect.text.find("ran late") != std::string::npos ? "late brakes" : "brakes");
  if (effect.text.starts_with("the brake is released")) {
    const bool obeyed = effect.text.find("its time is over") != std::string::npos;
    count(obeyed         ? "obeyed brakes"
          : effect.error ? "brakes that evidence ended"
                         : "brakes that recovery ended");
  }
}
void World::carry_out(const effect::Remember& effect) {
  flaps_[effect.service] = effect.flaps;
}
void World::carry_out(const effect::Exit& effect) {
  exit_ = effect.clean;
}

// ---- the others ------------------------------------------------------------------------------------------------

void World::kernel_changed() {
  if (chance(faults_.notification_lost)) {
    count("lost notifications");
  } else {
    tell_after(1us, event::AddressesChanged{});
  }
  at(now_ + faults_.router_delay, [this] { router_.catch_up(kernel_); });
}

void World::watch_lease(const AddressKey& key) {
  const Kernel::Entry* entry = kernel_.find(key);
  if (entry != nullptr && entry->lifetime) at(entry->gone_at, [this] { expire_addresses(); });
}

void World::expire_addresses() {
  for (const AddressKey& key : kernel_.expire(now_)) {
    note(
        fmt::format("-- the kernel removes {} from {}: its lifetime is over", key.vip.prefix, key.interface));
    count("expired leases");
    if (invariants_ && !stalled_) invariants_->expired(key, now_);
    kernel_changed();
  }
}

void World::remove_address(const AddressKey& key) {
  if (!kernel_.remove(key)) return;
  note(fmt::format("-- somebody removes {} from {}", key.vip.prefix, key.interface));
  kernel_changed();
}

void World::put_address(const AddressKey& key, bool ours, std::optional<Duration> lifetime) {
  if (kernel_.find(key) != nullptr || !kernel_.put(key, ours, lifetime, now_)) return;
  note(fmt::format("-- {} adds {} to {}", ours ? "an earlier herald" : "somebody else", key.vip.prefix,
                   key.interface));
  if (withdrawal_rules_) withdrawal_rules_->was_put(key, now_);
  touched_blindly_.erase(key);
  watch_lease(key);
  kernel_changed();
}

void World::remove_interface(const std::string& name) {
  if (!kernel_.remove_interface(name)) return;
  note(fmt::format("-- interface {} goes", name));
  kernel_changed();
}

void World::restore_interface(const std::string& name) {
  if (!kernel_.restore_interface(name)) return;
  note(fmt::format("-- interface {} comes", name));
  kernel_changed();
}

}  // namespace herald::sim
