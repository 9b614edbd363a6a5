// What must hold of `heraldd --withdraw`, whatever happens meanwhile. Throws Violation.
//
//  - What a dead herald left is gone, or it is said: a clean exit leaves nothing of herald's in the kernel and the router but
//    what stays, as of the look and the read that it went by; any other exit says an error, and no exit comes after 5 s (README,
//    heraldd(8)). It gives up no earlier.
//  - The one exception: a router that is silent, and may hold leftovers alone, is not waited for. That is said, too.
//  - Addresses are removed that the last look showed as herald's; never somebody else's. Nothing is added or refreshed.
//  - Routes are withdrawn that the last read showed, or, while the router is silent, the configuration's.
//  - Without --vips: what on_exit keeps is not touched, and VIPs under routes stay, but where a read shows that the router
//    announces them by that: then they go.
//  - With it a VIP under a route goes only after its route was seen to be gone, or after 4 s; and then it does.
//  - One look and one read at a time, none while steps are under way, and steps only from what was asked for since.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>

#include "sidecar/core/withdrawal.h"
#include "tests/sim/kernel.h"
#include "tests/sim/probe_rules.h"
#include "tests/sim/router.h"

namespace herald::sim {

class WithdrawalRules {
 public:
  static constexpr Duration kBound = std::chrono::seconds(5);

  WithdrawalRules(const Config& config, Withdrawal::Vips vips, TimePoint now);

  void told(const Withdrawal::Event& event);
  void decided(std::span<const Withdrawal::Effect> effects, TimePoint now);
  // Not by this process: somebody, or what the dead herald had under way.
  void was_put(const AddressKey& key, TimePoint now) { put_[key] = now; }
  void was_put(const Vip& vip, TimePoint now) { routes_put_[vip] = now; }
  void was_denied(const Vip& vip, TimePoint now) { denied_put_[vip] = now; }
  void exited(bool clean, const Kernel& kernel, const Router& router, TimePoint now) const;

 private:
  void on(const event::Observed& event);
  void on(const event::StepFinished& event);
  void on(const event::RouterRead& event);
  void on(const event::RoutesApplied& event);
  void on(const effect::Observe& effect, TimePoint now);
  void on(const effect::Apply& effect, TimePoint now);
  void on(const effect::ReadRouter& effect, TimePoint now);
  void on(const effect::ApplyRoutes& effect, TimePoint now);
  void on(const effect::Notice& effect, TimePoint now);
  void on(const effect::Exit& effect, TimePoint now);

  [[nodiscard]] const ServiceSpec* owner(const Vip& vip) const;
  // Of a route, and announced by the address that lies there for it.
  [[nodiscard]] bool is_exposed(const ServiceSpec& service, const Vip& vip) const;
  [[nodiscard]] bool is_kept(const ServiceSpec& service) const;
  [[nodiscard]] bool stays(const AddressKey& key) const;
  [[nodiscard]] bool is_seen(const AddressKey& key) const;
  [[nodiscard]] bool has_routes() const;
  void check_clean(const Kernel& kernel, const Router& router) const;
  void check_vips_were_tried(const Kernel& kernel) const;

  Config config_;
  bool all_goes_;
  TimePoint began_at_;

  bool looking_ = false;
  bool look_failed_ = false;  // the last one
  TimePoint look_begun_at_;   // the last one
  TimePoint seen_at_;         // when the look began that seen_ is from
  std::optional<Observation> seen_;
  std::set<StepId> removing_;
  bool may_remove_ = false;  // the look was answered since the last steps ended
  std::set<AddressKey> tried_;

  bool reading_ = false;
  TimePoint read_begun_at_;
  TimePoint owned_at_;                // when the read began that owned_ is from
  std::optional<OwnedRoutes> owned_;  // none: no read was answered yet
  bool is_silent_ = false;            // by the last read
  std::set<Vip> known_;               // that any read showed
  std::set<Vip> exposed_;             // the same, as announced by an address
  std::size_t batch_ = 0;
  bool may_withdraw_ = false;

  bool silence_said_ = false;
  bool failure_said_ = false;
  std::map<AddressKey, TimePoint> put_;
  std::map<Vip, TimePoint> routes_put_;
  std::map<Vip, TimePoint> denied_put_;
  std::set<Vip> denied_;    // by the last read that was answered
  std::set<Vip> in_table_;  // the same
};

}  // namespace herald::sim
