// What the controller shows of itself.
#include <utility>

#include "sidecar/core/controller.h"

namespace herald {

bool is_as_wanted(const ServiceSnapshot& service) {
  if (service.admin.state == AdminState::drain && service.admin.who == kByHerald && !service.leaving)
    return false;
  if (service.admin.state == AdminState::drain)
    return service.state == ServiceState::withdrawn && !service.problem;
  return service.state == ServiceState::announced && service.health == Health::healthy && !service.problem;
}

std::vector<Vip> Controller::vips() const {
  std::vector<Vip> all;
  for (const ServiceEntry& service : services_) {
    if (service.run.gone()) continue;
    const std::vector<Vip>& vips = service.run.spec().vips;
    all.insert(all.end(), vips.begin(), vips.end());
  }
  return all;
}

std::vector<Vip> Controller::leaving() const {
  std::vector<Vip> all;
  for (const ServiceEntry& service : services_) {
    if (!service.run.is_leaving() || service.run.gone()) continue;
    all.insert(all.end(), service.run.spec().vips.begin(), service.run.spec().vips.end());
  }
  return all;
}

std::vector<ProbeId> Controller::probes_of(std::string_view service) const {
  std::vector<ProbeId> all;
  for (const ServiceEntry& entry : services_) {
    if (entry.run.spec().name != service) continue;
    for (std::size_t offset = 0; offset < entry.run.spec().probes.size(); ++offset)
      all.push_back(fleet_.id(entry.first_probe + offset));
  }
  return all;
}

std::vector<AddressKey> Controller::foreign_addresses(std::string_view service) const {
  std::vector<AddressKey> all;
  const auto index = find_service(std::string(service));
  const ObservedIndex* const seen = address_.seen();
  if (!index || seen == nullptr || !services_[*index].run.manages_vip()) return all;
  for (const Vip& vip : services_[*index].run.spec().vips) {
    for (auto one = seen->lower_bound({vip, ""}); one != seen->end() && one->first.vip == vip; ++one)
      if (!one->second.ours) all.push_back(one->first);
  }
  return all;
}

Controller::Plan Controller::plan(TimePoint now) const {
  Plan plan{address_.difference(desired_addresses(), now), route_.difference(desired_routes()), {}};
  for (const ServiceEntry& service : services_) {
    if (const Problem blame = service.run.blame()) plan.blames[service.run.spec().name] = *blame;
  }
  return plan;
}

Snapshot Controller::snapshot(TimePoint now, Records records) const {
  Snapshot shown;
  shown.at = now;
  shown.stack = config_.router.stack;
  shown.fallback = config_.router.fallback;
  shown.fast_withdraw = config_.router.fast_withdraw;
  shown.stopping = stopping_;
  shown.observe_error = address_.problem();
  if (brake_.until()) shown.brake = BrakeSnapshot{*brake_.until(), brake_.why()};
  shown.router = route_.view();
  shown.router_read_at = route_.read_at();
  for (const auto& [address, entry] : peers_.entries())
    shown.peers.push_back({address, entry.since, entry.losses});
  shown.counts = counts_;
  for (const ServiceEntry& service : services_) {
    if (service.run.gone()) continue;
    ServiceSnapshot one = service.run.snapshot(sight(), now, records);
    for (std::size_t offset = 0; offset < service.run.spec().probes.size(); ++offset)
      one.probes.push_back(fleet_.run(service.first_probe + offset).snapshot());
    shown.services.push_back(std::move(one));
  }
  return shown;
}

}  // namespace herald
