// What is announced without anybody who checks it is withdrawn: all that `heraldd --withdraw` decides. Told what happened and
// asked what to do as the controller is (controller.h), by the same events and effects. It knows no descriptor and no clock.
//
// It probes nothing and goes by the configuration and the marks of ownership alone: the addresses of the loopback lever and the
// routes of the others go, leftovers too; VIPs under routes stay, for late packets, and nothing of a service with
// `on_exit: keep` is touched. With Vips::go nobody will see to anything any more (a package that is removed): then these go,
// too; VIPs once their routes are gone, or at kVipsGoAfter where those cannot be withdrawn. It removes and withdraws; it adds,
// announces and refreshes nothing. Where the router announces a VIP by the address that lies there for late packets, that
// address goes as soon as a read shows it.
//
// Two parts, the kernel's addresses and the router's routes, each by itself in one of these states:
//
//   due      looked at, or read, at its time: at once, kAgain after trouble, kReadAfterRoutes after a withdrawal
//   asking   a look, or a read, is awaited -> over, if it shows nothing that has to go; else acting; due, if it failed
//   acting   steps are under way: what they say is a claim, the next look or read decides -> due
//   over     seen to be gone. For the routes also: there is no router; or it is silent, and neither can routes of this
//            configuration be there nor was a leftover seen, which is said
//
// What the fast withdrawals of a dead herald still deny (core/route/fast_withdraw.h) is part of the router's: lifted once the VIP
// is read back gone, or is kept; of what the configuration has no more, once the router does not originate it. Until then it is read
// again, every kAgain.
//
// A silent router that may hold routes of this configuration is told to withdraw them all the same (asking -> acting): what
// the lever keeps for the router's next start is emptied by that. Once the routes are over, or at kVipsGoAfter, VIPs that waited
// for them are wished away and addresses that were over are due again. Both parts over: Exit, clean. At kWithin, whatever is
// under way: an error that says what is left and why, and Exit that is not clean. After Exit nothing changes any more.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "sidecar/core/address/address_plan.h"
#include "sidecar/core/config.h"
#include "sidecar/core/events.h"
#include "sidecar/core/route/route_plan.h"

namespace herald {

// What becomes of what could not be withdrawn, in words to put behind "; ": only a lease ends by itself.
[[nodiscard]] std::string fate_of_the_rest(const std::vector<ServiceSpec>& services);

class Withdrawal {
 public:
  enum class Vips : std::uint8_t { stay, go };  // those under routes, and what is kept

  using Event = std::variant<event::Observed, event::StepFinished, event::RouterRead, event::RoutesApplied>;
  using Effect = std::variant<effect::Observe, effect::Apply, effect::ReadRouter, effect::ApplyRoutes,
                              effect::Notice, effect::Exit>;

  // As long as the contract gives a stop.
  static constexpr Duration kWithin = std::chrono::seconds(5);
  // Leaves time to see them gone.
  static constexpr Duration kVipsGoAfter = std::chrono::seconds(4);
  static constexpr Duration kAgain = std::chrono::milliseconds(200);

  Withdrawal(const Config& config, Vips vips, TimePoint now);

  void handle(const Event& event, TimePoint now);
  // Until it returns nothing, as the controller's.
  std::vector<Effect> decide(TimePoint now);
  [[nodiscard]] TimePoint next_wakeup() const;

 private:
  enum class State : std::uint8_t { due, asking, acting, over };
  struct Part {
    State state = State::due;
    TimePoint at{};  // while it is due
    std::string trouble = {};

    void due_at(TimePoint when) {
      state = State::due;
      at = when;
    }
  };

  void on(const event::Observed& event, TimePoint now);
  void on(const event::StepFinished& event, TimePoint now);
  void on(const event::RouterRead& event, TimePoint now);
  void on(const event::RoutesApplied& event, TimePoint now);
  void on_silence(const std::string& error, TimePoint now);
  void has_to_go(const Vip& vip);
  void act(std::vector<Step> steps);
  void act(const std::vector<RouteStep>& steps, const std::vector<DenialStep>& lifts, TimePoint now);
  [[nodiscard]] std::vector<DenialStep> lifts(const RouterView& view) const;
  void let_vips_go(TimePoint now);
  void let_announced_go(const RouterView& view, TimePoint now);
  void finish();
  void give_up();
  void failed(Part& part, const std::string& error);

  std::string stack_;
  std::string fate_;                    // of what is left
  std::vector<DesiredAddress> wishes_;  // of services that are kept: hold; of the others: absent
  std::vector<std::size_t> last_;       // of them: those that go once the routes are gone
  std::vector<std::size_t> announced_;  // those that go once they are seen to be announced by themselves
  std::vector<DesiredRoute> routes_;
  bool has_routes_ = false;  // some have to go: this configuration's, which may be there, or seen leftovers
  TimePoint vips_go_at_;
  TimePoint ends_at_;

  Part kernel_;
  Part router_;
  std::uint64_t look_ = 0;  // the last one begun
  std::uint64_t last_id_ = 0;
  std::set<StepId> removing_;
  std::vector<RouteStep> withdrawing_;
  std::vector<DenialStep> lifting_;
  std::set<Vip> denied_;        // by the last read
  std::set<std::string> said_;  // errors, each once
  std::vector<Effect> effects_;
  bool exited_ = false;
};

}  // namespace herald
