#include "tests/sim/route_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace herald::sim {
namespace {

// A probe that flips every 100 ms makes ten steps a second; nothing in these worlds makes more.
constexpr std::size_t kMostStepsASecond = 30;

// A step waits at most 5 s for its back-off, and as long again for a read that is given up for other steps.
constexpr Duration kLongestLack = 12s;

// Of herald's list in a minute, when it denies anything.
constexpr std::size_t kMostEdits = 10;

// Some hours of them.
constexpr std::size_t kKeptReads = 1000;

}  // namespace

void RouteRules::read_begun() {
  require(!reading_, "two reads of the router in flight");
  require(!in_flight(), "the router is read while it is being told something");
  reading_ = true;
  ++begun_;
}

void RouteRules::read(const RouterView& view, TimePoint now) {
  if (!reading_) return;
  reading_ = false;
  read_failed_ = !view.reachable;
  if (read_failed_) {
    // What the reads before had shown for long enough is decided, though it could not be sent yet.
    for (const auto& [vip, since] : std::exchange(advertised_since_, {})) {
      if (now - since >= after_) decided_.insert(vip);
    }
    return ended_after_.clear();
  }
  read_by_ = begun_;
  read_at_.push_back(now);
  if (read_at_.size() > kKeptReads) read_at_.pop_front();
  owned_ = view.owned;
  held_ = view.fallback;
  if (read_by_ > denials_known_after_) fast_denied_ = view.fast.denied;
  in_table_.clear();
  sent_.clear();
  for (const auto& [vip, route] : view.routes) {
    if (route.in_rib) in_table_.insert(vip);
    if (!route.advertised_to.empty() && !view.fast.slots.at(0).peers.empty()) sent_.insert(vip);
  }
  for (const auto& [vip, route] : view.routes) {
    note_exposure(vip, route);
    if (route.advertised_to.empty()) {
      advertised_since_.erase(vip);
      decided_.erase(vip);
    } else {
      advertised_since_.try_emplace(vip, now);
    }
    const bool denied = view.fast.denied.contains(vip) || std::ranges::any_of(held_, [&](const auto& one) {
                          return one.second.denied.contains(vip);
                        });
    if (view.owned.contains(vip)) {
      unowned_since_.erase(vip);
    } else {
      unowned_since_.try_emplace(vip, now);
    }
    const bool heard = route.in_rib && !(denied && route.advertised_to.empty());
    if (heard || view.owned.contains(vip)) {
      gone_since_.erase(vip);
    } else {
      gone_since_.try_emplace(vip, now);
    }
  }
}

void RouteRules::note_exposure(const Vip& vip, const RouterRoute& route) {
  Exposure& exposure = exposures_[vip];
  // What was told by the means that the router has again holds again.
  if (exposure.import != route.import)
    exposure = {.import = route.import, .exposed_by = std::move(exposure.exposed_by)};
  exposure.told = std::ranges::any_of(route.others, &OtherOrigin::of_address);
  if (exposure.told) exposure.exposed_by = route.import;
  if (exposure.told) exposure.cleared = false;
}

void RouteRules::note_address(const Vip& vip) {
  const auto found = exposures_.find(vip);
  if (found != exposures_.end() && !found->second.told) found->second.cleared = true;
}

bool RouteRules::is_told(const Vip& vip) const {
  const auto found = exposures_.find(vip);
  return found != exposures_.end() && found->second.told;
}

bool RouteRules::is_exposed(const Vip& vip) const {
  const auto found = exposures_.find(vip);
  return found != exposures_.end() && found->second.exposed_by &&
         *found->second.exposed_by == found->second.import;
}

bool RouteRules::is_cleared(const Vip& vip) const {
  const auto found = exposures_.find(vip);
  return found != exposures_.end() && found->second.cleared;
}

bool RouteRules::has_import(const Vip& vip) const {
  const auto found = exposures_.find(vip);
  return found != exposures_.end() && found->second.import.has_value();
}

std::size_t RouteRules::owned_of(std::span<const Vip> vips) const {
  const auto is_owned = [&](const Vip& vip) { return owned_ && owned_->contains(vip); };
  return static_cast<std::size_t>(std::ranges::count_if(vips, is_owned));
}

