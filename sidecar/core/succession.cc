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

// Its health, or its grade, is by a probe of which it is not known any more what was known.
bool is_doubted(const ServiceSpec& spec, const std::vector<bool>& doubted, std::size_t first_probe) {
  for (std::size_t offset = 0; offset < spec.probes.size(); ++offset) {
    const Role role = spec.probes[offset].role;
    const bool grades = role == Role::degrade && has_degraded(spec.announce);
    if (doubted[first_probe + offset] && (role == Role::gate || grades)) return true;
  }
  return false;
}

std::set<Vip> vips_of(const Config& config) {
  std::set<Vip> vips;
  for (const ServiceSpec& service : config.services) vips.insert(service.vips.begin(), service.vips.end());
  return vips;
}

}  // namespace

// What there was, while it is taken apart.
struct Controller::Former {
  std::vector<ServiceEntry> services;
  std::map<std::string, std::size_t> by_name;  // of the services that were configured
  Timers timers;
  std::set<Vip> vips;        // of the new configuration
  std::set<Vip> by_address;  // that are announced by their addresses alone
  std::vector<ServiceEntry> leaving;
};

Controller::Reconfigured Controller::configure(Config config, TimePoint now) {
  assert(!stopping_ && config.router.stack == config_.router.stack && !fleet_.is_asked());
  finish_expired(now);
  const bool rewired = config.router.stack != Stack::none && !is_wired_alike(config_, config);
  Former former = take_apart(std::move(config));
  ProbeFleet::Reconfigured probes = take_probes(former, now);
  for (const ServiceSpec& spec : config_.services) take_service(spec, probes.doubted, former, now);
  take_leaving(former, now);
  take_timers(former);
  assign_steps_in_flight();
  emit(std::move(probes.effects));
  std::set<Vip> owned;
  for (const auto& [vip, service] : owner_) owned.insert(vip);
  route_.reconfigure(config_.router, owned, rewired, now);
  address_.reconfigured();
  dirty_.clear();
  touch_all();
  return {std::move(probes.remade), rewired};
}

Controller::Former Controller::take_apart(Config config) {
  Former former;
  former.vips = vips_of(config);
  for (std::size_t index = 0; index < services_.size(); ++index) {
    const ServiceRun& run = services_[index].run;
    if (!run.is_leaving()) former.by_name[run.spec().name] = index;
    if (run.is_by_address()) former.by_address.insert(run.spec().vips.begin(), run.spec().vips.end());
  }
  former.timers = std::exchange(timers_, {});
  former.services = std::exchange(services_, {});
  owner_.clear();
  config_ = std::move(config);
  return former;
}

ProbeFleet::Reconfigured Controller::take_probes(const Former& former, TimePoint now) {
  std::vector<ProbeFleet::Wanted> wanted;
  std::vector<std::string> names;
  for (const ServiceSpec& spec : config_.services) {
    const auto named = former.by_name.find(spec.name);
    const ServiceEntry* const old = named == former.by_name.end() ? nullptr : &former.services[named->second];
    for (const ProbeSpec& probe : spec.probes) {
      wanted.push_back({&probe, names.size(), std::nullopt});
      if (old == nullptr) continue;
      const std::vector<ProbeSpec>& probes = old->run.spec().probes;
      const auto found = std::ranges::find(probes, probe.name, &ProbeSpec::name);
      if (found != probes.end())
        wanted.back().before = old->first_probe + static_cast<std::size_t>(found - probes.begin());
    }
    names.push_back(spec.name);
  }
  return fleet_.reconfigure(wanted, std::move(names), now);
}

// `doubted`: the probes of which it is not known any more what was known.
void Controller::take_service(const ServiceSpec& spec, const std::vector<bool>& doubted, Former& former,
                              TimePoint now) {
  const std::size_t first_probe =
      services_.empty() ? 0 : services_.back().first_probe + services_.back().run.spec().probes.size();
  for (const Vip& vip : spec.vips) owner_[vip] = services_.size();
  const bool by_address =
      std::ranges::any_of(spec.vips, [&](const Vip& vip) { return former.by_address.contains(vip); });
  const auto named = former.by_name.find(spec.name);
  if (named == former.by_name.end()) {
    services_.push_back({ServiceRun(spec, now, since(), by_address), first_probe});
    return;
  }
  ServiceRun& run = former.services[named->second].run;
  leave(run, former, now);
  const std::vector<Vip>& had = run.spec().vips;
  const bool gains = std::ranges::any_of(
      spec.vips, [&](const Vip& vip) { return std::ranges::find(had, vip) == had.end(); });
  if (run.spec() != spec) run.reconfigure(spec, since(), by_address, now);
  services_.push_back({std::move(run), first_probe});
  const Health health = compose_service(services_.size() - 1).health;
  if (is_doubted(spec, doubted, first_probe) && health != Health::unhealthy) services_.back().run.doubt(now);
  if (gains && health == Health::unknown) services_.back().run.take_over(now);
  former.by_name.erase(named);
}

// Those of its VIPs that the configuration has no more leave on their own.
void Controller::leave(const ServiceRun& run, Former& former, TimePoint now) {
  if (run.gone()) return;
  std::vector<Vip> leaving;
  std::ranges::copy_if(run.spec().vips, std::back_inserter(leaving),
                       [&](const Vip& vip) { return !former.vips.contains(vip); });
  if (leaving.empty()) return;
  former.leaving.push_back({run, 0});
  former.leaving.back().run.leave(std::move(leaving), since(), now);
}

void Controller::take_leaving(Former& former, TimePoint now) {
  for (const ServiceEntry& entry : former.services) {
    if (entry.run.is_leaving() || former.by_name.contains(entry.run.spec().name))
      leave(entry.run, former, now);
  }
  for (ServiceEntry& entry : former.leaving) {
    for (const Vip& vip : entry.run.spec().vips) owner_[vip] = services_.size();
    entry.first_probe = fleet_.size();
    services_.push_back(std::move(entry));
  }
}

// Those of services are set when they are evaluated.
void Controller::take_timers(const Former& former) {
  constexpr auto kCount = static_cast<std::size_t>(Timer::count);
  timers_.resize(services_.size() + kCount);
  for (std::size_t timer = 0; timer < kCount; ++timer) {
    const auto due = former.timers.due(static_cast<Timers::Key>(former.services.size() + timer));
    if (due) timers_.set(key(static_cast<Timer>(timer)), *due);
  }
}

// A VIP that has moved takes what is on its way for it along.
void Controller::assign_steps_in_flight() {
  for (ServiceEntry& service : services_) service.run.forget_in_flight();
  for (const auto& [id, step] : address_.in_flight()) {
    if (ServiceRun* const owner = find_owner(step.key.vip)) owner->expect(IssuedStep{id, step});
  }
  for (const IssuedRouteStep& issued : route_.in_flight()) {
    if (ServiceRun* const owner = find_owner(issued.step.vip)) owner->expect(issued);
  }
}

}  // namespace herald
