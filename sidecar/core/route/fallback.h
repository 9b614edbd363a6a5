// The fallback ladder (router.fallback): what herald does when the router answers, and goes on advertising a VIP whose
// withdrawal is done at the lever. It happens: after zebra alone was restarted, bgpd never hears that an address went.
//
// A rung is climbed when the rung before has not helped for `fallback_after`, by every read in between:
//   deny       the VIP is not sent to any Route Server, by an outbound filter of herald's own;
//   shutdown   the session with each one that is still sent it is shut down, with all that it carries.
// All of it is undone, the session first, once the VIP is wanted again and there at the lever, or has left the table.
//
// What the router holds of an earlier herald's is taken on, and undone in the same way, whatever the key says now; with
// the key off nothing is added to it. A session is kept shut down only while the key says so.
//
// It refuses to act on a router that does not answer, and to count the time in which it did not.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/repeats.h"
#include "sidecar/core/route/route_step.h"
#include "sidecar/core/route/router_view.h"

namespace herald {

struct VipStanding {
  enum class Kind : std::uint8_t {
    free,    // wanted and there, or gone: nothing may be in its way
    unsure,  // what stands, stands
    stale    // withdrawn at the lever, and still in the router's table
  };
  Vip vip;
  Kind kind = Kind::unsure;
  Want want = Want::hold;   // while its service adopts: hold
  bool may_hasten = false;  // a withdrawal of it may go by fast_withdraw.h
};

class FallbackLadder {
 public:
  explicit FallbackLadder(const RouterSpec& router)
      : level_(router.fallback), after_(router.fallback_after), peers_(router.peers) {}

  // Another configuration; with those that are leaving, these VIPs: of others nothing is remembered, so that what was done
  // about them is undone.
  void reconfigure(const RouterSpec& router, const std::set<Vip>& vips);
  // Takes what the read with this sequence showed. Returns the VIPs of which there is something new to say. A read that does
  // not know of the last steps says nothing: what it shows to be denied may be lifted by now.
  std::vector<Vip> judge(std::span<const VipStanding> standings, const RouterView& view,
                         std::uint64_t sequence, TimePoint now);
  // The router does not answer.
  void blind();
  // Steps to send now, together, by the read with this sequence. Not while some are in flight.
  std::vector<FallbackStep> plan(const RouterView& view, std::uint64_t sequence, TimePoint now);
  // All that were in flight have ended; as RouteReconciler.
  void finished(std::uint64_t latest_sequence);

  // All that plan() would send sooner or later.
  [[nodiscard]] std::vector<FallbackStep> difference(const RouterView& view) const;
  [[nodiscard]] const std::vector<FallbackStep>& in_flight() const { return in_flight_; }
  [[nodiscard]] bool is_active() const { return !vips_.empty() || !in_flight_.empty(); }
  // It was advertised for `fallback_after`, and there is no rung to climb.
  [[nodiscard]] bool is_overdue(const Vip& vip) const;
  // By the ladder's own word, whether or not the router has taken it yet.
  [[nodiscard]] bool is_denied(const Vip& vip) const;
  [[nodiscard]] const std::set<std::string>& shut() const { return shut_; }
  // When plan() may have something new to say though nothing was read: back-offs.
  [[nodiscard]] std::optional<TimePoint> next_wakeup() const { return wakeup_; }
  // When a read would show that the next rung is due.
  [[nodiscard]] std::optional<TimePoint> next_read() const;

 private:
  struct Memory {
    bool denied = false;
    bool overdue = false;
    std::optional<TimePoint> since;  // advertised, by every read since then, on the rung that it is on
  };
  using Advertised = std::vector<std::string>;

  // True where there is something new to say.
  bool climb(Memory& memory, const Advertised& still_to, TimePoint now);
  [[nodiscard]] bool may_climb(const Memory& memory) const;
  [[nodiscard]] bool is_judged(const std::string& peer) const;
  [[nodiscard]] Advertised advertised(const Vip& vip, const RouterView& view) const;
  [[nodiscard]] PeerFallbacks wanted(const RouterView& view) const;
  void keep_shut(const RouterView& view);

  FallbackLevel level_;
  Duration after_;
  std::vector<std::string> peers_;  // that are judged; empty: all
  std::map<Vip, Memory> vips_;
  std::set<std::string> shut_;
  Repeats<std::string, std::string> repeats_;  // by peer; kind: the step in words
  std::vector<FallbackStep> in_flight_;
  std::optional<TimePoint> wakeup_;
};

}  // namespace herald
