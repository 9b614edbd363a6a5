// The only door to the core: tell it what happened, ask it what to do, ask it when to wake.
//
//   handle(event, now)   records a fact. It decides nothing.
//   decide(now)          once all facts of a turn are in: what to do about them, in order. Call it again when
//                        carrying out an effect brought new facts, until it returns nothing.
//   next_wakeup()        when decide() has something to say though nothing happened.
//
// `now` never goes back. The controller keeps no descriptor, reads no clock and logs nothing; the same events
// at the same times with the same seed give the same effects.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidecar/core/events.h"
#include "sidecar/core/probe/asked_runs.h"
#include "sidecar/core/probe/probe_run.h"
#include "sidecar/core/route/fallback.h"
#include "sidecar/core/route/route_plan.h"
#include "sidecar/core/service/brake.h"
#include "sidecar/core/service/run.h"
#include "sidecar/core/snapshot.h"
#include "sidecar/core/timers.h"

namespace herald {

class Controller {
 public:
  Controller(Config config, std::uint64_t seed, TimePoint now);

  void handle(const Event& event, TimePoint now);
  // Goes on by another configuration with the same router.stack; not once it stops. Services and probes are who they were
  // by their names: what is not another stays as it is, to the attempts in flight. Services that are no more leave as by a
  // drain. The next decide() acts on it.
  struct Reconfigured {
    // These ask another target, or are new: whoever runs probes makes them anew. The others' ids have not changed.
    std::vector<ProbeId> remade;
    // What the router is asked or told by is another: a read in flight is given up, a batch in flight is still awaited.
    bool rewired = false;
  };
  Reconfigured configure(Config config, TimePoint now);
  // Before that, with a decide() after it: who has asked for attempts is answered by the old configuration.
  void end_asked(std::string_view why);
  std::vector<Effect> decide(TimePoint now);
  [[nodiscard]] TimePoint next_wakeup() const;

  [[nodiscard]] const Config& config() const { return config_; }
  // It was told to stop or to hand over.
  [[nodiscard]] bool stopping() const { return stopping_; }
  // The ids of the probes in the order of the configuration; all are lower than id_limit().
  [[nodiscard]] std::size_t probe_count() const { return probes_.size(); }
  [[nodiscard]] const ProbeSpec& probe(ProbeId id) const {
    return probes_[probe_at_[static_cast<std::size_t>(id)]].spec();
  }
  [[nodiscard]] ProbeId probe_id(std::size_t index) const { return ids_[index]; }
  [[nodiscard]] std::size_t id_limit() const { return probe_at_.size(); }
  // In the order of the configuration.
  [[nodiscard]] std::vector<ProbeId> probes_of(std::string_view service) const;
  // Every VIP of the configuration, and those that are leaving, though the configuration has them no more: what observations
  // and router reads have to cover.
  [[nodiscard]] std::vector<Vip> vips() const;
  [[nodiscard]] std::vector<Vip> leaving() const;
  [[nodiscard]] Snapshot snapshot(TimePoint now) const;
  [[nodiscard]] const Brake& brake() const { return brake_; }
  // What differs between what is wanted and what was seen last, as the steps that it takes: those that are about to be
  // taken, wait for their time, or are under way. Refreshes of leases are routine, and left out.
  struct Plan {
    std::vector<Step> addresses;
    RouteBatch routes;
  };
  [[nodiscard]] Plan plan(TimePoint now) const;

 private:
  void on(const event::ProbeFinished& event, TimePoint now);
  void on(const event::ProbeStage& event, TimePoint now);
  void on(const event::AddressesChanged& event, TimePoint now);
  void on(const event::Observed& event, TimePoint now);
  void on(const event::StepFinished& event, TimePoint now);
  void on(const event::RouterRead& event, TimePoint now);
  void on(const event::RoutesApplied& event, TimePoint now);
  void on(const event::RouterChanged& event, TimePoint now);
  void on(const event::Administer& event, TimePoint now);
  void on(const event::ProbeNow& event, TimePoint now);
  void on(const event::Recall& event, TimePoint now);
  void on(const event::ClearDamping& event, TimePoint now);
  void on(const event::Stop& event, TimePoint now);
  void on(const event::Handover& event, TimePoint now);

  // decide(), in this order.
  void finish_expired(TimePoint now);
  void run_timers(TimePoint now);
  void decide_brake(TimePoint now);
  void evaluate_services(TimePoint now);
  void judge_fallback(TimePoint now);
  void plan_steps(TimePoint now);
  void plan_routes(TimePoint now);
  void look();
  void read_router(TimePoint now);
  void leave(TimePoint now);
  [[nodiscard]] bool steps_are_done() const;
  [[nodiscard]] bool routes_are_done() const;
  [[nodiscard]] bool is_handed_over(TimePoint now) const;
  void stop_probes();
  [[nodiscard]] bool router_is_told() const {
    return !routes_.in_flight().empty() || !ladder_.in_flight().empty();
  }

