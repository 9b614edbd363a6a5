#include "sidecar/core/service/record.h"

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

}  // namespace

effect::Transition ServiceRecord::turned(std::string service, Subject subject, std::string_view from,
                                         std::string_view to, std::string why, TimePoint now) {
  const TimePoint before = std::exchange(since_[static_cast<std::size_t>(subject)], now);
  effect::Transition transition{
      now, std::move(service), "", std::string(from), std::string(to), std::move(why), subject, now - before};
  keep_last(transitions_, transition, kKeptTransitions);
  return transition;
}

void ServiceRecord::issued(const Vip& vip, std::string step, TimePoint now) {
  keep_last(steps_, Kept{vip, {now, std::move(step), std::nullopt}}, kKeptSteps);
}

void ServiceRecord::finished(const Vip& vip, std::string_view step, const RouteOutcome& outcome) {
  for (Kept& kept : steps_) {
    if (!kept.shown.outcome && kept.vip == vip && kept.shown.text == step) kept.shown.outcome = outcome;
  }
}

std::deque<StepRecord> ServiceRecord::steps() const {
  std::deque<StepRecord> steps;
  for (const Kept& kept : steps_) steps.push_back(kept.shown);
  return steps;
}

}  // namespace herald