bool RouteRules::in_flight(const Vip& vip) const {
  return std::ranges::any_of(in_flight_,
                             [&](const IssuedRouteStep& issued) { return issued.step.vip == vip; });
}

bool RouteRules::is_current(const Vip& vip) const {
  return !read_failed_ && may_be_stepped_on(vip);
}

bool RouteRules::may_be_stepped_on(const Vip& vip) const {
  const auto known = known_after_.find(vip);
  const bool is_known = known == known_after_.end() || read_by_ > known->second;
  return owned_ && !in_flight() && (read_failed_ || is_known);
}

std::optional<TimePoint> RouteRules::first_read_since(TimePoint then) const {
  const auto found = std::ranges::lower_bound(read_at_, then);
  return found == read_at_.end() ? std::nullopt : std::optional(*found);
}

std::optional<TimePoint> RouteRules::gone_since(std::span<const Vip> vips) const {
  TimePoint since{};
  for (const Vip& vip : vips) {
    const auto found = gone_since_.find(vip);
    if (found == gone_since_.end()) return std::nullopt;
    since = std::max(since, found->second);
  }
  return since;
}

std::optional<TimePoint> RouteRules::unowned_since(const Vip& vip) const {
  const auto found = unowned_since_.find(vip);
  return found == unowned_since_.end() ? std::nullopt : std::optional{found->second};
}

void RouteRules::issued(const effect::ApplyRoutes& apply, TimePoint now) {
  require(!in_flight(), "two batches of routes in flight");
  require(!apply.steps.empty() || !apply.fallback.empty() || !apply.denials.empty(),
          "an empty batch of routes");
  require(owned_.has_value(), "routes are sent before the router was read");
  std::set<Vip> touched;
  for (const IssuedRouteStep& issued : apply.steps) {
    const RouteStep& step = issued.step;
    const auto check = [&](bool holds, std::string_view rule) {
      if (!holds) throw Violation(fmt::format("route \"{}\": {}", to_string(step), rule));
    };
    check(touched.insert(step.vip).second, "twice in a batch");
    const auto ended = ended_after_.find(step.vip);
    check(ended == ended_after_.end() || read_by_ > ended->second,
          "no read was begun since its last batch ended");
    const auto found = owned_->find(step.vip);
    if (step.policy) {
      check(found == owned_->end() || found->second != step.policy->name, "the router holds it so already");
    } else {
      check(found != owned_->end(), "the router does not hold it");
    }
    gone_since_.erase(step.vip);
    unowned_since_.erase(step.vip);
    lacking_since_.erase(step.vip);
    check_rate(step.vip, now);
  }
  for (const FallbackStep& step : apply.fallback) check_fallback(step, now);
  reading_ = false;
  in_flight_ = apply.steps;
  fallback_in_flight_ = apply.fallback;
  for (const DenialStep& step : apply.denials) check_denial(step, now);
  denials_in_flight_ = apply.denials;
}

void RouteRules::check_denial(const DenialStep& step, TimePoint now) {
  const auto check = [&](bool holds, std::string_view rule) {
    if (!holds) throw Violation(fmt::format("\"{}\": {}", to_string(step), rule));
  };
  check(!read_failed_, "the router does not answer");
  check(fast_denied_.contains(step.vip) != step.deny, "it is so already");
  lingering_since_.erase(step.vip);
  edits_.push_back(now);
  while (now - edits_.front() >= 60s) edits_.pop_front();
  if (!step.deny) return;
  check(is_fast_, "router.fast_withdraw is off");
  check(sent_.contains(step.vip), "it was not sent to a peer that takes part");
  check(edits_.size() <= kMostEdits, "the list is changed more often than it may be in a minute");
}

void RouteRules::lingers(const Vip& vip, bool lingering, TimePoint now) {
  if (!lingering) {
    lingering_since_.erase(vip);
    return;
  }
  const TimePoint since = lingering_since_.try_emplace(vip, now).first->second;
  require(now - since <= kLongestLack, fmt::format("{} is denied for nothing", vip.prefix));
}

