// One service at work: what is wanted of it, what was seen of it, and so the state that users see.
//
//   adopting     it was found announced, or nothing was observed yet; nothing is changed.
//   announcing   wanted, and not yet seen on the interface, in the BGP table and at every established peer.
//   announced    wanted, and seen in all of them (as far as the stack can be read back at all).
//   withdrawing  not wanted, and still seen somewhere.
//   withdrawn    not wanted, and seen nowhere.
//   held         as withdrawn, but healthy: hold_down or damping delay the announcement.
//   draining     still announced, with the attributes of draining; withdrawn next.
//
// With the loopback lever the VIP is the announcement. With the others the router announces the VIP, which has to be on
// the interface before, and stays there until it is seen withdrawn and drain.linger has passed, or for good.
//
// Its tenure, beside what users see:
//
//   untouched   nothing was decided about it yet: the operator's order is one of before this start.
//   serving     the configuration has it.
//   leaving     the configuration has these VIPs no more: drained under a name that says so, and the VIP goes too.
//   gone        nothing of it is left, or all that is left was told for long enough: it wants and shows nothing.
//
//   untouched   evaluate() -> serving; leave() -> leaving
//   serving     leave() -> leaving
//   leaving     leave() -> leaving, with the VIPs that are left to it; evaluate() has seen it vanish -> gone
//
// Its ending, once herald is told to stop or to hand over, whichever is first; there is no way back from either:
//
//   none             what the machine wishes is done.
//   withdraws        stop(): it goes, or stays away.
//   keeps            stop() with on_exit: keep, of what was wanted then: it is left for good, without a lease.
//   hands_over       hand_over(), of what was wanted then: a successor goes on with it, also with what is drained or adopted.
//   hands_nothing    hand_over(), of what was not: it is not begun any more.
//
//   keeps        the machine wants it absent -> withdraws
//   hands_over   the machine wants it absent -> hands_nothing
//
// Between the two the ending has the last word on what is wanted: what leaves while herald stops or hands over is kept or
// handed over as the ending says. But the machine's wish to withdraw beats an ending that would keep, and for good.
//
// Whether it is `moving` to another lever (Dealings, sight.h) is apart from both: what is untouched, serves or leaves may
// still be announced by its address alone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/core/events.h"
#include "sidecar/core/route/route_plan.h"
#include "sidecar/core/service/machine.h"
#include "sidecar/core/service/record.h"
#include "sidecar/core/service/sight.h"
#include "sidecar/core/snapshot.h"

namespace herald {

// What a service wants done; the controller plans anew when it changes.
struct Demand {
  Want address = Want::hold;
  Want route = Want::hold;
  Grade grade = Grade::healthy;
  std::size_t ready = 0;  // VIPs that may be announced, because they are on the interface

  bool operator==(const Demand&) const = default;
};

class ServiceRun {
 public:
  // `by_address`: some of its VIPs were announced by their address alone until now, by another service.
  ServiceRun(ServiceSpec spec, TimePoint now, Since since = {}, bool by_address = false);

  // Takes a new look at everything. Returns the transitions that it made.
  std::vector<effect::Transition> evaluate(const Composed& composed, const Sight& sight, TimePoint now);
  // herald did not run for so long.
  void stalled(Duration late) { machine_.stalled(late); }
  // From now on only leaving is wanted; what is announced stays with a successor.
  void stop();
  void hand_over();

  // The same service by another specification: what it wants, and what is remembered of it, goes on.
  void reconfigure(ServiceSpec spec, Since since, bool by_address, TimePoint now);
  // A probe has another target, so that its health, or its grade, is not known any more: it is held as it is.
  void doubt(TimePoint now) { machine_.adopt_again(spec_.adopt_timeout, now); }
  // It has VIPs that another service announced until now, and its health is not known: adopts what is there.
  void take_over(TimePoint now) { machine_.take_over(spec_.adopt_timeout, now); }
  // Its VIPs are announced by their addresses alone.
  [[nodiscard]] bool is_by_address() const {
    return wish_.want != Want::absent && (!routes() || dealings_.moving);
  }
  // The configuration has these VIPs no more: they leave as by a drain, under a name that says so, and then it is gone().
  void leave(std::vector<Vip> vips, Since since, TimePoint now);
  [[nodiscard]] bool is_leaving() const { return tenure_ == Tenure::leaving || gone(); }
  [[nodiscard]] bool gone() const { return tenure_ == Tenure::gone; }
  // Of the steps in flight, from now on these are its own.
  void forget_in_flight();
  void expect(const IssuedStep& issued) { in_flight_.emplace(issued.id, issued.step); }
  void expect(const IssuedRouteStep& /*issued*/) { ++dealings_.routes_in_flight; }
  // Nothing was decided about it yet.
  [[nodiscard]] bool untouched() const { return tenure_ == Tenure::untouched; }

  // An operator's order, and one that was given before this start.
  effect::Transition administer(Admin admin, TimePoint now);
  // `by`: who ends them, and why. None: there were no such orders.
  std::optional<effect::Transition> end_orders(const Ends& ends, const Admin& by, TimePoint now);
  void restore(Admin admin);
  // Past withdrawals, of before this start.
  [[nodiscard]] std::optional<Flaps> flaps() const { return machine_.flaps(); }
  void recall(const Flaps& flaps, TimePoint now) { machine_.recall(flaps, now); }
  void clear_damping() { machine_.clear_damping(); }

