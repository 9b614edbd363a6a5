// From health to a wish: what herald wants of a service's VIPs, by what its probes say together (compose.h), with the parts
// that need memory:
//
//   starting   nothing was observed yet: hold.
//   adopting   the first look found our VIPs announced (an earlier herald left them): hold, until the health is
//              known, or until adopt_timeout has passed and a gate has had nothing conclusive; then withdraw.
//              A service with attributes of its own for `degraded` waits here for its degrade probes, too. A reload that
//              gives one of these probes another target leads back here, or hands a VIP over to a service that is withdrawn
//              and of which nothing is known.
//   settled    announced or withdrawn, by the last conclusive health. While announced, unknown health holds: what
//              is there stays there, what is lost meanwhile is not put back on old evidence. While withdrawn,
//              unknown health changes nothing.
//
// What is announced on nothing for unknown_limit, adopted or not, is withdrawn; herald's own absence does not count.
//
// What the operators want beats all of this (orders.h). A drain of something announced first shows the `draining` attributes for
// drain.delay, counted from the first of several drains, where the service has some, and then withdraws; what is withdrawn or lost meanwhile stays so. Probes go
// on, so that the return is informed. A forced service is announced whatever its probes say. Neither adds to the
// penalty of damping, and hold_down does not delay the return: the operator has asked for it.
//
// A wish to announce waits for hold_down and damping (`held`), counted from the last withdrawal; adoption
// does not wait, because it announces nothing new. A withdrawal waits for nothing. Both outlive herald: recall() is told
// what flaps() said to the one before.
//
// Only the brake (brake.h) holds a withdrawal back: as with unknown health, what is there stays as it is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/service/compose.h"
#include "sidecar/core/service/damping.h"
#include "sidecar/core/service/orders.h"

namespace herald {

class ServiceMachine {
 public:
  struct Wish {
    Want want = Want::hold;
    Grade grade = Grade::healthy;  // of what is wanted present
    bool adopting = false;
    bool draining = false;  // still announced, with the attributes of draining
    // Healthy and waiting for hold_down or damping; or unhealthy, and the brake holds it.
    std::optional<TimePoint> held_until = std::nullopt;
    std::string reason;

    bool operator==(const Wish&) const = default;
  };

  ServiceMachine(const ServiceSpec& spec, TimePoint now);

  Wish evaluate(const Composed& composed, Presence presence, TimePoint now);
  void administer(Admin admin);
  // The one that decides; all of them are orders().
  [[nodiscard]] const Admin& admin() const { return orders_.effective(); }
  [[nodiscard]] const Orders& orders() const { return orders_; }
  // Returns the orders that have ended.
  std::vector<Admin> end(const Ends& ends);
  // It is drained so, whatever was said before.
  void drain_for_good(Admin admin);
  // By the health, or by force; what is drained leaves.
  [[nodiscard]] bool is_announced() const {
    return (phase_ == Phase::adopting || phase_ == Phase::announced) && admin().state != AdminState::drain;
  }
  // Ends one of the operators' orders whose time is over, and returns it then.
  std::optional<Admin> expire(TimePoint now);
  // Other figures for the same service; what is counted and remembered stays.
  void reconfigure(const ServiceSpec& spec, TimePoint now);
  // What was known of an announced service is known no more: adopts it anew.
  void adopt_again(Duration adopt_timeout, TimePoint now);
  // It has VIPs that another service announced until now, and its own health is not known: adopts what is there.
  void take_over(Duration adopt_timeout, TimePoint now);
  // Until when something conclusive is waited for.
  [[nodiscard]] TimePoint adopt_deadline() const { return adopt_deadline_; }
  // herald did not run for so long, so nothing could become known.
  void stalled(Duration late) { adopt_deadline_ += late; }
  // When evaluate() would say something new though no fact changed.
  [[nodiscard]] std::optional<TimePoint> next_wakeup(TimePoint now) const;
  [[nodiscard]] double penalty(TimePoint now) const;
  // How long an announcement would have to wait; none: not for this.
  [[nodiscard]] std::optional<TimePoint> damped_until(TimePoint now) const;
  [[nodiscard]] std::optional<TimePoint> held_down_until(TimePoint now) const;
  // The last withdrawal, as a later herald has to know it; none: nothing would wait for it.
  [[nodiscard]] std::optional<Flaps> flaps() const;
  void recall(const Flaps& flaps, TimePoint now);
  void clear_damping();

 private:
  enum class Phase : std::uint8_t { starting, adopting, announced, withdrawn };

  Wish follow_health(const Composed& composed, Presence presence, TimePoint now);
  Wish drain(Presence presence, TimePoint now);
  Wish force(const Composed& composed);
  void note_orders();
  Wish adopt(const Composed& composed, Presence presence, TimePoint now);
  Wish unknown(const Composed& composed, Presence presence, TimePoint now);
  Wish announce(const Composed& composed, TimePoint now);
  Wish give_up(const Composed& composed, Presence presence, TimePoint now);
  Wish withdraw(std::string reason, TimePoint now);
  // Whether what was found announced stays as it is until the grade is known.
  [[nodiscard]] bool waits_for_grade(const Composed& composed, Presence presence, TimePoint now) const;
  [[nodiscard]] std::optional<TimePoint> next_change(TimePoint now) const;
  [[nodiscard]] std::optional<TimePoint> held_until(TimePoint now) const;

  Duration hold_down_;
  Duration drain_delay_;  // zero where draining looks like any other announcement
  bool is_graded_;        // degraded looks otherwise than healthy
  [[nodiscard]] bool is_silent_too_long(TimePoint now) const {
    return silent_until_ && *silent_until_ <= now;
  }

  std::optional<Duration> unknown_limit_;
  std::optional<TimePoint> silent_until_;  // while the health is not known
  TimePoint adopt_deadline_;
  Orders orders_;
  std::optional<TimePoint> withdraw_at_;  // while it is drained
  Grade grade_ = Grade::healthy;          // of the last conclusive health
  Phase phase_ = Phase::starting;
  bool forced_up_ = false;                 // announced by force, and not by its health since
  std::optional<TimePoint> withdrawn_at_;  // the last withdrawal of something announced
  std::optional<Penalty> penalty_;
};

}  // namespace herald
