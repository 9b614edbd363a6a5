#include "sidecar/core/route/fast_withdraw.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace herald {
namespace {

constexpr std::size_t kEditsOfDenial = 2;  // and its end

const FastSlot& slot_of(const Vip& vip, const FastView& view) {
  return view.slots.at(vip.prefix.contains(':') ? 1 : 0);
}

}  // namespace

std::string to_string(const DenialStep& step) {
  return step.deny ? fmt::format("deny {} to the peers", step.vip.prefix)
                   : fmt::format("lift the denial of {}", step.vip.prefix);
}

void FastWithdraw::reconfigure(const RouterSpec& router) {
  is_on_ = router.fast_withdraw;
  most_routes_ = router.fast_withdraw_max_routes;
}

void FastWithdraw::read(const FastView& view, std::uint64_t sequence) {
  if (sequence > known_after_) held_ = view.denied;
}

std::vector<DenialStep> FastWithdraw::plan(std::span<const VipStanding> standings, const RouterView& view,
                                           const OwnedRoutes& owned, std::uint64_t sequence, TimePoint now) {
  waits_ = false;
  wakeup_.reset();
  lifts_.forget_settled(held_, sequence, now);
  std::set<Vip> departed;
  std::set<Vip> orphans = held_;
  for (const VipStanding& one : standings) {
    orphans.erase(one.vip);
    const bool is_held = held_.contains(one.vip);
    const bool is_wanted = one.want != Want::absent && one.want != Want::hold;
    const bool is_gone = one.want == Want::absent && one.kind == VipStanding::Kind::free;
    if (is_held && (is_wanted || is_gone)) lift(one.vip, sequence, now);
    if (is_held && one.want == Want::absent && one.kind == VipStanding::Kind::unsure) waits_ = true;
    // Unknown is no end of a departure.
    if (one.want == Want::hold && departed_.contains(one.vip)) departed.insert(one.vip);
    if (one.want != Want::absent) continue;
    departed.insert(one.vip);
    const bool is_going = one.kind == VipStanding::Kind::unsure && one.may_hasten;
    if (is_held || !is_going || departed_.contains(one.vip) || !may_deny(one.vip, view, now)) continue;
    in_flight_.push_back({one.vip, true});
    edits_.push_back(now);
  }
  departed_ = std::move(departed);
  for (const Vip& vip : orphans) {
    if (!owned.contains(vip)) lift(vip, sequence, now);
  }
  return in_flight_;
}

void FastWithdraw::lift(const Vip& vip, std::uint64_t sequence, TimePoint now) {
  waits_ = true;
  if (lifts_.may_issue(vip, true, sequence, now)) {
    lifts_.issued(vip, true, false, now);
    in_flight_.push_back({vip, false});
    edits_.push_back(now);
  }
  const auto retry = lifts_.retry_at(vip);
  if (retry && *retry > now) wakeup_ = wakeup_ ? std::min(*wakeup_, *retry) : *retry;
}

// Those that are still to be lifted.
std::size_t FastWithdraw::open_edits() const {
  std::size_t open = held_.size();
  for (const DenialStep& step : in_flight_) {
    if (step.deny) {
      ++open;
    } else {
      --open;
    }
  }
  return open;
}

bool FastWithdraw::may_deny(const Vip& vip, const RouterView& view, TimePoint now) {
  if (!is_on_ || !view.reachable) return false;
  const FastSlot& slot = slot_of(vip, view.fast);
  const auto route = view.routes.find(vip);
  if (slot.problem || route == view.routes.end()) return false;
  const bool is_sent = std::ranges::any_of(
      route->second.advertised_to, [&](const std::string& peer) { return slot.peers.contains(peer); });
  if (!is_sent) return false;
  for (const auto& [peer, sent] : slot.peers) {
    if (sent <= most_routes_) continue;
    news_.push_back(
        fmt::format("{} goes without router.fast_withdraw: {} is sent {} routes, and all of them would be "
                    "sent again (fast_withdraw_max_routes is {})",
                    vip.prefix, peer, sent, most_routes_));
    return false;
  }
  while (!edits_.empty() && now - edits_.front() >= kEditsWithin) edits_.pop_front();
  if (edits_.size() + open_edits() + kEditsOfDenial <= kMostEdits) return true;
  news_.push_back(
      fmt::format("{} goes without router.fast_withdraw: it has changed its list as often as it may in a "
                  "minute, {} times",
                  vip.prefix, kMostEdits));
  return false;
}

void FastWithdraw::finished(std::span<const RouteOutcome> outcomes, std::uint64_t latest_sequence) {
  if (!in_flight_.empty()) known_after_ = latest_sequence;
  for (std::size_t index = 0; index < in_flight_.size(); ++index) {
    const DenialStep& step = in_flight_[index];
    if (!step.deny) lifts_.ended(step.vip, latest_sequence);
    // Where it is not known whether it was taken: it has to be looked for.
    if (step.deny) {
      held_.insert(step.vip);
      waits_ = true;
    } else if (outcomes[index]) {
      held_.erase(step.vip);
    }
  }
  in_flight_.clear();
}

std::vector<std::string> FastWithdraw::take_news() {
  return std::exchange(news_, {});
}

}  // namespace herald