  // A step of one of its VIPs was issued or has ended. The stack has to be read again after
  // `router_sequence`.
  void step_issued(const IssuedStep& issued, TimePoint now);
  void step_finished(StepId id, const StepOutcome& outcome, std::uint64_t router_sequence);
  void step_issued(const IssuedRouteStep& issued, TimePoint now);
  // Beside what is proven: whether the VIP is denied, a read tells.
  void step_issued(const DenialStep& step, TimePoint now);
  void step_finished(const DenialStep& step, const RouteOutcome& outcome);
  void step_finished(const IssuedRouteStep& issued, const RouteOutcome& outcome,
                     std::uint64_t router_sequence);

  void desire(std::vector<DesiredAddress>& desired) const;
  void desire(std::vector<DesiredRoute>& desired, const Sight& sight) const;
  // How its VIPs stand toward the fallback.
  void stand(std::vector<VipStanding>& standings, const Sight& sight) const;
  [[nodiscard]] const Demand& demand() const { return demand_; }
  [[nodiscard]] bool settled() const { return !problem_ || state_ == ServiceState::announced || gone(); }
  [[nodiscard]] const Problem& problem() const { return problem_; }
  // What others do to it, or would do, which herald can only tell.
  [[nodiscard]] Problem blame() const { return blames_ ? problem_ : Problem(); }
  // What evaluate() has seen to be carried out, once.
  [[nodiscard]] std::optional<CarriedOut> take_carried_out() {
    return std::exchange(carried_out_, std::nullopt);
  }
  // How long a stop may have to wait for the VIPs.
  [[nodiscard]] Duration longest_linger() const;
  // Nothing is left to wait for once herald stops.
  [[nodiscard]] bool has_left() const;
  [[nodiscard]] bool routes() const { return spec_.announce.via != Via::loopback; }
  // Else somebody else's address is meant to be there.
  [[nodiscard]] bool manages_vip() const { return !routes() || spec_.announce.manage_vip; }
  [[nodiscard]] std::optional<TimePoint> next_wakeup(TimePoint now) const;
  [[nodiscard]] const ServiceSpec& spec() const { return spec_; }
  [[nodiscard]] const ServiceMachine::Wish& wish() const { return wish_; }
  [[nodiscard]] const ServiceMachine& machine() const { return machine_; }
  // Everything but the probes.
  [[nodiscard]] ServiceSnapshot snapshot(const Sight& sight, TimePoint now,
                                         Records records = Records::with) const;

 private:
  enum class Tenure : std::uint8_t { untouched, serving, leaving, gone };
  enum class Ending : std::uint8_t { none, withdraws, keeps, hands_over, hands_nothing };
  using Transitions = std::vector<effect::Transition>;

  [[nodiscard]] ServiceSight see(const Sight& sight) const { return {spec_, policies_, dealings_, sight}; }
  [[nodiscard]] bool ends() const { return ending_ != Ending::none; }
  [[nodiscard]] const Policy& policy() const { return policies_[static_cast<std::size_t>(wish_.grade)]; }

  // evaluate(), in this order.
  void note_arrival(const ServiceSight& seen);
  void note_expiry(Transitions& made, TimePoint now);
  void decide_wish(const Composed& composed, Presence presence, TimePoint now);
  void take_health(const Composed& composed, ServiceState judged, Transitions& made, TimePoint now);
  void take_state(ServiceState judged, bool wished, Transitions& made, TimePoint now);
  void note_carrying_out(Want before, TimePoint now);
  void decide_demand(const ServiceSight& seen, TimePoint now);
  [[nodiscard]] bool has_vanished(const ServiceSight& seen, TimePoint now) const;

  void wish_ending();
  void note_departure(const ServiceSight& seen, TimePoint now);
  [[nodiscard]] Want vip_want(const ServiceSight& seen, TimePoint now) const;
  [[nodiscard]] bool announces_by_itself(Exposure exposure) const;
  [[nodiscard]] std::optional<TimePoint> vip_leaves_at() const;
  void desire_former(std::vector<DesiredRoute>& desired, const ServiceSight& seen) const;
  void finish_step(const Vip& vip, const std::string& text, const RouteOutcome& outcome);
  effect::Transition turned_admin(AdminState before, std::string why, TimePoint now);
  effect::Transition turned(Subject subject, std::string_view from, std::string_view to, std::string why,
                            TimePoint now);

  ServiceSpec spec_;
  Policies policies_;
  ServiceMachine machine_;
  Dealings dealings_;
  Tenure tenure_ = Tenure::untouched;
  Ending ending_ = Ending::none;
  Health health_ = Health::unknown;
  ServiceMachine::Wish wish_;
  Demand demand_;
  TimePoint leaves_at_{};
  ServiceState state_ = ServiceState::adopting;
  Problem problem_;
  bool blames_ = false;  // problem_ is not herald's to mend
  std::map<StepId, Step> in_flight_;
  ServiceRecord record_;
  struct Decided {
    Direction direction = Direction::announce;
    TimePoint at{};
  };
  std::optional<Decided> decided_;  // and not yet seen to be done
  std::optional<CarriedOut> carried_out_;
};

}  // namespace herald