PeerFallback RouteRules::held_toward(const std::string& peer) const {
  const auto found = held_.find(peer);
  return found == held_.end() ? PeerFallback{} : found->second;
}

std::vector<Vip> RouteRules::newly_denied(const FallbackStep& step) const {
  const PeerFallback held = held_toward(step.peer);
  std::vector<Vip> news;
  std::ranges::copy_if(step.wanted.denied, std::back_inserter(news),
                       [&](const Vip& vip) { return !held.denied.contains(vip); });
  return news;
}

bool RouteRules::is_overdue(const Vip& vip, TimePoint now) const {
  const auto since = advertised_since_.find(vip);
  return since != advertised_since_.end() && now - since->second >= after_;
}

void RouteRules::check_fallback(const FallbackStep& step, TimePoint now) {
  const auto check = [&](bool holds, std::string_view rule) {
    if (!holds) throw Violation(fmt::format("\"{}\": {}", to_string(step), rule));
  };
  check(!read_failed_, "the router does not answer");
  const auto ended = fallback_ended_after_.find(step.peer);
  check(ended == fallback_ended_after_.end() || read_by_ > ended->second,
        "no read was begun since it was last sent");
  const PeerFallback held = held_toward(step.peer);
  check(step.peer.empty() || held != step.wanted, "the router holds it so already");
  for (const Vip& vip : newly_denied(step)) {
    check(level_ != FallbackLevel::off, "it adds something, and is off");
    check(denied_.contains(vip) || decided_.contains(vip) || is_overdue(vip, now),
          "it was not advertised for long enough");
    denied_.insert(vip);
  }
  if (!step.wanted.shut || held.shut) return;
  check(level_ == FallbackLevel::shutdown, "no session may be shut down");
  check(
      std::ranges::any_of(step.wanted.denied,
                          [&](const Vip& vip) { return denied_.contains(vip) || held.denied.contains(vip); }),
      "a session is shut down before a denial was tried");
}

void RouteRules::applied(const event::RoutesApplied& event) {
  const std::size_t before_denials = in_flight_.size() + fallback_in_flight_.size();
  require(event.outcomes.size() == before_denials + denials_in_flight_.size(),
          "the world answers another batch");
  if (!denials_in_flight_.empty()) denials_known_after_ = begun_;
  for (std::size_t index = 0; index < denials_in_flight_.size(); ++index) {
    const DenialStep& step = denials_in_flight_[index];
    if (step.deny) {
      fast_denied_.insert(step.vip);  // also where it is not known
    } else if (event.outcomes[before_denials + index]) {
      fast_denied_.erase(step.vip);
    }
  }
  denials_in_flight_.clear();
  for (const FallbackStep& step : fallback_in_flight_) fallback_ended_after_[step.peer] = begun_;
  fallback_in_flight_.clear();
  for (std::size_t index = 0; index < in_flight_.size(); ++index) {
    const RouteStep& step = in_flight_[index].step;
    ended_after_[step.vip] = known_after_[step.vip] = begun_;
    if (!event.outcomes[index]) continue;
    if (step.policy) {
      (*owned_)[step.vip] = step.policy->name;
    } else {
      owned_->erase(step.vip);
    }
  }
  in_flight_.clear();
}

void RouteRules::check_rate(const Vip& vip, TimePoint now) {
  std::deque<TimePoint>& recent = recent_[vip];
  recent.push_back(now);
  if (recent.size() <= kMostStepsASecond) return;
  require(now - recent.front() > 1s,
          fmt::format("{}: more than {} route steps in a second", vip.prefix, kMostStepsASecond));
  recent.pop_front();
}

void RouteRules::lacks(const Vip& vip, bool lacking, TimePoint now) {
  if (!lacking) {
    lacking_since_.erase(vip);
    return;
  }
  const TimePoint since = lacking_since_.try_emplace(vip, now).first->second;
  require(now - since <= kLongestLack, fmt::format("nothing is done about the route of {}", vip.prefix));
}

}  // namespace herald::sim
