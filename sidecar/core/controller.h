// The only door to the core: tell it what happened, ask it what to do, ask it when to wake.
//
//   handle(event, now)   records a fact. It decides nothing.
//   decide(now)          once all facts of a turn are in: what to do about them, in order. Call it again when
//                        carrying out an effect brought new facts, until it returns nothing.
//   next_wakeup()        when decide() has something to say though nothing happened.
//
// What it watches has three boxes that do not know each other: the probes (ProbeFleet), the addresses (AddressSide) and the
// router (RouteSide). Its own are the services, who owns which VIP, the brake, and the order of a turn: what the boxes are
// told and asked, it takes from one and carries to the next.
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

#include "sidecar/core/address/address_side.h"
#include "sidecar/core/counts.h"
#include "sidecar/core/events.h"
#include "sidecar/core/probe/probe_fleet.h"
#include "sidecar/core/route/peer_record.h"
#include "sidecar/core/route/route_side.h"
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
  [[nodiscard]] std::size_t probe_count() const { return fleet_.size(); }
  [[nodiscard]] const ProbeSpec& probe(ProbeId id) const { return fleet_.run(fleet_.place(id)).spec(); }
  [[nodiscard]] ProbeId probe_id(std::size_t index) const { return fleet_.id(index); }
  [[nodiscard]] std::size_t id_limit() const { return fleet_.id_limit(); }
  // In the order of the configuration.
  [[nodiscard]] std::vector<ProbeId> probes_of(std::string_view service) const;
  // Every VIP of the configuration, and those that are leaving, though the configuration has them no more: what observations
  // and router reads have to cover.
  [[nodiscard]] std::vector<Vip> vips() const;
  [[nodiscard]] std::vector<Vip> leaving() const;
  // Addresses that equal a VIP of the service and are not herald's, as far as they were seen.
  [[nodiscard]] std::vector<AddressKey> foreign_addresses(std::string_view service) const;
  [[nodiscard]] Snapshot snapshot(TimePoint now, Records records = Records::with) const;
  [[nodiscard]] const Brake& brake() const { return brake_; }
  // What differs between what is wanted and what was seen last, as the steps that it takes: those that are about to be
  // taken, wait for their time, or are under way. Refreshes of leases are routine, and left out.
  struct Plan {
    std::vector<Step> addresses;
    RouteBatch routes;
    // What differs by others' doing, and no step of herald's changes: by service.
    std::map<std::string, std::string> blames;
  };
  [[nodiscard]] Plan plan(TimePoint now) const;

 private:
  void on(const event::ProbeFinished& event, TimePoint now);
  void on(const event::ProbeStage& event, TimePoint now);
  void on(const event::AddressesChanged& event, TimePoint now);
  void on(const event::Observed& event, TimePoint now);
  void on(const event::StepFinished& event, TimePoint now);
  void on(const event::RouterRead& event, TimePoint now);
  void note_peers(const RouterView& view, TimePoint now);
  void on(const event::RoutesApplied& event, TimePoint now);
  void on(const event::RouterChanged& event, TimePoint now);
  void on(const event::Administer& event, TimePoint now);
  void on(const event::ProbeNow& event, TimePoint now);
  void on(const event::Nudged& event, TimePoint now);
  void on(const event::Recall& event, TimePoint now);
  void on(const event::ClearDamping& event, TimePoint now);
  void on(const event::Adopt& event, TimePoint now);
  void on(const event::Stop& event, TimePoint now);
  void on(const event::Handover& event, TimePoint now);

  // decide(), in this order.
  void finish_expired(TimePoint now);
  void run_timers(TimePoint now);
  void decide_brake(TimePoint now);
  void evaluate_services(TimePoint now);
  void note_decision(std::size_t index, const Standing& before, TimePoint now);
  void judge_fallback(TimePoint now);
  void plan_addresses(TimePoint now);
  void plan_routes(TimePoint now);
  void look();
  void read_router(TimePoint now);
  void leave(TimePoint now);

  void notice_stall(TimePoint now);
  void recover_from_stall(Duration late, TimePoint now);
  void take(ProbeFleet::Outcome outcome);
  template <typename Effects>
  void emit(Effects effects) {
    for (auto& effect : effects) effects_.emplace_back(std::move(effect));
  }
  void count(RouterCommand command, bool good) {
    counts_.router[static_cast<std::size_t>(command)].count(result_of(good));
  }
  void notice(bool error, std::string service, std::string text, TimePoint now);
  void begin_to_leave(TimePoint give_up_at);
  [[nodiscard]] bool has_left(TimePoint now) const;

  void evaluate(std::size_t index, TimePoint now);
  [[nodiscard]] Composed compose_service(std::size_t index) const;
  [[nodiscard]] bool is_about_to_be_told(std::size_t index) const;
  [[nodiscard]] Standing standing(std::size_t index) const;
  [[nodiscard]] Brake::Picture picture() const;
  // A stop is not braked, and what it withdraws has not failed; what is handed over goes on as it is.
  [[nodiscard]] bool is_going_on() const { return !stopping_ || handing_over_; }
  [[nodiscard]] Sight sight() const;
  [[nodiscard]] std::vector<DesiredAddress> desired_addresses() const;
  [[nodiscard]] std::vector<DesiredRoute> desired_routes() const;

  [[nodiscard]] std::optional<std::size_t> find_service(const std::string& name) const;
  // Whose the VIP is; null: it is a leftover. What is touched is judged anew.
  [[nodiscard]] ServiceRun* find_owner(const Vip& vip);
  ServiceRun* touch_owner(const Vip& vip);
  void touch_all();
  void report_leftover(const std::string& step, TimePoint now);

  // configure(), part by part.
  struct Former;
  struct ServiceEntry;
  [[nodiscard]] Former take_apart(Config config);
  [[nodiscard]] ProbeFleet::Reconfigured take_probes(const Former& former, TimePoint now);
  void take_service(const ServiceSpec& spec, const std::vector<bool>& doubted, Former& former, TimePoint now);
  void leave(const ServiceRun& run, Former& former, TimePoint now);
  void take_leaving(Former& former, TimePoint now);
  void take_timers(const Former& former);
  void assign_steps_in_flight();
  // Of what covers the configuration from now on.
  [[nodiscard]] Since since() const { return {address_.latest_sequence() + 1, route_.latest_sequence() + 1}; }

  // Timer keys: one a service, then these.
  enum class Timer : std::uint8_t { brake, give_up, count };
  [[nodiscard]] Timers::Key key(Timer timer) const {
    return static_cast<Timers::Key>(services_.size() + static_cast<std::size_t>(timer));
  }
  [[nodiscard]] TimePoint next_due() const;

  Config config_;
  ProbeFleet fleet_;
  AddressSide address_;
  RouteSide route_;
  PeerRecord peers_;

  struct ServiceEntry {
    ServiceRun run;
    std::size_t first_probe = 0;  // its place
  };
  std::vector<ServiceEntry> services_;  // those of the configuration, then those that leave
  std::map<Vip, std::size_t> owner_;    // service by VIP
  std::set<std::size_t> dirty_;         // services to evaluate
  Timers timers_;
  std::vector<Effect> effects_;
  Brake brake_;
  CoreCounts counts_;
  TimePoint stall_noticed_at_{};
  std::map<std::string, TimePoint> noticed_;  // when it was last said
  bool stopping_ = false;
  bool handing_over_ = false;
  bool exited_ = false;
};

}  // namespace herald
