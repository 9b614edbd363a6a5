// What must hold at every step of a world, whatever happens in it. Throws Violation.
//
// One object watches one life of the process, from start to crash or exit. The rules themselves are in probe_rules.h,
// service_rules.h, step_rules.h, route_rules.h and brake_rules.h; here are those that tie them together:
//
//  - Results of attempts that are over change nothing, nor do those of attempts beside a probe's own. Whoever asks for
//    an attempt is answered once.
//  - Steps are for what is wanted, and what is wanted is stepped for, soon. What is not there is added only while the
//    gates are up: not on what was known once.
//  - The lease of a wanted VIP does not run out under a process that runs in a world without trouble.
//  - What is ours on another interface than its service's (the configuration was edited) is never added to; it is
//    removed once the VIP is not wanted, or was seen where it belongs.
//  - A route is announced only while its gates are up, or forced, and its VIP was seen on the interface; withdrawn
//    only when it is not wanted, so that a change of policy never passes through a withdrawal. What is drained is not
//    announced anew.
//  - The VIP of a route goes only once the route was seen withdrawn and linger has passed.
//  - The kernel and the router are looked at again and again.
//  - What is shown of the router's sessions is what was first seen of them and has been told since: no change is kept
//    silent, and none is told twice.
//  - A clean exit leaves what on_exit says; any exit comes within 5 s, and the linger of VIPs that go.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "sidecar/core/controller.h"
#include "tests/sim/brake_rules.h"
#include "tests/sim/kernel.h"
#include "tests/sim/probe_rules.h"
#include "tests/sim/route_rules.h"
#include "tests/sim/service_rules.h"
#include "tests/sim/step_rules.h"

namespace herald::sim {

class Invariants {
 public:
  Invariants(const Config& config, TimePoint now);

  // Around Controller::handle().
  // A turn begins.
  void turn(TimePoint now);
  void before(const Event& event, const Controller& controller, TimePoint now);
  void after(const Event& event, const Controller& controller, TimePoint now);
  // All that one call of decide() returned, before any of it is carried out.
  void decided(std::span<const Effect> effects, TimePoint now);
  // The turn is over.
  void settled(const Controller& controller, TimePoint now);

  // The process did not run until now, for so long.
  // `late`: by how much what herald had to do next is late; all that it can know of the stall.
  void stalled(Duration late, TimePoint now);
  // A step failed or lied, or the process did not run.
  void trouble(TimePoint now) { trouble_at_ = now; }
  // The kernel removed an address whose lifetime was over.
  void expired(const AddressKey& key, TimePoint now);
  // Around Controller::configure().
  void before_reload(const Config& next, const Controller& controller, TimePoint now);
  void after_reload(const Config& next, const Controller& controller, bool rewired, TimePoint now);
  void exited(bool clean, const Kernel& kernel, TimePoint now);
  [[nodiscard]] bool hands_over() const { return handing_over_; }
  // Herald cannot know of what has come about since then.
  [[nodiscard]] bool is_blind_to(TimePoint since) const { return steps_.is_blind_to(since); }

 private:
  struct ServiceEntry {
    ServiceRules rules;
    std::size_t first_probe = 0;
  };
  void on(const effect::StartProbe& effect, TimePoint now);
  void on(const effect::CancelProbe& effect, TimePoint now);
  void on(const effect::StartAside& effect, TimePoint now);
  void on(const effect::Probed& effect, TimePoint now);
  void on(const effect::Observe& effect, TimePoint now);
  void on(const effect::Apply& effect, TimePoint now);
  void on(const effect::ReadRouter& effect, TimePoint now);
  void on(const effect::ApplyRoutes& effect, TimePoint now);
  void on(const effect::Transition& effect, TimePoint now);
  void on(const effect::PeerTurned& effect, TimePoint now);
  void on(const effect::Notice& effect, TimePoint now);
  void on(const effect::Remember& effect, TimePoint now);
  void on(const effect::Exit& effect, TimePoint now);

