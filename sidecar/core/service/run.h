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
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sidecar/core/events.h"
#include "sidecar/core/route/fallback.h"
#include "sidecar/core/route/policy.h"
#include "sidecar/core/route/route_plan.h"
#include "sidecar/core/service/machine.h"
#include "sidecar/core/snapshot.h"

namespace herald {

// What a service's state is judged by; null where nothing was read yet.
struct Sight {
  const ObservedIndex* addresses = nullptr;
  std::uint64_t look_sequence = 0;  // of the look that they came from
  // Of these, what steps claim to have removed since: no more there for sure, and not yet seen to be gone.
  const std::set<AddressKey>* removed = nullptr;
  const RouterView* router = nullptr;
  std::uint64_t router_sequence = 0;  // of the read that `router` came from
  Stack stack = Stack::none;
  const OwnedRoutes* owned = nullptr;  // of the last read that was answered, however old
  std::uint64_t owned_sequence = 0;    // of that read
  const FallbackLadder* ladder = nullptr;
};

// What a service wants done; the controller plans anew when it changes.
struct Demand {
  Want address = Want::hold;
  Want route = Want::hold;
  Grade grade = Grade::healthy;
  std::size_t ready = 0;  // VIPs that may be announced, because they are on the interface

  bool operator==(const Demand&) const = default;
};

// The first look and the first read of the router that cover the service.
struct Since {
  std::uint64_t look = 0;
  std::uint64_t read = 0;
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
  [[nodiscard]] bool is_by_address() const { return wish_.want != Want::absent && (!routes() || moving_); }
  // The configuration has these VIPs no more: they leave as by a drain, under a name that says so, and then it is gone().
  void depart(std::vector<Vip> vips, Since since, TimePoint now);
  [[nodiscard]] bool departs() const { return departs_; }
  [[nodiscard]] bool gone() const { return gone_; }
  // Of the steps in flight, from now on these are its own.
  void forget_in_flight();
  void expect(const IssuedStep& issued) { in_flight_.emplace(issued.id, issued.step); }
  void expect(const IssuedRouteStep& /*issued*/) { ++routes_in_flight_; }
  // Nothing was decided about it yet.
  [[nodiscard]] bool untouched() const { return !judged_; }

  // The operator's word, and one that was said before this start.
  effect::Transition administer(Admin admin, TimePoint now);
  void restore(Admin admin);
  // Past withdrawals, of before this start.
  [[nodiscard]] std::optional<Flaps> flaps() const { return machine_.flaps(); }
  void recall(const Flaps& flaps, TimePoint now) { machine_.recall(flaps, now); }
  void clear_damping() { machine_.clear_damping(); }

  // A step of one of its VIPs was issued or has ended. The stack has to be read again after
  // `router_sequence`.
  void step_issued(const IssuedStep& issued, TimePoint now);
  void step_finished(StepId id, const std::string& error, std::uint64_t router_sequence);
  void step_issued(const IssuedRouteStep& issued, TimePoint now);
  void step_finished(const IssuedRouteStep& issued, const std::string& error, std::uint64_t router_sequence);

  void desire(std::vector<DesiredAddress>& desired) const;
  void desire(std::vector<DesiredRoute>& desired, const Sight& sight) const;
  // How its VIPs stand toward the fallback.
  void stand(std::vector<VipStanding>& standings, const Sight& sight) const;
  [[nodiscard]] const Demand& demand() const { return demand_; }
  [[nodiscard]] bool settled() const { return problem_.empty() || gone_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }
  // How long a stop may have to wait for the VIPs.
  [[nodiscard]] Duration longest_linger() const;
  // Nothing is left to wait for once herald stops.
  [[nodiscard]] bool has_left() const;
  [[nodiscard]] bool routes() const { return spec_.announce.via != Via::loopback; }
  [[nodiscard]] std::optional<TimePoint> next_wakeup(TimePoint now) const;
  [[nodiscard]] const ServiceSpec& spec() const { return spec_; }
  [[nodiscard]] const ServiceMachine::Wish& wish() const { return wish_; }
  [[nodiscard]] const ServiceMachine& machine() const { return machine_; }
  // Everything but the probes.
  [[nodiscard]] ServiceSnapshot snapshot(const Sight& sight, TimePoint now) const;

 private:
  struct Judged {
    ServiceState state = ServiceState::adopting;
    std::string problem;
  };

  [[nodiscard]] Presence presence(const Sight& sight) const;
  [[nodiscard]] Judged judge(const Sight& sight) const;
  [[nodiscard]] std::string announce_problem(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] std::string address_problem(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] std::string route_problem(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] std::string advertise_problem(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] std::string withdraw_problem(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] std::string withdraw_address_problem(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] std::string withdraw_route_problem(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] std::string stale_problem(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] bool is_stale(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] bool is_contained(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] VipStanding::Kind standing(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] std::string step_error(const Vip& vip) const;
  [[nodiscard]] static std::string silence(const Sight& sight, const std::string& step_error);
  [[nodiscard]] const ObservedAddress* find(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] const ObservedAddress* find_ours(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] bool was_removed(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] bool is_anywhere(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] bool is_ready(const Vip& vip, const Sight& sight) const;
  [[nodiscard]] bool was_read(const Sight& sight) const;
  [[nodiscard]] const Policy& policy() const { return policies_[static_cast<std::size_t>(wish_.grade)]; }
  [[nodiscard]] std::ptrdiff_t announced(const Sight& sight) const;
  void note_arrival(const Sight& sight);
  void note_departure(const Sight& sight, TimePoint now);
  void decide_demand(const Sight& sight, TimePoint now);
  void desire_former(std::vector<DesiredRoute>& desired, const Sight& sight) const;
  [[nodiscard]] bool has_vanished(const Sight& sight, TimePoint now) const;
  [[nodiscard]] Want vip_want(const Sight& sight, TimePoint now) const;
  [[nodiscard]] std::optional<TimePoint> vip_leaves_at() const;
  void finish_record(const Vip& vip, const std::string& text, const std::string& error);
  [[nodiscard]] const RouterRoute* route_of(const Vip& vip, const Sight& sight) const;
  // The policy by which the router's configuration holds it, if it does.
  [[nodiscard]] std::optional<std::string> owned_by(const Vip& vip, const Sight& sight) const;
  effect::Transition note(Subject subject, std::string_view from, std::string_view to, std::string why,
                          TimePoint now);

  ServiceSpec spec_;
  std::array<Policy, kGrades> policies_;
  ServiceMachine machine_;
  Since since_sight_;
  bool judged_ = false;
  bool moving_ = false;  // announced by its address, and to be announced by a route; until that is there
  bool departs_ = false;
  bool gone_ = false;
  bool stopping_ = false;
  bool hands_over_ = false;
  bool keeps_ = false;  // to be left as it is: it was wanted when herald was told to stop
  Health health_ = Health::unknown;
  ServiceMachine::Wish wish_;
  Demand demand_;
  std::optional<TimePoint> gone_at_;  // routes: when they were seen to be withdrawn
  TimePoint departs_at_{};
  std::size_t routes_in_flight_ = 0;
  ServiceState state_ = ServiceState::adopting;
  std::array<TimePoint, kServiceSubjects> since_;  // by Subject
  std::string problem_;
  std::uint64_t read_after_ = 0;  // a router read with a higher sequence has seen the last step
  std::map<Vip, std::string> step_errors_;
  std::map<StepId, Step> in_flight_;
  std::deque<effect::Transition> transitions_;
  struct Record {
    Vip vip;
    StepRecord shown;
  };
  std::deque<Record> steps_;
};

}  // namespace herald