  void notice_stall(TimePoint now);
  void recover_from_stall(Duration late, TimePoint now);
  void run_probe(std::size_t index, TimePoint now);
  [[nodiscard]] RunId next_run(std::size_t index) {
    return RunId{(++runs_ << kRunIndexBits) | static_cast<std::uint32_t>(ids_[index])};
  }
  // After anything that asked_ was told: when to look at it again.
  void settle_asked();
  template <typename Effects>
  void emit(Effects effects) {
    for (auto& effect : effects) effects_.emplace_back(std::move(effect));
  }
  // After an attempt of probe `index` has ended; `before` is what its tracker said until then.
  struct ProbeMark {
    HealthTracker::Output output{};
    bool degraded = false;
    bool pending = false;
    bool is_timeout = false;
  };
  [[nodiscard]] ProbeMark mark(std::size_t index) const;
  void probe_ended(std::size_t index, TimePoint next, const ProbeMark& before, TimePoint now);
  // Tells of a change of what the tracker says.
  void tell_output(std::size_t index, const ProbeMark& before, std::string why, TimePoint now);
  [[nodiscard]] std::optional<std::size_t> find_run(RunId run) const;
  [[nodiscard]] std::optional<std::size_t> find_service(const std::string& name) const;

  [[nodiscard]] Composed compose_service(std::size_t index) const;
  [[nodiscard]] Sight sight() const;
  [[nodiscard]] Standing standing(std::size_t index) const;
  [[nodiscard]] Brake::Picture picture() const;
  [[nodiscard]] static bool has_answered(const ProbeRun& probe);
  void mark_all_dirty();
  void mark_owners_of_changes(const ObservedIndex& here, const ObservedIndex& there);
  [[nodiscard]] std::vector<DesiredAddress> desired() const;
  [[nodiscard]] std::vector<DesiredRoute> desired_routes() const;
  void report_step(const IssuedStep& issued, TimePoint now);
  void report_step(const IssuedRouteStep& issued, TimePoint now);
  void report_step(const FallbackStep& step, TimePoint now);
  void read_router_at(TimePoint when);
  void notice(bool error, std::string service, std::string text, TimePoint now);

  // configure(), part by part.
  struct Former;
  struct ServiceEntry;
  [[nodiscard]] Former take_apart(Config config);
  void take_service(const ServiceSpec& spec, Former& former, TimePoint now);
  bool take_probe(const ProbeSpec& spec, const std::string& service, const ServiceEntry* old, Former& former,
                  TimePoint now);
  void depart(const ServiceRun& run, Former& former, TimePoint now);
  void take_departing(Former& former, TimePoint now);
  void cancel(ProbeRun& probe, ProbeId id);
  void give_ids(Former& former);
  void take_timers(const Former& former);
  void assign_steps_in_flight();

  // Everything is looked at again this often, though nothing tells of a change: notifications can be lost.
  static constexpr Duration kAudit = std::chrono::seconds(10);

  // A run's id holds the id of its probe.
  static constexpr std::uint64_t kRunIndexBits = 24;

  // Timer keys: one a probe, one a service, then these.
  enum class Timer : std::uint8_t {
    audit,
    look_again,
    reconcile,
    routes,
    router,
    pulse,
    brake,
    asked,
    give_up,
    count
  };
  [[nodiscard]] Timers::Key key(Timer timer) const;
  void on_timer(Timer timer, TimePoint now);

  Config config_;
  Random random_;
  std::vector<ProbeRun> probes_;
  std::vector<std::size_t> service_of_;  // by probe
  std::vector<ProbeId> ids_;             // by probe; they outlast a reload
  static constexpr std::size_t kNoProbe = static_cast<std::size_t>(-1);
  static constexpr ProbeId kNoId{static_cast<std::uint32_t>(-1)};
  std::vector<std::size_t> probe_at_;  // by id
  struct ServiceEntry {
    ServiceRun run;
    std::size_t first_probe = 0;
  };
  std::vector<ServiceEntry> services_;  // those of the configuration, then those that depart
  std::map<Vip, std::size_t> owner_;    // service by VIP
  Timers timers_;
  std::vector<Effect> effects_;
  std::set<std::size_t> dirty_;        // services to evaluate
  std::vector<std::size_t> expiring_;  // probes whose stage is awaited
  AskedRuns asked_;
  std::uint64_t runs_ = 0;
  std::size_t running_ = 0;
  TimePoint stall_noticed_at_{};

  Brake brake_;

  Reconciler reconciler_;
  bool plan_ = true;
  bool looked_ = false;  // a look was answered since the last plan
  ObservedIndex addresses_;
  std::set<AddressKey> removed_;  // as steps claim that ended since it was looked
  Observation observation_;
  std::uint64_t observed_sequence_ = 0;  // of observation_; 0: nothing observed yet
  std::uint64_t look_sequence_ = 0;      // of the last look begun
  bool looking_ = false;
  bool look_wanted_ = true;
  bool look_is_first_ = true;  // of the configuration
  std::uint32_t look_failures_ = 0;
  std::string observe_error_;

  RouteReconciler routes_;
  bool plan_routes_ = true;
  FallbackLadder ladder_;
  bool judge_fallback_ = false;
  OwnedRoutes owned_;                 // by the last read that was answered, and what later steps claim
  std::uint64_t owned_sequence_ = 0;  // of that read; 0: none yet
  std::uint64_t rewired_after_ = 0;   // routes are planned once a later read was answered, or failed

  std::optional<RouterView> router_;
  std::optional<TimePoint> router_read_at_;
  std::uint64_t router_sequence_ = 0;       // of router_
  std::uint64_t router_read_sequence_ = 0;  // of the last read begun
  bool reading_router_ = false;
  bool router_answered_ = false;
  Duration router_pace_{};

  std::map<std::string, TimePoint> noticed_;  // when it was last said
  bool stopping_ = false;
  bool handing_over_ = false;
  bool exited_ = false;
};

}  // namespace herald