  [[nodiscard]] ServiceRules* rules_of(const std::string& service);
  [[nodiscard]] std::size_t probe_of(RunId run) const;
  // An answer to what is in flight, or to its cancellation.
  [[nodiscard]] bool is_awaited(const Event& event) const;
  [[nodiscard]] ServiceRules::Opinion opinion_of(const ServiceEntry& service) const;
  [[nodiscard]] Look look_of(const ServiceSpec& spec) const;
  void check_step(const ServiceEntry& service, const Step& step, TimePoint now) const;
  void check_step_elsewhere(const ServiceEntry& service, const Step& step) const;
  [[nodiscard]] const ServiceEntry* owner(const Vip& vip) const;
  void check_services(const Controller& controller, TimePoint now);
  void check_shown(const Controller& controller, TimePoint now);
  void check_sessions(const RouterView& view);
  void check_overdue(TimePoint now);
  void administered(const event::Administer& event, TimePoint now);
  void router_told(TimePoint now);
  void check_announcement(const ServiceEntry& service, const RouteStep& step, TimePoint now) const;
  void check_step_of_route(const ServiceEntry& service, const Step& step, TimePoint now) const;
  void check_overdue_routes(TimePoint now);
  void note_addresses();
  [[nodiscard]] bool may_lie_there(const ServiceEntry& service) const;
  [[nodiscard]] bool goes_by_itself(const ServiceSpec& spec) const;
  [[nodiscard]] bool is_denied_for_nothing(const ServiceEntry& service, const Vip& vip) const;
  void check_left_routes() const;
  void check_left_addresses(const Kernel& kernel, TimePoint now) const;
  void check_handed_over(const Kernel& kernel, TimePoint now) const;
  [[nodiscard]] bool is_route_lacking(const ServiceEntry& service, const Vip& vip, TimePoint now) const;
  [[nodiscard]] bool is_address_of_route_lacking(const ServiceEntry& service, const AddressKey& key,
                                                 TimePoint now) const;
  [[nodiscard]] Duration longest_stop() const;
  [[nodiscard]] Duration longest_unread() const;
  [[nodiscard]] bool is_lacking(const ServiceEntry& service, const AddressKey& key, TimePoint now) const;
  [[nodiscard]] static std::string counters(const Controller& controller, TimePoint now);

  // What the router announced of VIPs that the configuration has no more: it goes step by step.
  struct Leaver {
    ServiceSpec spec;
    std::set<Vip> vips;
    TimePoint drained_at{};
    std::map<Vip, TimePoint> lost = {};  // when a read showed that somebody else had withdrawn it
  };
  [[nodiscard]] const Leaver* leaver(const Vip& vip) const;
  void note_departures(const Config& next, TimePoint now);
  void note_losses(TimePoint now);
  void check_departing(const Vip& vip, const RouteStep& step, TimePoint now) const;
  void check_departing(const Step& step, TimePoint now) const;
  [[nodiscard]] std::size_t index_of(ProbeId id) const { return index_of_.at(id); }

  std::vector<Leaver> leavers_;
  std::map<Vip, TimePoint>
      leaving_;  // that a reload has taken away, or has moved: until when a drain of it may show
  std::map<std::string, std::string>
      untouched_;              // by service that a reload does not mention: what is shown of it
  std::set<RunId> to_cancel_;  // attempts of probes that are no more
  std::map<ProbeId, std::size_t> index_of_;
  std::vector<ProbeRules> probes_;
  std::set<RunId> asides_;
  std::set<std::uint64_t> tickets_;  // that are not answered yet
  std::vector<ServiceEntry> services_;
  StepRules steps_;
  RouteRules routes_;
  BrakeRules brake_;
  std::map<AddressKey, TimePoint> lacking_since_;  // that something should be done about it
  TimePoint trouble_at_;
  std::optional<TimePoint> blind_at_;  // when a look failed
  std::optional<TimePoint> resumed_at_;
  std::optional<TimePoint> stopped_at_;
  bool handing_over_ = false;
  bool has_router_ = false;
  TimePoint read_router_at_;
  TimePoint looked_at_;
  TimePoint shown_at_;
  std::map<std::string, bool>
      sessions_;  // by peer: whether it is established, as it was seen first and told since
  std::optional<std::string> counters_;  // before a late answer
};

}  // namespace herald::sim
