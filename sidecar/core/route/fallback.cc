#include "sidecar/core/route/fallback.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace herald {
namespace {

std::string listed(const std::set<Vip>& vips) {
  std::string text;
  for (const Vip& vip : vips) text += (text.empty() ? "" : ", ") + vip.prefix;
  return text;
}

bool is_held(const Vip& vip, const RouterView& view) {
  return std::ranges::any_of(view.fallback,
                             [&](const auto& held) { return held.second.denied.contains(vip); });
}

PeerFallback held_toward(const std::string& peer, const RouterView& view) {
  const auto found = view.fallback.find(peer);
  return found == view.fallback.end() ? PeerFallback{} : found->second;
}

}  // namespace

std::string to_string(const FallbackStep& step) {
  if (step.peer.empty()) return "fallback: remove what is not in use any more";
  const std::string denied = listed(step.wanted.denied);
  if (step.wanted.shut)
    return fmt::format("fallback: shut down the session with {}, deny {}", step.peer, denied);
  if (denied.empty()) return fmt::format("fallback: lift everything toward {}", step.peer);
  return fmt::format("fallback: deny {} to {}", denied, step.peer);
}

void FallbackLadder::reconfigure(const RouterSpec& router, const std::set<Vip>& vips) {
  std::erase_if(vips_, [&](const auto& entry) { return !vips.contains(entry.first); });
  if (router.fallback != level_ || router.fallback_after != after_) {
    for (auto& [vip, memory] : vips_) {  // there may be a rung to climb now
      memory.overdue = false;
      memory.since.reset();
    }
  }
  level_ = router.fallback;
  after_ = router.fallback_after;
  peers_ = router.peers;
}

std::vector<Vip> FallbackLadder::judge(std::span<const VipStanding> standings, const RouterView& view,
                                       std::uint64_t sequence, TimePoint now) {
  std::vector<Vip> news;
  if (!in_flight_.empty() || sequence <= repeats_.needs_look_after()) return news;
  for (const VipStanding& one : standings) {
    const Vip& vip = one.vip;
    if (one.kind == VipStanding::Kind::free) {
      vips_.erase(vip);
      continue;
    }
    const bool held = is_held(vip, view);
    if (one.kind == VipStanding::Kind::unsure) {
      vips_.erase(vip);
      if (held) vips_[vip].denied = true;
      continue;
    }
    Memory& memory = vips_[vip];
    memory.denied = memory.denied || held;
    const Advertised still_to = advertised(vip, view);
    if (still_to.empty()) {
      memory.since.reset();
      memory.overdue = false;
    } else if (climb(memory, still_to, now)) {
      news.push_back(vip);
    }
  }
  keep_shut(view);
  return news;
}

void FallbackLadder::blind() {
  for (auto& [vip, memory] : vips_) memory.since.reset();
}

bool FallbackLadder::climb(Memory& memory, const Advertised& still_to, TimePoint now) {
  if (!memory.since) memory.since = now;
  if (now - *memory.since < after_ || memory.overdue) return false;
  if (!may_climb(memory)) {
    memory.overdue = true;
    return true;
  }
  memory.since = now;
  if (memory.denied) shut_.insert(still_to.begin(), still_to.end());
  memory.denied = true;
  return true;
}

bool FallbackLadder::may_climb(const Memory& memory) const {
  return level_ == FallbackLevel::shutdown || (level_ == FallbackLevel::deny && !memory.denied);
}

void FallbackLadder::keep_shut(const RouterView& view) {
  const bool denies = std::ranges::any_of(vips_, [](const auto& entry) { return entry.second.denied; });
  if (!denies || level_ != FallbackLevel::shutdown) return shut_.clear();
  for (const auto& [peer, held] : view.fallback) {
    if (held.shut) shut_.insert(peer);
  }
}

// ---- what is to be sent

bool FallbackLadder::is_judged(const std::string& peer) const {
  return peers_.empty() || std::ranges::find(peers_, peer) != peers_.end();
}

FallbackLadder::Advertised FallbackLadder::advertised(const Vip& vip, const RouterView& view) const {
  Advertised to;
  const auto route = view.routes.find(vip);
  if (route == view.routes.end()) return to;
  std::ranges::copy_if(route->second.advertised_to, std::back_inserter(to),
                       [&](const std::string& peer) { return is_judged(peer); });
  return to;
}

PeerFallbacks FallbackLadder::wanted(const RouterView& view) const {
  PeerFallbacks all;
  for (const auto& [peer, held] : view.fallback) all[peer] = {};
  for (const RouterPeer& peer : view.peers) {
    if (!is_judged(peer.address) || peer.state == kNotConfigured) continue;
    PeerFallback& one = all[peer.address];
    const PeerFallback held = held_toward(peer.address, view);
    for (const auto& [vip, memory] : vips_) {
      if (memory.denied && (level_ != FallbackLevel::off || held.denied.contains(vip)))
        one.denied.insert(vip);
    }
    one.shut = !one.denied.empty() && shut_.contains(peer.address);
  }
  return all;
}

std::vector<FallbackStep> FallbackLadder::difference(const RouterView& view) const {
  std::vector<FallbackStep> steps;
  for (auto& [peer, fallback] : wanted(view)) {
    if (fallback != held_toward(peer, view)) steps.push_back({peer, fallback});
  }
  // What nothing uses by this read may be just what those others will use.
  if (steps.empty() && view.fallback_remains) steps.push_back({});
  return steps;
}

std::vector<FallbackStep> FallbackLadder::plan(const RouterView& view, std::uint64_t sequence,
                                               TimePoint now) {
  const std::vector<FallbackStep> open = difference(view);
  std::set<std::string> unsettled;
  for (const FallbackStep& step : open) unsettled.insert(step.peer);
  repeats_.forget_settled(unsettled, sequence, now);
  wakeup_.reset();
  for (const FallbackStep& step : open) {
    const std::string kind = to_string(step);
    if (repeats_.may_issue(step.peer, kind, sequence, now)) {
      repeats_.issued(step.peer, kind, false, now);
      in_flight_.push_back(step);
    }
    const auto retry = repeats_.retry_at(step.peer);
    if (retry && *retry > now) wakeup_ = wakeup_ ? std::min(*wakeup_, *retry) : *retry;
  }
  return in_flight_;
}

void FallbackLadder::finished(std::uint64_t latest_sequence) {
  for (const FallbackStep& step : in_flight_) repeats_.ended(step.peer, latest_sequence);
  in_flight_.clear();
}

// ---- what is shown

bool FallbackLadder::is_overdue(const Vip& vip) const {
  const auto found = vips_.find(vip);
  return found != vips_.end() && found->second.overdue;
}

bool FallbackLadder::is_denied(const Vip& vip) const {
  const auto found = vips_.find(vip);
  return found != vips_.end() && found->second.denied;
}

std::optional<TimePoint> FallbackLadder::next_read() const {
  std::optional<TimePoint> next;
  for (const auto& [vip, memory] : vips_) {
    if (!memory.since || memory.overdue) continue;
    const TimePoint due = *memory.since + after_;
    next = next ? std::min(*next, due) : due;
  }
  return next;
}

}  // namespace herald
