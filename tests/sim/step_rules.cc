#include "tests/sim/step_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace herald::sim {
namespace {

// A probe that flips every 100 ms makes ten steps a second; nothing in these worlds makes more.
constexpr std::size_t kMostStepsASecond = 30;

}  // namespace

void StepRules::look_begun(std::uint64_t sequence, TimePoint now) {
  require(!looking_, "two looks in flight");
  require(sequence > begun_, "a look's sequence goes back");
  begun_ = sequence;
  begun_at_ = now;
  looking_ = true;
}

void StepRules::look_given_up() {
  if (looking_) given_up_ = begun_;
  looking_ = false;
}

void StepRules::looked(const event::Observed& event, TimePoint now) {
  if (!counts(event)) return;
  looking_ = false;
  look_failed_ = !event.observation.has_value();
  if (look_failed_) return believe_claims();
  claims_.clear();
  shown_by_ = event.sequence;
  shown_as_of_ = begun_at_;
  looked_at_ = now;
  shown_.emplace();
  for (const ObservedAddress& address : event.observation->addresses) {
    (*shown_)[address.key] = address;
    shown_since_.try_emplace(address.key, now);
  }
  std::erase_if(shown_since_, [&](const auto& entry) { return !shown_->contains(entry.first); });
}

void StepRules::believe_claims() {
  ended_after_.clear();
  if (!shown_) return;
  for (const auto& [step, at] : std::exchange(claims_, {})) {
    const auto found = shown_->find(step.key);
    if (step.kind == Step::Kind::remove) {
      shown_->erase(step.key);
      shown_since_.erase(step.key);
    } else if (found == shown_->end() || found->second.ours) {
      ObservedAddress address{step.key, true, std::nullopt};
      if (step.lease) address.expires = at + *step.lease;
      (*shown_)[step.key] = address;
    }
  }
}

bool StepRules::in_flight(const AddressKey& key) const {
  return std::ranges::any_of(in_flight_, [&](const auto& entry) { return entry.second.key == key; });
}

const ObservedAddress* StepRules::find(const AddressKey& key) const {
  if (!shown_) return nullptr;
  const auto found = shown_->find(key);
  return found == shown_->end() ? nullptr : &found->second;
}

const ObservedAddress* StepRules::find_seen(const AddressKey& key) const {
  return shown_since_.contains(key) ? find(key) : nullptr;
}

bool StepRules::is_seen_anywhere(const Vip& vip) const {
  return std::ranges::any_of(
      shown_since_, [&](const auto& entry) { return entry.first.vip == vip && find(entry.first)->ours; });
}

std::optional<TimePoint> StepRules::stands_since(const AddressKey& key) const {
  const ObservedAddress* address = find(key);
  const auto since = shown_since_.find(key);
  if (address == nullptr || !address->ours || since == shown_since_.end()) return std::nullopt;
  return since->second;
}

void StepRules::issued(const effect::Apply& apply, TimePoint now) {
  const Step& step = apply.step;
  const auto check = [&](bool holds, std::string_view rule) {
    if (!holds) throw Violation(fmt::format("step \"{}\": {}", to_string(step), rule));
  };
  check(has_looked(), "before anything was looked at");
  check(!in_flight(step.key), "one for the same address is in flight");
  const auto ended = ended_after_.find(step.key);
  check(ended == ended_after_.end() || shown_by_ > ended->second,
        "no look was begun since its last step ended");
  check(look_failed_ || shown_by_ > changed_after_ || looked_at_ == now,
        "planned from a look that is known to be out of date");
  const ObservedAddress* address = find(step.key);
  if (step.kind == Step::Kind::add) {
    const bool expired = address != nullptr && address->ours && address->expires && *address->expires <= now;
    check(address == nullptr || expired, "the last look showed it there");
  } else {
    check(address != nullptr, "the last look did not show it");
    check(address->ours, "it is not herald's");
    check(step.kind != Step::Kind::refresh || find_seen(step.key) != nullptr, "it was never seen");
    check(step.kind != Step::Kind::refresh || !address->expires || *address->expires > now,
          "it brings back what ran out");
  }
  in_flight_.emplace(apply.id, step);
  check_rate(step.key, now);
}

void StepRules::check_rate(const AddressKey& key, TimePoint now) {
  std::deque<TimePoint>& recent = recent_[key];
  recent.push_back(now);
  if (recent.size() <= kMostStepsASecond) return;
  require(now - recent.front() > 1s,
          fmt::format("{}: more than {} steps in a second", key.vip.prefix, kMostStepsASecond));
  recent.pop_front();
}

void StepRules::finished(const event::StepFinished& event, TimePoint now) {
  const auto found = in_flight_.find(event.id);
  if (found == in_flight_.end()) return;
  ended_after_[found->second.key] = begun_;
  if (event.outcome == Applied::done) claims_.emplace_back(found->second, now);
  in_flight_.erase(found);
}

}  // namespace herald::sim
