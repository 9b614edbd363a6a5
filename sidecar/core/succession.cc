// Another configuration in the place of the running one. Everything is put together anew in the order of the new
// configuration, out of what there was: runs of services and probes move over with all that they know.
#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "sidecar/core/controller.h"
#include "sidecar/core/route/policy.h"

namespace herald {
namespace {

// What the adapters of the router take out of a configuration.
bool is_wired_alike(const Config& left, const Config& right) {
  return left.router == right.router &&
         std::ranges::equal(left.services, right.services, [](const ServiceSpec& a, const ServiceSpec& b) {
           return a.name == b.name && a.vips == b.vips && a.announce == b.announce;
         });
}

std::set<Vip> vips_of(const Config& config) {
  std::set<Vip> vips;
  for (const ServiceSpec& service : config.services) vips.insert(service.vips.begin(), service.vips.end());
  return vips;
}

// Whether an attempt of the one can go on for the other.
bool is_same_attempt(const ProbeSpec& left, const ProbeSpec& right) {
  return is_same_target(left, right) && left.timing.timeout == right.timing.timeout;
}

}  // namespace

// What there was, while it is taken apart, and what it leaves to be done.
struct Controller::Former {
  std::vector<ServiceEntry> services;
  std::map<std::string, std::size_t> by_name;  // of the services that were configured
  std::vector<ProbeRun> probes;
  std::vector<ProbeId> ids;
  std::vector<bool> kept;  // by probe: its id is in use again
  Timers timers;
  std::size_t timers_at = 0;  // the key of the first that is not of a probe or service
  std::set<Vip> vips;         // of the new configuration
  std::set<Vip> by_address;   // that are announced by their addresses alone
  std::vector<ServiceEntry> departing;
  std::vector<std::size_t> remade;  // probes of the new configuration
  struct Turned {
    std::size_t probe = 0;  // of the new configuration
    ProbeMark before;
  };
  std::vector<Turned> turned;  // what was known of them is known no more
  std::vector<TimePoint> due;  // by probe of the new configuration
};

Controller::Reconfigured Controller::configure(Config config, TimePoint now) {
  assert(!stopping_ && config.router.stack == config_.router.stack && !asked_.next_deadline());
  finish_expired(now);
  const bool rewired = config.router.stack != Stack::none && !is_wired_alike(config_, config);
  Former former = take_apart(std::move(config));
  for (const ServiceSpec& spec : config_.services) take_service(spec, former, now);
  take_departing(former, now);
  std::set<Vip> owned;
  for (const auto& [vip, service] : owner_) owned.insert(vip);
  ladder_.reconfigure(config_.router, owned);
  give_ids(former);
  take_timers(former);
  assign_steps_in_flight();
  for (const auto& [probe, before] : former.turned) tell_output(probe, before, "it has another target", now);

  // A look that is under way does not cover the new VIPs: its answer is not waited for, and counts for nothing.
  looking_ = false;
  look_is_first_ = look_wanted_ = plan_ = plan_routes_ = true;
  if (rewired) {
    reading_router_ = router_answered_ = false;
    rewired_after_ = router_read_sequence_ + 1;
    read_router_at(now);
  }
  dirty_.clear();
  mark_all_dirty();
  Reconfigured done{{}, rewired};
  for (const std::size_t probe : former.remade) done.remade.push_back(ids_[probe]);
  return done;
}

Controller::Former Controller::take_apart(Config config) {
  Former former;
  former.timers_at = key(Timer::audit);
  former.vips = vips_of(config);
  for (std::size_t index = 0; index < services_.size(); ++index) {
    const ServiceRun& run = services_[index].run;
    if (!run.departs()) former.by_name[run.spec().name] = index;
    if (run.is_by_address()) former.by_address.insert(run.spec().vips.begin(), run.spec().vips.end());
  }
  former.services = std::exchange(services_, {});
  former.kept.resize(probes_.size());
  former.probes = std::exchange(probes_, {});
  former.ids = std::exchange(ids_, {});
  former.timers = std::exchange(timers_, {});
  service_of_.clear();
  owner_.clear();
  config_ = std::move(config);
  return former;
}

void Controller::take_service(const ServiceSpec& spec, Former& former, TimePoint now) {
  const auto named = former.by_name.find(spec.name);
  ServiceEntry* const old = named == former.by_name.end() ? nullptr : &former.services[named->second];
  const std::size_t first_probe = probes_.size();
  bool doubted = false;
  for (const ProbeSpec& probe : spec.probes) {
    service_of_.push_back(services_.size());
    const bool turned = take_probe(probe, spec.name, old, former, now);
    const bool grades = probe.role == Role::degrade && has_degraded(spec.announce);
    doubted = doubted || (turned && (probe.role == Role::gate || grades));
  }
  for (const Vip& vip : spec.vips) owner_[vip] = services_.size();
  const Since since{look_sequence_ + 1, router_read_sequence_ + 1};
  const bool by_address =
      std::ranges::any_of(spec.vips, [&](const Vip& vip) { return former.by_address.contains(vip); });
  if (old == nullptr) {
    services_.push_back({ServiceRun(spec, now, since, by_address), first_probe});
    return;
  }
  depart(old->run, former, now);
  const std::vector<Vip>& had = old->run.spec().vips;
  const bool gains = std::ranges::any_of(
      spec.vips, [&](const Vip& vip) { return std::ranges::find(had, vip) == had.end(); });
  if (old->run.spec() != spec) old->run.reconfigure(spec, since, by_address, now);
  services_.push_back({std::move(old->run), first_probe});
  const Health health = compose_service(services_.size() - 1).health;
  if (doubted && health != Health::unhealthy) services_.back().run.doubt(now);
  if (gains && health == Health::unknown) services_.back().run.take_over(now);
  former.by_name.erase(named);
}

// True where it is not known any more what was known.
bool Controller::take_probe(const ProbeSpec& spec, const std::string& service, const ServiceEntry* old,
                            Former& former, TimePoint now) {
  const std::size_t index = probes_.size();
  std::size_t before = former.probes.size();
  if (old != nullptr) {
    const std::vector<ProbeSpec>& probes = old->run.spec().probes;
    const auto found = std::ranges::find(probes, spec.name, &ProbeSpec::name);
    if (found != probes.end()) before = old->first_probe + static_cast<std::size_t>(found - probes.begin());
  }
  if (before == former.probes.size()) {
    ids_.push_back(kNoId);  // give_ids() finds one
    former.remade.push_back(index);
    former.due.push_back(probes_.emplace_back(spec, service).begin(now));
    return true;
  }
  ProbeRun& run = former.probes[before];
  ids_.push_back(former.ids[before]);
  former.kept[before] = true;
  if (!is_same_attempt(run.spec(), spec)) {
    cancel(run, ids_.back());
    former.remade.push_back(index);
  }
  if (is_same_target(run.spec(), spec)) {
    const bool same = run.spec() == spec;
    probes_.push_back(std::move(run));
    const auto due = former.timers.due(static_cast<Timers::Key>(before));
    former.due.push_back(same ? due.value_or(now) : probes_.back().reconfigure(spec, now));
    return false;
  }
  const HealthTracker& tracker = run.tracker();
  if (tracker.output() != HealthTracker::Output::unknown)
    former.turned.push_back({index, {tracker.output(), tracker.degraded(), tracker.pending()}});
  former.due.push_back(probes_.emplace_back(spec, service).begin(now));
  return true;
}

void Controller::cancel(ProbeRun& probe, ProbeId id) {
  if (probe.state() != ProbeRun::State::running) return;
  effects_.emplace_back(effect::CancelProbe{probe.run(), id});
  probe.stop();
  --running_;
}

// Those of its VIPs that the configuration has no more leave on their own.
void Controller::depart(const ServiceRun& run, Former& former, TimePoint now) {
  if (run.gone()) return;
  std::vector<Vip> leaving;
  std::ranges::copy_if(run.spec().vips, std::back_inserter(leaving),
                       [&](const Vip& vip) { return !former.vips.contains(vip); });
  if (leaving.empty()) return;
  former.departing.push_back({run, 0});
  former.departing.back().run.depart(std::move(leaving), {look_sequence_ + 1, router_read_sequence_ + 1},
                                     now);
}

void Controller::take_departing(Former& former, TimePoint now) {
  for (const ServiceEntry& entry : former.services) {
    if (entry.run.departs() || former.by_name.contains(entry.run.spec().name)) depart(entry.run, former, now);
  }
  for (ServiceEntry& entry : former.departing) {
    for (const Vip& vip : entry.run.spec().vips) owner_[vip] = services_.size();
    entry.first_probe = probes_.size();
    services_.push_back(std::move(entry));
  }
}

// New probes get ids that nobody has any more, the lowest first.
void Controller::give_ids(Former& former) {
  for (std::size_t index = 0; index < former.probes.size(); ++index) {
    if (!former.kept[index]) cancel(former.probes[index], former.ids[index]);
  }
  const auto mark_used = [&](std::size_t index) {
    const auto id = static_cast<std::size_t>(ids_[index]);
    if (probe_at_.size() <= id) probe_at_.resize(id + 1, kNoProbe);
    probe_at_[id] = index;
  };
  std::ranges::fill(probe_at_, kNoProbe);
  for (std::size_t index = 0; index < probes_.size(); ++index) {
    if (ids_[index] != kNoId) mark_used(index);
  }
  std::uint32_t next = 0;
  for (std::size_t index = 0; index < probes_.size(); ++index) {
    if (ids_[index] != kNoId) continue;
    while (next < probe_at_.size() && probe_at_[next] != kNoProbe) ++next;
    ids_[index] = ProbeId{next};
    mark_used(index);
  }
}

// Those of services are set when they are evaluated.
void Controller::take_timers(const Former& former) {
  constexpr auto kCount = static_cast<std::size_t>(Timer::count);
  timers_.resize(probes_.size() + services_.size() + kCount);
  for (std::size_t index = 0; index < probes_.size(); ++index)
    timers_.set(static_cast<Timers::Key>(index), former.due[index]);
  for (std::size_t timer = 0; timer < kCount; ++timer) {
    const auto due = former.timers.due(static_cast<Timers::Key>(former.timers_at + timer));
    if (due) timers_.set(key(static_cast<Timer>(timer)), *due);
  }
}

// A VIP that has moved takes what is on its way for it along.
void Controller::assign_steps_in_flight() {
  for (ServiceEntry& service : services_) service.run.forget_in_flight();
  for (const auto& [id, step] : reconciler_.steps_in_flight()) {
    if (const auto owned = owner_.find(step.key.vip); owned != owner_.end())
      services_[owned->second].run.expect(IssuedStep{id, step});
  }
  for (const IssuedRouteStep& issued : routes_.in_flight()) {
    if (const auto owned = owner_.find(issued.step.vip); owned != owner_.end())
      services_[owned->second].run.expect(issued);
  }
}

}  // namespace herald
