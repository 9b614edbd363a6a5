// The rules for a reload: what it does not mention goes on as if nothing had happened, and what is no more leaves in order.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sidecar/core/route/policy.h"
#include "tests/sim/invariants.h"

namespace herald::sim {
namespace {

template <typename Spec>
const Spec* named(const std::vector<Spec>& specs, const std::string& name) {
  const auto found = std::ranges::find(specs, name, &Spec::name);
  return found == specs.end() ? nullptr : &*found;
}

bool asks_the_same(const ProbeSpec& a, const ProbeSpec& b) {
  return a.type == b.type && a.settings == b.settings && a.socket == b.socket &&
         a.thresholds.invert == b.thresholds.invert;
}

// All that a service shows, to the time of the next attempts.
std::string text_of(const ServiceSnapshot& service) {
  std::string text = fmt::format("{} {} {} {}", name_of(service.state), name_of(service.health),
                                 service.reason, service.transitions.size());
  for (const ProbeSnapshot& probe : service.probes) {
    text += fmt::format(" {} {} {} {} {} {}", name_of(probe.state), probe.passes, probe.failures, probe.runs,
                        probe.last.detail, probe.next_run.value_or(TimePoint{}).time_since_epoch().count());
  }
  return text;
}

bool gates_known(const ServiceSpec& spec, std::span<const ProbeRules> probes) {
  std::size_t gates = 0, up = 0, down = 0;
  for (const ProbeRules& probe : probes) {
    if (probe.spec().role != Role::gate) continue;
    ++gates;
    if (probe.known() == ProbeRules::Output::up) ++up;
    if (probe.known() == ProbeRules::Output::down) ++down;
  }
  return judge_gates(spec.require, gates, up, down) != ServiceRules::Gates::unknown;
}

}  // namespace

void Invariants::before_reload(const Config& next, const Controller& controller, TimePoint now) {
  untouched_.clear();
  for (const ServiceSnapshot& shown : controller.snapshot(now).services) {
    const ServiceSpec* spec = named(next.services, shown.name);
    const ServiceSpec* before = named(controller.config().services, shown.name);
    if (spec != nullptr && before != nullptr && *spec == *before) untouched_[shown.name] = text_of(shown);
  }
  note_departures(next, now);
}

void Invariants::note_departures(const Config& next, TimePoint now) {
  std::set<Vip> stay;
  for (const ServiceSpec& service : next.services) stay.insert(service.vips.begin(), service.vips.end());
  for (Leaver& one : leavers_) std::erase_if(one.vips, [&](const Vip& vip) { return stay.contains(vip); });
  for (const ServiceEntry& service : services_) {
    const ServiceSpec& spec = service.rules.spec();
    Leaver one{spec, {}, now};
    // What is not there, as far as anybody knows, has nothing to show: if it comes about after all, it goes at once.
    const bool is_there = !routes_.owned() || std::ranges::any_of(spec.vips, [&](const Vip& vip) {
      return routes_.owned()->contains(vip) || routes_.in_flight(vip);
    });
    if (is_there && service.rules.claim() != ServiceRules::Claim::unwanted && has_draining(spec.announce))
      one.drained_at = std::max(service.rules.drained_at(now), now);
    for (const Vip& vip : spec.vips) leaving_[vip] = std::max(service.rules.drain_ends(), now);
    for (const Vip& vip : spec.vips) {
      if (service.rules.routes() && !stay.contains(vip)) one.vips.insert(vip);
    }
    if (!one.vips.empty()) leavers_.push_back(std::move(one));
  }
}

void Invariants::after_reload(const Config& next, const Controller& controller, bool rewired, TimePoint now) {
  std::set<Vip> by_address;
  for (const ServiceEntry& service : services_) {
    const ServiceSpec& spec = service.rules.spec();
    if (service.rules.is_by_address()) by_address.insert(spec.vips.begin(), spec.vips.end());
  }
  const std::vector<ServiceEntry> services = std::exchange(services_, {});
  std::vector<ProbeRules> probes = std::exchange(probes_, {});
  std::vector<bool> kept(probes.size());
  const auto note_cancelled = [this](const ProbeRules& probe) {
    for (const RunId run : probe.not_cancelled()) to_cancel_.insert(run);
  };
  for (const ServiceSpec& spec : next.services) {
    const auto old = std::ranges::find_if(
        services, [&](const ServiceEntry& entry) { return entry.rules.spec().name == spec.name; });
    ServiceEntry entry{old == services.end() ? ServiceRules(spec, now) : old->rules, probes_.size()};
    if (old == services.end()) entry.rules.await_read();
    const bool graded = has_degraded(spec.announce);
    bool doubted = false;
    for (const ProbeSpec& probe : spec.probes) {
      const ProbeSpec* before = old == services.end() ? nullptr : named(old->rules.spec().probes, probe.name);
      if (before == nullptr) {
        doubted = doubted || probe.role == Role::gate || (probe.role == Role::degrade && graded);
        probes_.emplace_back(probe, fmt::format("{}/{}", spec.name, probe.name), now);
        continue;
      }
      const std::size_t at =
          old->first_probe + static_cast<std::size_t>(before - old->rules.spec().probes.data());
      const bool turned = !asks_the_same(*before, probe);
      kept[at] = !turned && before->timing.timeout == probe.timing.timeout;
      doubted = doubted || (turned && (probe.role == Role::gate || (probe.role == Role::degrade && graded)));
      if (!kept[at]) note_cancelled(probes[at]);
      if (!kept[at]) probes[at].given_up();
      probes[at].reconfigured(probe, turned, now);
      kept[at] = true;
      probes_.push_back(std::move(probes[at]));
    }
    const bool known = gates_known(spec, std::span(probes_).subspan(entry.first_probe));
    if (old != services.end()) entry.rules.reconfigured(spec, doubted, known, now);
    const bool moves =
        std::ranges::any_of(spec.vips, [&](const Vip& vip) { return by_address.contains(vip); });
    if (moves && (old == services.end() || entry.rules.awaits_read())) entry.rules.move();
    services_.push_back(std::move(entry));
  }
  for (std::size_t index = 0; index < probes.size(); ++index) {
    if (!kept[index]) note_cancelled(probes[index]);
  }
  index_of_.clear();
  for (std::size_t index = 0; index < probes_.size(); ++index) index_of_[controller.probe_id(index)] = index;
  require(index_of_.size() == probes_.size(), "two probes have one id");
  steps_.look_given_up();
  if (rewired) routes_.read_given_up();
  lacking_since_.clear();
  routes_.stalled();
  trouble(now);  // leases are others
  for (const ServiceSnapshot& shown : controller.snapshot(now).services) {
    const auto before = untouched_.find(shown.name);
    require(before == untouched_.end() || before->second == text_of(shown),
            fmt::format("{} is not mentioned by the reload, and is another", shown.name));
  }
}

void Invariants::note_losses(TimePoint now) {
  for (Leaver& one : leavers_) {
    for (const Vip& vip : one.vips) {
      if (!routes_.owned()->contains(vip)) one.lost.try_emplace(vip, now);
      if (routes_.owned()->contains(vip)) one.lost.erase(vip);
    }
    const auto is_lost = [&](const Vip& vip) { return one.lost.contains(vip); };
    if (std::ranges::all_of(one.vips, is_lost)) one.drained_at = std::min(one.drained_at, now);
  }
}

const Invariants::Leaver* Invariants::leaver(const Vip& vip) const {
  const auto found =
      std::ranges::find_if(leavers_, [&](const Leaver& one) { return one.vips.contains(vip); });
  return found == leavers_.end() ? nullptr : &*found;
}

void Invariants::check_departing(const Vip& vip, const RouteStep& step, TimePoint now) const {
  const Leaver* one = leaver(vip);
  const auto check = [&](bool holds, std::string_view rule) {
    if (!holds) throw Violation(fmt::format("route \"{}\": {}", to_string(step), rule));
  };
  if (!step.policy) {
    return check(one == nullptr || stopped_at_ || now >= one->drained_at,
                 "withdrawn before drain.delay was over");
  }
  check(one != nullptr, "nobody is configured to announce it");
  check(!stopped_at_ && now < one->drained_at, "it is to be withdrawn");
  check(*step.policy == policy_of(one->spec, Grade::draining), "with a policy that is not that of its drain");
  check(routes_.owned()->contains(vip), "announced anew though it is no more");
}

void Invariants::check_departing(const Step& step, TimePoint now) const {
  const Leaver* one = leaver(step.key.vip);
  if (one != nullptr && step.kind == Step::Kind::refresh) return;  // of a lease from before it had a route
  const auto drains = leaving_.find(step.key.vip);  // since before it was announced by its address again
  if (drains != leaving_.end() && now < drains->second && step.kind == Step::Kind::refresh) return;
  require(step.kind == Step::Kind::remove, "a VIP that is not configured was not removed");
  if (one == nullptr || !one->spec.announce.manage_vip || step.key.interface != one->spec.announce.interface)
    return;
  // Nobody would look any more at what the router makes of it.
  if (goes_by_itself(one->spec) || routes_.is_exposed(step.key.vip) || routes_.has_import(step.key.vip))
    return;
  require(!routes_.owned()->contains(step.key.vip), "the VIP of a route was removed before the route");
  const auto lost = one->lost.find(step.key.vip);
  const auto gone = routes_.unowned_since(step.key.vip);
  require(
      now >= gone.value_or(lost == one->lost.end() ? one->drained_at : lost->second) + one->spec.drain.linger,
      "a VIP that is no more was removed before it had lingered");
}

}  // namespace herald::sim
