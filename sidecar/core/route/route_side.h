// All that herald has to do with the router: what a read showed of it, what was sent to it since, and what is sent next:
// routes, where services are announced by the router's own configuration, the fallback (fallback.h), and denials
// (fast_withdraw.h).
//
//   tell   answered(), applied(), changed(), expect_change(), wishes_changed(), addresses_seen(), reconfigure()
//   ask    wake(), then judge() where may_judge(), plan() where may_plan(), pace() where is_answered(), begin_read()
//   when   next_due()
//
// The router is read, or told, never both:
//
//   rests      the next read begins when its time has come.
//   reading    one is under way. A batch that is sent meanwhile gives it up: to be read again soon.
//   answered   and the pace is not set yet: a read follows after 100 ms, doubled to 5 s for as long as something is not as
//              wanted; once all is, after fifty times what the read took, but 2 s at least and 10 s at most: so sessions that
//              are lost are seen soon, for two hundredths of a processor.
//   telling    a batch is with the router (in_flight() of its parts), and nothing is read or planned until it has ended. It
//              lies beside the three above: after applied() they go on.
//
// A router that was restarted may get its configuration some time after it answers, and announce by it what it had when
// somebody saved it: for a while after changed() it is read often, whatever it shows.
//
// A sign of a change (changed(), another session, a step of an address) brings the next read forward and the pace back to
// its beginning. After a reload that changes how the router is asked, a read under way is given up, and routes are planned
// only once a later one was answered.
//
// A batch that succeeds is a claim: its routes are taken for done until a read shows them.
//
// It refuses to know a service, its health and its addresses; without a stack it has nothing to do.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/route/fallback.h"
#include "sidecar/core/route/fast_withdraw.h"
#include "sidecar/core/route/route_plan.h"
#include "sidecar/core/route/router_view.h"

namespace herald {

class RouteSide {
 public:
  RouteSide(const RouterSpec& router, TimePoint now);

  // Answer to a read. False: to one that was given up, and nothing is taken of it.
  bool answered(const RouterView& view, TimePoint now);
  // What goes to the router together.
  struct Batch {
    std::vector<IssuedRouteStep> steps = {};
    std::vector<FallbackStep> fallback = {};
    std::vector<DenialStep> denials = {};

    [[nodiscard]] std::size_t size() const { return steps.size() + fallback.size() + denials.size(); }
  };
  // The batch has ended so. Returns it; or an empty one if these are not its answers.
  Batch applied(const RouteOutcomes& outcomes, TimePoint now);
  // The router was restarted or changed.
  void changed(TimePoint now);
  // An address was stepped on that the router may redistribute.
  void expect_change(TimePoint now);
  // Other routes are wanted than were.
  void wishes_changed();
  // What the fallback is for may have ended by this.
  void addresses_seen();
  // Another configuration, with all VIPs that it has and that are leaving. `rewired`: the router is asked or told otherwise.
  void reconfigure(const RouterSpec& router, const std::set<Vip>& vips, bool rewired, TimePoint now);

  // Whatever is due.
  void wake(TimePoint now);
  [[nodiscard]] bool may_judge() const { return judge_ && view_ && view_->reachable; }
  // Only if it may. Looks at all services, so only after a read, and while there is something to undo. Returns the VIPs of
  // which the fallback has something new to say.
  std::vector<Vip> judge(std::span<const VipStanding> standings, TimePoint now);
  [[nodiscard]] bool may_plan() const;
  // Only if it may. All that changes in one turn goes together; what changes while that is under way goes after it.
  // `standings` of all VIPs where wants_standings().
  Batch plan(std::span<const DesiredRoute> desired, TimePoint now,
             std::span<const VipStanding> standings = {});
  [[nodiscard]] bool wants_standings() const { return fast_.is_active(); }
  // pace() is to be told whether all services are as wanted.
  [[nodiscard]] bool is_answered() const;
  void pace(bool settled, TimePoint now);
  // True: a read begins now.
  bool begin_read(TimePoint now);
  [[nodiscard]] TimePoint next_due() const;

  // By the last read: what FRR came back with after a restart and was not told since, so that its saved configuration
  // holds herald's lines.
  [[nodiscard]] const std::vector<Vip>& came_back() const { return came_back_; }

  // A batch is with the router.
  [[nodiscard]] bool is_told() const {
    return !routes_.in_flight().empty() || !ladder_.in_flight().empty() || !fast_.in_flight().empty();
  }
  // That too is done, and nothing waits to be repeated.
  [[nodiscard]] bool is_done() const { return !is_told() && !plan_at_; }
  // All that plan() would send sooner or later.
  [[nodiscard]] RouteBatch difference(std::span<const DesiredRoute> desired) const;
  [[nodiscard]] const FastWithdraw& fast() const { return fast_; }
  [[nodiscard]] std::vector<std::string> take_fast_news() { return fast_.take_news(); }
  // By the last read that was answered, if only by an error.
  [[nodiscard]] const std::optional<RouterView>& view() const { return view_; }
  [[nodiscard]] std::optional<TimePoint> read_at() const { return read_at_; }
  [[nodiscard]] std::uint64_t view_sequence() const { return view_sequence_; }
  // Of the last read that was begun.
  [[nodiscard]] std::uint64_t latest_sequence() const { return latest_; }
  // By the last read that the router itself answered, and what batches claim since. Null: none yet.
  [[nodiscard]] const OwnedRoutes* owned() const { return owned_sequence_ > 0 ? &owned_ : nullptr; }
  [[nodiscard]] std::uint64_t owned_sequence() const { return owned_sequence_; }
  [[nodiscard]] const FallbackLadder& ladder() const { return ladder_; }
  [[nodiscard]] const std::vector<IssuedRouteStep>& in_flight() const { return routes_.in_flight(); }

 private:
  enum class Reading : std::uint8_t { rests, reading, answered };

  void read_by(TimePoint when) { next_read_ = std::min(next_read_.value_or(when), when); }
  void read_soon(TimePoint when);

  struct Restart {
    TimePoint until{};        // read often
    std::uint64_t after = 0;  // reads with a higher sequence began after it
    std::set<Vip> told = {};  // announced since
  };
  void note_came_back(TimePoint now);

  Stack stack_;
  bool exists_;                     // there is a stack
  std::optional<Restart> restart_;  // the last one
  std::vector<Vip> came_back_;
  RouteReconciler routes_;
  FallbackLadder ladder_;
  FastWithdraw fast_;
  bool plan_ = true;
  bool judge_ = false;
  std::optional<TimePoint> plan_at_;  // a back-off ends
  OwnedRoutes owned_;
  std::uint64_t owned_sequence_ = 0;
  std::uint64_t rewired_after_ = 0;  // plans only by a read with this sequence or a higher one

  Reading reading_ = Reading::rests;
  std::optional<TimePoint> next_read_;  // none: as soon as it may
  bool again_ = false;  // the next one came due while this one was under way: it follows at once
  Duration pace_{};
  bool is_settled_ = false;
  TimePoint began_{};  // the last read
  std::uint64_t latest_ = 0;
  std::optional<RouterView> view_;
  std::uint64_t view_sequence_ = 0;
  std::optional<TimePoint> read_at_;
};

}  // namespace herald
