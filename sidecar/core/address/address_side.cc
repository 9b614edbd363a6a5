#include "sidecar/core/address/address_side.h"

#include <algorithm>
#include <utility>

namespace herald {
namespace {

// A look sees everything, and most of it is as it was: with a thousand services, judging them all anew at each
// change of one would cost a thousand times the work.
void add_changes(const ObservedIndex& here, const ObservedIndex& there, std::vector<Vip>& changed) {
  for (const auto& [key, address] : here) {
    const auto other = there.find(key);
    if (other == there.end() || other->second.ours != address.ours) changed.push_back(key.vip);
  }
}

}  // namespace

void AddressSide::wishes_changed() {
  if (planning_ == Planning::as_planned) planning_ = Planning::to_plan;
}

void AddressSide::reconfigured() {
  looks_.restart();
  is_first_ = true;
  wishes_changed();
}

AddressSide::Seen AddressSide::observed(std::uint64_t sequence,
                                        const std::expected<Observation, std::string>& observation,
                                        TimePoint now) {
  if (sequence != looks_.latest() || !looks_.is_under_way()) return {};
  if (!observation) {
    problem_ = observation.error();
    looks_.failed(now);
    reconciler_.look_failed();
    if (looks_.seen() > 0) wishes_changed();
    return {.answer = Seen::Answer::failed, .is_first = false, .changed = {}};
  }
  problem_.reset();
  looks_.succeeded();
  Seen seen{.answer = Seen::Answer::taken, .is_first = std::exchange(is_first_, false), .changed = {}};
  for (const AddressKey& key : std::exchange(removed_, {})) seen.changed.push_back(key.vip);
  observation_ = *observation;
  ObservedIndex addresses;
  for (const ObservedAddress& address : observation_.addresses) addresses[address.key] = address;
  add_changes(addresses, addresses_, seen.changed);
  add_changes(addresses_, addresses, seen.changed);
  addresses_ = std::move(addresses);
  planning_ = Planning::at_once;
  return seen;
}

std::optional<Step> AddressSide::finished(StepId id, const StepOutcome& outcome, TimePoint now) {
  std::optional<Step> step = reconciler_.finished(id, looks_.latest());
  if (!step) return std::nullopt;
  looks_.want();
  if (!outcome) reconciler_.failed(*step);
  if (outcome == Applied::done) claim(*step, now, observation_);  // else it may be somebody else's
  if (outcome && step->kind == Step::Kind::remove) removed_.insert(step->key);
  // The kernel has marked what was there: nothing else of it is new.
  const auto adopted = step->kind == Step::Kind::adopt ? addresses_.find(step->key) : addresses_.end();
  if (outcome == Applied::done && adopted != addresses_.end()) adopted->second.ours = true;
  return step;
}

void AddressSide::wake(TimePoint now) {
  looks_.wake(now);
  if (!plan_at_ || *plan_at_ > now) return;
  plan_at_.reset();
  looks_.want();  // planning waits for it
  wishes_changed();
}

bool AddressSide::may_plan() const {
  if (planning_ == Planning::as_planned || looks_.seen() == 0) return false;
  return planning_ == Planning::at_once || looks_.rests() || looks_.fail();
}

std::vector<IssuedStep> AddressSide::plan(std::span<const DesiredAddress> desired, TimePoint now) {
  planning_ = Planning::as_planned;
  std::vector<IssuedStep> steps = reconciler_.plan(desired, observation_, looks_.seen(), now);
  plan_at_ = reconciler_.next_wakeup();
  return steps;
}

std::optional<IssuedStep> AddressSide::adopt(const AddressKey& key, std::optional<Duration> lease) {
  const auto found = addresses_.find(key);
  if (found == addresses_.end() || found->second.ours) return std::nullopt;
  return reconciler_.issue({Step::Kind::adopt, key, lease});
}

TimePoint AddressSide::next_due() const {
  return std::min(looks_.next_due(), plan_at_.value_or(TimePoint::max()));
}

std::vector<Step> AddressSide::difference(std::span<const DesiredAddress> desired, TimePoint now) const {
  if (looks_.seen() == 0) return {};
  std::vector<Step> steps = reconcile(desired, observation_, now);
  std::erase_if(steps, [](const Step& step) { return step.kind == Step::Kind::refresh; });
  return steps;
}

bool AddressSide::is_up_to_date() const {
  return !looks_.is_under_way() && !looks_.fail() && !reconciler_.in_flight() &&
         looks_.seen() > reconciler_.needs_look_after();
}

bool AddressSide::is_done() const {
  return is_up_to_date() && !plan_at_;
}

bool AddressSide::is_handed_over(std::span<const DesiredAddress> desired, TimePoint now) const {
  if (!is_up_to_date() || !looks_.rests()) return false;
  return std::ranges::none_of(reconciler_.open(desired, observation_, now),
                              [](const Step& step) { return step.kind == Step::Kind::refresh; });
}

}  // namespace herald
