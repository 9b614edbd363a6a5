// The fast withdrawal (router.fast_withdraw, FRR alone): what a router's queue holds back for tens of milliseconds, an outbound
// list of herald's own denies at once. The lever's own step goes beside it, as without.
//
//   departs    it is not wanted any more, and a peer that takes part is still sent it -> denied, if the limits allow; else plain
//   denied     wanted again: lifted before it is announced. Read back gone: lifted. Still in the router's table after the
//              lever's own step (zebra restarted alone): it stays denied, as long as it is neither
//   plain      by the lever alone: over a limit, the key is off, it was not sent to anybody, or the denial was refused
//
// Once a departure it is denied, and not again before it was wanted. A deny is lifted once it is gone, and not only when it is
// wanted again: both cost the other routes the same, for each edit of the list has the router send all others of the session
// once more, and so nothing is left in its configuration when herald dies later. What an earlier herald has left is lifted by
// the same rules, whatever the key says; of what nobody is configured to announce, once the router does not originate it.
//
// Limits: a session that is sent more than `fast_withdraw_max_routes`, and kMostEdits a minute, of which each denial takes two.
// It refuses to begin one while herald stops, and on a router that does not answer.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/repeats.h"
#include "sidecar/core/route/fallback.h"
#include "sidecar/core/route/route_plan.h"
#include "sidecar/core/route/route_step.h"
#include "sidecar/core/route/router_view.h"

namespace herald {

// The name of that list in FRR, a prefix-list of each family.
inline constexpr std::string_view kFastList = "HERALD-fast";

class FastWithdraw {
 public:
  static constexpr std::size_t kMostEdits = 10;
  static constexpr Duration kEditsWithin = std::chrono::minutes(1);

  explicit FastWithdraw(const RouterSpec& router) { reconfigure(router); }

  void reconfigure(const RouterSpec& router);
  // What the read with this sequence showed; one that does not know of the last steps tells nothing.
  void read(const FastView& view, std::uint64_t sequence);
  // The router does not answer: nobody waits for what it may hold.
  void blind() { waits_ = false; }
  // Steps to send now, together, by the read with this sequence. Not while some are in flight.
  std::vector<DenialStep> plan(std::span<const VipStanding> standings, const RouterView& view,
                               const OwnedRoutes& owned, std::uint64_t sequence, TimePoint now);
  // All that were in flight have ended so, in their order.
  void finished(std::span<const RouteOutcome> outcomes, std::uint64_t latest_sequence);

  // It has to be told the standings.
  [[nodiscard]] bool is_active() const { return is_on_ || !held_.empty(); }
  // Nothing of it stands that the next read may show to be over.
  [[nodiscard]] bool is_done() const { return !waits_; }
  // What stands now, and plan() would lift sooner or later.
  [[nodiscard]] const std::set<Vip>& held() const { return held_; }
  [[nodiscard]] const std::vector<DenialStep>& in_flight() const { return in_flight_; }
  [[nodiscard]] std::optional<TimePoint> next_wakeup() const { return wakeup_; }
  // Why something goes by the plain lever, since it was asked last: lines for people.
  [[nodiscard]] std::vector<std::string> take_news();

 private:
  [[nodiscard]] bool may_deny(const Vip& vip, const RouterView& view, TimePoint now);
  [[nodiscard]] std::size_t open_edits() const;
  void lift(const Vip& vip, std::uint64_t sequence, TimePoint now);

  bool is_on_ = false;
  std::uint32_t most_routes_ = 0;
  std::set<Vip> held_;      // by the last read, and what steps claim since
  std::set<Vip> departed_;  // not wanted; denied, or not to be
  std::deque<TimePoint> edits_;
  Repeats<Vip, bool> lifts_;  // kind: nothing
  std::uint64_t known_after_ = 0;
  std::vector<DenialStep> in_flight_;
  std::optional<TimePoint> wakeup_;
  std::vector<std::string> news_;
  bool waits_ = false;
};

}  // namespace herald
