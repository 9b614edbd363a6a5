#include "sidecar/core/route/route_side.h"

#include <utility>

#include "sidecar/core/route/read_after.h"

namespace herald {
namespace {

// A VIP's change takes FRR 62-74 ms to the wire; reading earlier only costs a second read.
constexpr Duration kFirstPace = 100ms;
constexpr Duration kLongestPace = 5s;
// Neither FRR nor BIRD tells of a session that is lost: only a read does. What a read takes is its price, nearly all of it
// (vtysh has to be started, birdc as well), and it grows with the VIPs.
constexpr Duration kSettledLeast = 2s;
constexpr Duration kSettledMost = 10s;
constexpr int kSettledShare = 50;
// Signs of a restart come in groups, and the first of them before the router can answer.
constexpr Duration kReadAfterChange = 100ms;
// FRR's daemons answer first and are told their configuration (vtysh -b) when all of them run.
constexpr Duration kBriskPace = 200ms;
constexpr Duration kBriskFor = 10s;

bool is_another_session(const std::vector<RouterPeer>& before, const std::vector<RouterPeer>& after) {
  return std::ranges::any_of(after, [&](const RouterPeer& peer) {
    const auto found = std::ranges::find(before, peer.address, &RouterPeer::address);
    return found != before.end() &&
           (found->session != peer.session || found->established != peer.established);
  });
}

}  // namespace

RouteSide::RouteSide(const RouterSpec& router, TimePoint now)
    : stack_(router.stack), exists_(router.stack != Stack::none), ladder_(router), fast_(router) {
  if (exists_) next_read_ = now;
}

// ---- told

bool RouteSide::answered(const RouterView& view, TimePoint now) {
  if (reading_ != Reading::reading) return false;
  reading_ = Reading::answered;
  // What a session was sent shows a little after it has come up.
  if (view_ && is_another_session(view_->peers, view.peers)) read_soon(now + kReadAfterChange);
  if (view.read_within) read_by(now + std::max(*view.read_within, kFirstPace));
  view_ = view;
  read_at_ = now;
  view_sequence_ = latest_;
  if (view_->reachable) {
    owned_ = view_->owned;
    owned_sequence_ = view_sequence_;
    fast_.read(view_->fast, view_sequence_);
  } else {
    routes_.read_failed();
    ladder_.blind();
    fast_.blind();
  }
  note_came_back(now);
  plan_ = judge_ = true;
  return true;
}

void RouteSide::note_came_back(TimePoint now) {
  came_back_.clear();
  if (stack_ != Stack::frr || !restart_ || now > restart_->until || latest_ <= restart_->after) return;
  for (const auto& [vip, policy] : view_->owned) {
    if (!policy.empty() && !restart_->told.contains(vip)) came_back_.push_back(vip);
  }
}

RouteSide::Batch RouteSide::applied(const RouteOutcomes& outcomes, TimePoint now) {
  Batch batch{routes_.in_flight(), ladder_.in_flight(), fast_.in_flight()};
  if (!is_told() || outcomes.size() != batch.size()) return {};
  routes_.finished(latest_);
  ladder_.finished(latest_);
  fast_.finished(std::span(outcomes).last(batch.denials.size()), latest_);
  for (std::size_t index = 0; index < batch.steps.size(); ++index) {
    if (!outcomes[index]) continue;
    claim(batch.steps[index].step, owned_);
    if (restart_) restart_->told.insert(batch.steps[index].step.vip);
  }
  plan_ = true;  // what was wished for meanwhile
  // Denials alone go with an address, which takes longer to the table than a route.
  const bool denies_alone = batch.size() == batch.denials.size();
  read_soon(now + (denies_alone ? kFirstPace : kReadAfterRoutes));
  return batch;
}

void RouteSide::changed(TimePoint now) {
  if (!exists_) return;
  restart_ = Restart{now + kBriskFor, latest_};
  read_soon(now + kReadAfterChange);
}

void RouteSide::expect_change(TimePoint now) {
  if (exists_) read_soon(now + kFirstPace);
}

void RouteSide::wishes_changed() {
  plan_ = true;
  judge_ = judge_ || ladder_.is_active();
}

void RouteSide::addresses_seen() {
  if (ladder_.is_active()) judge_ = plan_ = true;
}

void RouteSide::reconfigure(const RouterSpec& router, const std::set<Vip>& vips, bool rewired,
                            TimePoint now) {
  stack_ = router.stack;
  ladder_.reconfigure(router, vips);
  fast_.reconfigure(router);
  plan_ = true;
  if (!rewired) return;
  reading_ = Reading::rests;
  rewired_after_ = latest_ + 1;
  read_soon(now);
}

// ---- asked

void RouteSide::wake(TimePoint now) {
  if (next_read_ && *next_read_ <= now) {
    again_ = reading_ != Reading::rests;
    next_read_.reset();
  }
  if (!plan_at_ || *plan_at_ > now) return;
  plan_at_.reset();
  plan_ = true;
}

std::vector<Vip> RouteSide::judge(std::span<const VipStanding> standings, TimePoint now) {
  judge_ = false;
  std::vector<Vip> told = ladder_.judge(standings, *view_, view_sequence_, now);
  // One that is due already waits for the read that knows of the last steps, which is on its way.
  if (const auto read = ladder_.next_read(); read && *read > now) read_by(*read);
  return told;
}

bool RouteSide::may_plan() const {
  return plan_ && owned_sequence_ > 0 && !is_told() && view_sequence_ >= rewired_after_;
}

RouteSide::Batch RouteSide::plan(std::span<const DesiredRoute> desired, TimePoint now,
                                 std::span<const VipStanding> standings) {
  plan_ = false;
  Batch batch{routes_.plan(desired, owned_, owned_sequence_, now), {}, {}};
  plan_at_ = routes_.next_wakeup();
  // Without an answer it has nothing to say, whatever back-off ends: the next answer goes on with it.
  if (view_->reachable) {
    batch.fallback = ladder_.plan(*view_, view_sequence_, now);
    batch.denials = fast_.plan(standings, *view_, owned_, view_sequence_, now);
    for (const auto& other : {ladder_.next_wakeup(), fast_.next_wakeup()})
      if (other) plan_at_ = std::min(plan_at_.value_or(*other), *other);
  }
  if (batch.size() > 0 && reading_ == Reading::reading) {
    reading_ = Reading::rests;
    read_soon(now + kFirstPace);
  }
  return batch;
}

bool RouteSide::is_answered() const {
  return reading_ == Reading::answered && !is_told();
}

void RouteSide::pace(bool settled, TimePoint now) {
  reading_ = Reading::rests;
  const bool was_settled = std::exchange(is_settled_, settled);
  if (settled) {
    const Duration took = read_at_.value_or(began_) - began_;
    pace_ = std::clamp(took * kSettledShare, kSettledLeast, kSettledMost);
  } else {
    pace_ = was_settled ? kFirstPace : std::clamp(pace_ * 2, kFirstPace, kLongestPace);
  }
  if (restart_ && now < restart_->until) pace_ = std::min(pace_, kBriskPace);
  if (again_) {
    next_read_.reset();
  } else {
    read_by(now + pace_);
  }
}

bool RouteSide::begin_read(TimePoint now) {
  if (!exists_ || reading_ != Reading::rests || is_told() || next_read_) return false;
  reading_ = Reading::reading;
  began_ = now;
  again_ = false;
  ++latest_;
  return true;
}

void RouteSide::read_soon(TimePoint when) {
  pace_ = kFirstPace;
  is_settled_ = false;
  read_by(when);
}

TimePoint RouteSide::next_due() const {
  constexpr TimePoint kNever = TimePoint::max();
  return std::min(next_read_.value_or(kNever), plan_at_.value_or(kNever));
}

RouteBatch RouteSide::difference(std::span<const DesiredRoute> desired) const {
  RouteBatch batch;
  if (owned_sequence_ > 0) batch.steps = reconcile(desired, owned_);
  if (view_ && view_->reachable) batch.fallback = ladder_.difference(*view_);
  for (const Vip& vip : fast_.held()) batch.denials.push_back({vip, false});
  return batch;
}

}  // namespace herald
