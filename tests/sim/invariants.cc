#include "tests/sim/invariants.h"

#include <fmt/format.h>

#include <algorithm>

namespace herald::sim {
namespace {

// A step waits at most this long for its back-off, and a look or a step may take a while.
constexpr Duration kLongestLack = 7s;

// The audit's period, and what a read of the router or a look may take.
constexpr Duration kLongestBlindness = 10s + 3s;

// A snapshot copies all that status shows: one each turn would take most of the time that the worlds take.
constexpr Duration kBetweenSnapshots = 1s;

bool is_word(const Event& event) {
  return std::holds_alternative<event::ProbeStage>(event);
}

std::optional<RunId> answered_run(const Event& event) {
  if (const auto* finished = std::get_if<event::ProbeFinished>(&event)) return finished->run;
  if (const auto* stage = std::get_if<event::ProbeStage>(&event)) return stage->run;
  return std::nullopt;
}

}  // namespace

Invariants::Invariants(const Config& config, TimePoint now)
    : routes_(config.router),
      brake_(config.brake),
      trouble_at_(now),
      has_router_(config.router.stack != Stack::none),
      read_router_at_(now),
      looked_at_(now),
      shown_at_(now) {
  for (const ServiceSpec& spec : config.services) {
    services_.push_back({ServiceRules(spec, now), probes_.size()});
    for (const ProbeSpec& probe : spec.probes) {
      index_of_[ProbeId{static_cast<std::uint32_t>(probes_.size())}] = probes_.size();
      probes_.emplace_back(probe, fmt::format("{}/{}", spec.name, probe.name), now);
    }
  }
}

ServiceRules* Invariants::rules_of(const std::string& service) {
  const auto found = std::ranges::find_if(
      services_, [&](const ServiceEntry& entry) { return entry.rules.spec().name == service; });
  return found == services_.end() ? nullptr : &found->rules;
}

std::size_t Invariants::probe_of(RunId run) const {
  const auto found = std::ranges::find_if(probes_, [&](const ProbeRules& probe) { return probe.has(run); });
  return static_cast<std::size_t>(found - probes_.begin());
}

bool Invariants::is_awaited(const Event& event) const {
  const auto run = answered_run(event);
  const std::size_t probe = run ? probe_of(*run) : probes_.size();
  return probe < probes_.size() && (probes_[probe].is_cancelled(*run) || !is_word(event));
}

ServiceRules::Opinion Invariants::opinion_of(const ServiceEntry& service) const {
  bool is_silent = false, awaits_word = false, is_ungraded = false;
  std::optional<TimePoint> silent_since;
  std::size_t gates = 0, up = 0, down = 0;
  for (std::size_t offset = 0; offset < service.rules.spec().probes.size(); ++offset) {
    const ProbeRules& probe = probes_[service.first_probe + offset];
    is_ungraded =
        is_ungraded || (probe.spec().role == Role::degrade && probe.output() == ProbeRules::Output::unknown);
    awaits_word = awaits_word || probe.is_any_cancelled();
    if (probe.spec().role != Role::gate) continue;
    ++gates;
    is_silent = is_silent || probe.is_silent();
    if (probe.output() == ProbeRules::Output::up) ++up;
    if (probe.output() == ProbeRules::Output::down) ++down;
    if (probe.output() == ProbeRules::Output::unknown)
      silent_since = std::min(silent_since.value_or(probe.silent_since()), probe.silent_since());
  }
  return {judge_gates(service.rules.spec().require, gates, up, down), is_silent, awaits_word, silent_since,
          is_ungraded};
}

Look Invariants::look_of(const ServiceSpec& spec) const {
  Look look{.taken = true};
  for (const Vip& vip : spec.vips) {
    const ObservedAddress* address = steps_.find_seen({vip, spec.announce.interface});
    if (address != nullptr) ++(address->ours ? look.ours : look.foreign);
    const bool is_here = address != nullptr && address->ours;
    if (!is_here && steps_.is_seen_anywhere(vip)) ++look.elsewhere;
  }
  return look;
}

const Invariants::ServiceEntry* Invariants::owner(const Vip& vip) const {
  for (const ServiceEntry& service : services_) {
    if (std::ranges::find(service.rules.spec().vips, vip) != service.rules.spec().vips.end()) return &service;
  }
  return nullptr;
}

std::string Invariants::counters(const Controller& controller, TimePoint now) {
  std::string text;
  for (const ServiceSnapshot& service : controller.snapshot(now).services) {
    text += name_of(service.state);
    for (const ProbeSnapshot& probe : service.probes) {
      text += fmt::format(" {} {} {} {} {}", name_of(probe.state), probe.passes, probe.failures, probe.runs,
                          probe.last.detail);
    }
  }
  return text;
}

void Invariants::turn(TimePoint now) {
  for (ProbeRules& probe : probes_) probe.turn(now);
}

void Invariants::before(const Event& event, const Controller& controller, TimePoint now) {
  // What the first fact after a stall changes, the stall changes.
  if (answered_run(event) && !is_awaited(event) && resumed_at_ != now) counters_ = counters(controller, now);
}

void Invariants::after(const Event& event, const Controller& controller, TimePoint now) {
  if (const auto* asked = std::get_if<event::ProbeNow>(&event)) {
    tickets_.insert(asked->ticket);
    const auto place = index_of_.find(asked->probe);  // it may be of no probe
    if (asked->counts && place != index_of_.end()) probes_.at(place->second).asked();
  } else if (const auto* nudged = std::get_if<event::Nudged>(&event); nudged != nullptr && !stopped_at_) {
    probes_.at(index_of(nudged->probe)).nudged(now);
  }
  if (answered_run(event) && !counters_ && !is_awaited(event)) return;
  if (counters_) {
    require(*counters_ == counters(controller, now), "the answer of an attempt that is over had an effect");
    counters_.reset();
    return;
  }
  if (const auto* finished = std::get_if<event::ProbeFinished>(&event)) {
    if (!stopped_at_)  // else cancelled already
      probes_[probe_of(finished->run)].finished(finished->run, finished->result, finished->ran, now);
  } else if (const auto* cancelled = std::get_if<event::ProbeStage>(&event)) {
    if (!stopped_at_) probes_[probe_of(cancelled->run)].word(cancelled->run, cancelled->ran, now);
  } else if (std::holds_alternative<event::AddressesChanged>(event)) {
    steps_.changed();
  } else if (const auto* looked = std::get_if<event::Observed>(&event)) {
    if (!steps_.counts(*looked)) return;
    steps_.looked(*looked, now);
    if (steps_.look_failed()) blind_at_ = now;
    note_addresses();
    for (ServiceEntry& service : services_) {
      const bool covered = service.rules.sees() || !steps_.look_failed();
      if (steps_.has_looked() && covered && !service.rules.routes())
        service.rules.looked(look_of(service.rules.spec()), now);
    }
  } else if (const auto* step = std::get_if<event::StepFinished>(&event)) {
    steps_.finished(*step, now);
    if (!step->outcome) trouble(now);
  } else if (const auto* read = std::get_if<event::RouterRead>(&event)) {
    const bool answers = routes_.reading() && read->view.reachable;
    routes_.read(read->view, now);
    if (answers) note_addresses();
    for (ServiceEntry& service : services_) {
      if (answers) service.rules.read();
    }
    if (answers) note_losses(now);
    router_told(now);
  } else if (const auto* applied = std::get_if<event::RoutesApplied>(&event)) {
    routes_.applied(*applied);
    router_told(now);
  } else if (const auto* word = std::get_if<event::Administer>(&event)) {
    administered(*word, now);
  } else if (const auto* recall = std::get_if<event::Recall>(&event)) {
    if (ServiceRules* rules = rules_of(recall->service)) rules->recall(recall->flaps);
  } else if (const auto* cleared = std::get_if<event::ClearDamping>(&event)) {
    if (ServiceRules* rules = rules_of(cleared->service)) rules->clear_damping();
  } else if (std::holds_alternative<event::Stop>(event)) {
    if (!stopped_at_) stopped_at_ = now;
    for (ServiceEntry& service : services_) service.rules.stop();
  } else if (std::holds_alternative<event::Handover>(event) && !stopped_at_) {
    stopped_at_ = now;
    handing_over_ = true;
    for (ServiceEntry& service : services_) service.rules.hand_over();
  }
}

void Invariants::decided(std::span<const Effect> effects, TimePoint now) {
  for (const Effect& effect : effects) std::visit([&](const auto& one) { on(one, now); }, effect);
}

void Invariants::on(const effect::StartProbe& effect, TimePoint now) {
  require(!stopped_at_, "a probe was started while stopping");
  probes_.at(index_of(effect.probe)).started(effect.run, now);
}

void Invariants::on(const effect::StartAside& effect, TimePoint /*now*/) {
  asides_.insert(effect.run);
}

void Invariants::on(const effect::Probed& effect, TimePoint /*now*/) {
  require(tickets_.erase(effect.ticket) == 1, "an answer that nobody waits for");
}

void Invariants::on(const effect::CancelProbe& effect, TimePoint now) {
  if (asides_.erase(effect.run) > 0 || to_cancel_.erase(effect.run) > 0) return;
  probes_.at(index_of(effect.probe)).cancelled(effect.run, stopped_at_.has_value(), now);
}

void Invariants::on(const effect::Observe& effect, TimePoint now) {
  steps_.look_begun(effect.sequence, now);
  looked_at_ = now;
}

void Invariants::on(const effect::Apply& effect, TimePoint now) {
  steps_.issued(effect, now);
  lacking_since_.erase(effect.step.key);
  const ServiceEntry* service = owner(effect.step.key.vip);
  if (service == nullptr) {
    check_departing(effect.step, now);
  } else if (service->rules.spec().announce.interface == effect.step.key.interface) {
    check_step(*service, effect.step, now);
  } else {
    check_step_elsewhere(*service, effect.step);
  }
}

void Invariants::check_step(const ServiceEntry& service, const Step& step, TimePoint now) const {
  if (service.rules.routes()) return check_step_of_route(service, step, now);
  const ServiceRules::Claim claim = service.rules.claim();
  switch (step.kind) {
    case Step::Kind::add:
      require(claim == ServiceRules::Claim::wanted, "a VIP was added that is not wanted");
      require(!stopped_at_, "a VIP was added while stopping");
      require(service.rules.admin(now) == AdminState::force ||
                  opinion_of(service).gates == ServiceRules::Gates::up,
              "a VIP was added though its gates are not up");
      require(step.lease == service.rules.spec().announce.lease, "a VIP was added with another lease");
      break;
    case Step::Kind::refresh:
      require(claim != ServiceRules::Claim::unwanted, "the lease of an unwanted VIP was renewed");
      break;
    case Step::Kind::adopt:  // whose word it is by is the world's to know
      break;
    case Step::Kind::remove:
      require(claim == ServiceRules::Claim::unwanted, "a wanted VIP was removed");
      break;
  }
}

void Invariants::check_step_elsewhere(const ServiceEntry& service, const Step& step) const {
  const ServiceRules::Claim claim = service.rules.claim();
  const bool is_moved = steps_.find_seen({step.key.vip, service.rules.spec().announce.interface}) != nullptr;
  require(step.kind != Step::Kind::add, "a VIP was added to an interface that is not its own");
  if (step.kind == Step::Kind::refresh) {
    // The VIP of a route that was withdrawn stays for a while, or for good.
    require(service.rules.routes() || claim != ServiceRules::Claim::unwanted,
            "the lease of an unwanted VIP was renewed");
  } else {
    if (!service.rules.spec().announce.manage_vip && service.rules.routes()) return;  // a leftover
    require(claim != ServiceRules::Claim::adopting || is_moved,
            "a VIP that is to be adopted was removed from where it was found");
    require(claim == ServiceRules::Claim::unwanted || is_moved,
            "a VIP was removed before it was seen where it belongs");
  }
}

void Invariants::on(const effect::ReadRouter& /*effect*/, TimePoint now) {
  read_router_at_ = now;
  routes_.read_begun();
}

void Invariants::on(const effect::Transition& effect, TimePoint now) {
  for (ServiceEntry& service : services_) {
    if (service.rules.spec().name != effect.service) continue;
    if (effect.probe.empty()) return service.rules.told(effect, opinion_of(service), now);
    for (std::size_t offset = 0; offset < service.rules.spec().probes.size(); ++offset) {
      ProbeRules& probe = probes_[service.first_probe + offset];
      if (probe.spec().name == effect.probe) return probe.told(effect);
    }
  }
  require(effect.service.ends_with(" (removed)"), "a transition of something that is not configured");
}

void Invariants::on(const effect::PeerTurned& effect, TimePoint now) {
  require(!effect.peer.empty() && effect.at == now, "a session turned of no peer, or at another time");
  const bool was = effect.from == "Established";
  const bool is = effect.to == "Established";
  require(was != is, "a session turned that is not up on one side alone");
  const auto known = sessions_.try_emplace(effect.peer, was).first;
  require(known->second == was, "a session turned from what it was not");
  known->second = is;
}

void Invariants::on(const effect::Notice& /*effect*/, TimePoint /*now*/) {}

void Invariants::on(const effect::Remember& effect, TimePoint /*now*/) {
  ServiceRules* rules = rules_of(effect.service);
  require(rules != nullptr, "something is to be remembered that is not configured");
  rules->remembered(effect.flaps);
}

void Invariants::on(const effect::Exit& /*effect*/, TimePoint /*now*/) {
  require(stopped_at_.has_value(), "an exit that nobody asked for");
}

void Invariants::settled(const Controller& controller, TimePoint now) {
  require(controller.next_wakeup() > now, "the turn is over and next_wakeup() is not in the future");
  require(to_cancel_.empty(), "an attempt of a probe that is no more goes on");
  for (ProbeRules& probe : probes_) probe.settled(stopped_at_.has_value(), now);
  check_services(controller, now);
  require(!stopped_at_ || now <= *stopped_at_ + longest_stop(), "it did not exit in time");
  require(now - looked_at_ <= kLongestBlindness, "nobody looks at the addresses any more");
  require(!has_router_ || stopped_at_ || now - read_router_at_ <= longest_unread(),
          "nobody reads the router any more");
  check_overdue(now);
  check_overdue_routes(now);
  if (now - shown_at_ >= kBetweenSnapshots) check_shown(controller, now);
}

void Invariants::check_services(const Controller& controller, TimePoint now) {
  constexpr Duration kLongestWindow = 60s;
  const auto until = controller.brake().until();
  std::size_t meant = 0, announced = 0;
  for (ServiceEntry& service : services_) {
    std::size_t gates = 0, failing = 0;
    bool evidence = false;
    for (std::size_t offset = 0; offset < service.rules.spec().probes.size(); ++offset) {
      const ProbeRules& probe = probes_[service.first_probe + offset];
      if (probe.spec().role != Role::gate) continue;
      ++gates;
      failing += probe.is_failing() ? 1 : 0;
      evidence = evidence || (probe.is_failing() && probe.has_evidence());
    }
    const ServiceSpec& spec = service.rules.spec();
    const ServiceRules::Opinion opinion = opinion_of(service);
    service.rules.settled(opinion, until && !evidence, now);
    const bool unwanted = service.rules.claim() == ServiceRules::Claim::unwanted;
    const bool automatic = service.rules.admin(now) == AdminState::automatic;
    brake_.service(
        spec.name,
        until && !unwanted && automatic && !stopped_at_ && opinion.gates == ServiceRules::Gates::down, now);
    const bool just_gone = unwanted && now - service.rules.unwanted_since() <= kLongestWindow;
    const bool fails = judge_gates(spec.require, gates, 0, failing) == ServiceRules::Gates::down;
    if (just_gone || (!unwanted && automatic && fails && !evidence)) meant += spec.vips.size();
    // What nobody has looked at since the start is not known to be announced.
    const bool is_known = service.rules.claim() == ServiceRules::Claim::wanted || service.rules.sees();
    if (is_known && !unwanted && service.rules.admin(now) != AdminState::drain) announced += spec.vips.size();
  }
  brake_.settled(until, meant, announced, now);
}

void Invariants::check_shown(const Controller& controller, TimePoint now) {
  shown_at_ = now;
  std::size_t index = 0;
  const Snapshot snapshot = controller.snapshot(now);
  if (snapshot.router && snapshot.router->reachable) check_sessions(*snapshot.router);
  for (const ServiceSnapshot& service : snapshot.services) {
    require(!service.probes.empty() || service.name.ends_with(" (removed)"), "probes are not shown");
    for (const ProbeSnapshot& probe : service.probes) probes_.at(index++).shown(probe);
  }
  require(index == probes_.size(), "not every probe is shown");
}

void Invariants::check_sessions(const RouterView& view) {
  for (const RouterPeer& peer : view.peers) {
    const auto known = sessions_.try_emplace(peer.address, peer.established).first;
    require(known->second == peer.established, "a session is lost or back, and nobody was told");
  }
}

bool Invariants::is_lacking(const ServiceEntry& service, const AddressKey& key, TimePoint now) const {
  if (!steps_.has_looked() || steps_.in_flight(key)) return false;
  if (service.rules.routes()) return is_address_of_route_lacking(service, key, now);
  const ObservedAddress* address = steps_.find(key);
  if (steps_.look_failed()) {  // nothing is added then, and a removal that claims success is enough
    return service.rules.claim() == ServiceRules::Claim::unwanted && address != nullptr && address->ours &&
           (!address->expires || *address->expires > now);
  }
  if (service.rules.claim() == ServiceRules::Claim::unwanted) return address != nullptr && address->ours;
  return service.rules.claim() == ServiceRules::Claim::wanted && address == nullptr && !stopped_at_ &&
         (service.rules.admin(now) == AdminState::force ||
          opinion_of(service).gates == ServiceRules::Gates::up);
}

void Invariants::check_overdue(TimePoint now) {
  for (const ServiceEntry& service : services_) {
    for (const Vip& vip : service.rules.spec().vips) {
      const AddressKey key{vip, service.rules.spec().announce.interface};
      if (!is_lacking(service, key, now)) {
        lacking_since_.erase(key);
        continue;
      }
      const TimePoint since = lacking_since_.try_emplace(key, now).first->second;
      require(now - since <= kLongestLack, fmt::format("nothing is done about {}", vip.prefix));
    }
  }
}

void Invariants::stalled(Duration late, TimePoint now) {
  looked_at_ = read_router_at_ = now;
  trouble(now);
  resumed_at_ = now;
  lacking_since_.clear();
  routes_.stalled();
  if (late >= 1s) steps_.look_given_up();  // what was seen may be as old as the stall
  if (stopped_at_) stopped_at_ = now;
  for (ServiceEntry& service : services_) {
    service.rules.stalled(late >= 1s ? late : 0s);
    for (std::size_t probe = 0; probe < service.rules.spec().probes.size(); ++probe)
      probes_[service.first_probe + probe].stalled(late, service.rules.spec().announce.lease, now);
  }
}

void Invariants::expired(const AddressKey& key, TimePoint now) {
  const ServiceEntry* service = owner(key.vip);
  if (service == nullptr || service->rules.claim() == ServiceRules::Claim::unwanted || stopped_at_) return;
  const AnnounceSpec& announce = service->rules.spec().announce;
  if (!announce.lease) return;
  const bool is_moving = steps_.find({key.vip, announce.interface}) == nullptr;
  if (announce.interface != key.interface && !is_moving) return;
  // What is not seen, or was seen too late, cannot be kept.
  const std::optional<TimePoint> since = steps_.stands_since(key);
  const bool is_known = since && now - *since >= *announce.lease;
  const TimePoint excused = is_known || !blind_at_ ? trouble_at_ : std::max(trouble_at_, *blind_at_);
  require(now - excused <= 2 * *announce.lease,
          fmt::format("the lease of {} ran out, it is wanted, and nothing was amiss", key.vip.prefix));
}

void Invariants::exited(bool clean, const Kernel& kernel, TimePoint now) {
  require(stopped_at_ && now <= *stopped_at_ + longest_stop(), "it exited too late");
  require(tickets_.empty(), "who asked for an attempt was not answered");
  if (!clean) return;
  if (handing_over_) return check_handed_over(kernel, now);
  check_left_routes();
  check_left_addresses(kernel, now);
}

// What was wanted stays, as the steps were checked one by one; here: the whole lease was given to it since the handover began.
void Invariants::check_handed_over(const Kernel& kernel, TimePoint now) const {
  require(!routes_.in_flight(), "handed over while routes are under way");
  for (const auto& [key, entry] : kernel.addresses()) {
    const ServiceEntry* service = owner(key.vip);
    if (!entry.ours || service == nullptr || service->rules.claim() == ServiceRules::Claim::unwanted)
      continue;
    const AnnounceSpec& announce = service->rules.spec().announce;
    if (key.interface != announce.interface || !announce.lease) continue;
    // What has run out is gone, or about to be, and is not brought back: herald stood still. Seen at last, after a time of
    // blindness, it was as good as gone.
    const Duration good_as_gone = blind_at_ ? 1s : 0s;
    if (entry.lifetime && entry.set_at + *entry.lifetime <= now + good_as_gone) continue;
    // A refresh that lies about a lease of a moment ago is not seen to have lied: the kernel rounds what is left up to whole
    // seconds, and as much is allowed for the time that a look takes.
    const Duration unseen = trouble_at_ >= *stopped_at_ ? 2s : 0s;
    require(entry.lifetime == announce.lease && entry.set_at >= *stopped_at_ - unseen,
            fmt::format("the lease of {} was not renewed for the successor", key.vip.prefix));
  }
}

void Invariants::check_left_addresses(const Kernel& kernel, TimePoint now) const {
  for (const auto& [key, entry] : kernel.addresses()) {
    if (!entry.ours) continue;
    const ServiceEntry* service = owner(key.vip);
    if (service != nullptr && service->rules.routes()) {
      const ServiceSpec& spec = service->rules.spec();
      require(spec.announce.vip_on_down == VipOnDown::keep || spec.on_exit == OnExit::keep,
              fmt::format("a clean exit left {}", key.vip.prefix));
      const bool is_kept =
          spec.on_exit == OnExit::keep && service->rules.claim() != ServiceRules::Claim::unwanted;
      const bool is_asked = spec.announce.manage_vip && routes_.is_current(key.vip);
      require(is_kept || !is_asked || key.interface != spec.announce.interface || !goes_by_itself(spec) ||
                  routes_.is_cleared(key.vip),
              fmt::format("a clean exit left {}, which the router may announce by itself", key.vip.prefix));
      continue;
    }
    if (service == nullptr && entry.set_at >= looked_at_) continue;  // nobody could have seen it
    const bool kept = service != nullptr && service->rules.spec().on_exit == OnExit::keep;
    require(kept, fmt::format("a clean exit left {}", key.vip.prefix));
    if (key.interface != service->rules.spec().announce.interface) continue;  // it was to move, and could not
    // Seen at last, after a time of blindness, when it was as good as gone.
    if (blind_at_ && entry.lifetime && entry.set_at + *entry.lifetime <= now + 1s) continue;
    require(!entry.lifetime, fmt::format("{} is to be kept and its lease still runs", key.vip.prefix));
    require(service->rules.claim() != ServiceRules::Claim::unwanted,
            fmt::format("{} is kept though it is not wanted", key.vip.prefix));
  }
}

}  // namespace herald::sim
