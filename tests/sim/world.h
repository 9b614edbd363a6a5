// A virtual world around one Controller: a clock, a kernel, a router, targets, and whoever interferes with them.
//
// It does as the daemon does: all that is due at an instant is told by handle(), then decide() is asked and its
// effects carried out until it has nothing to say, then time jumps to whatever comes next. Everything is drawn from
// the seed, so the same seed gives the same world. Breaking an invariant throws Violation.
//
// The process can be crashed, between two turns or in the middle of carrying out one (everything in flight is lost;
// the kernel's addresses stay and their leases run), and stalled (what happens meanwhile is told in one turn when it
// runs again). In its place there may be `heraldd --withdraw` (world_withdrawal.cc).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/core/controller.h"
#include "sidecar/core/withdrawal.h"
#include "tests/sim/invariants.h"
#include "tests/sim/kernel.h"
#include "tests/sim/router.h"
#include "tests/sim/target.h"
#include "tests/sim/transcript.h"
#include "tests/sim/withdrawal_rules.h"

namespace herald::sim {

// How unkind a world is: probabilities of one occurrence, and the longest delays.
struct Faults {
  double look_fails = 0;
  double step_fails = 0;   // does nothing and says so
  double step_lies = 0;    // does nothing and says that it worked
  double step_denies = 0;  // works and says that it failed
  double notification_lost = 0;
  double stage_lost = 0;     // a cancellation is not answered
  double late_answer = 0;    // a cancelled attempt answers all the same
  double worker_busy = 0;    // an attempt waits, for up to a second, until its worker has time for it
  double crash_in_step = 0;  // before a step of a batch, or before it is answered
  double router_times_out = 0;
  double route_fails = 0;  // one step of a batch, as step_fails
  double route_lies = 0;
  double route_denies = 0;
  double route_hangs =
      0;  // the batch: no answer until its deadline, and what was said may be done still later
  double router_stale = 0;  // tells what it knew when it was asked, long after
  Duration word_delay{};    // of what is said of an attempt: its end, or what it was waiting for
  Duration look_delay{};
  Duration step_delay{};
  Duration route_delay = std::chrono::milliseconds(30);
  Duration router_delay = std::chrono::milliseconds(70);  // from the kernel's change to the router's table
};

class World {
 public:
  World(std::uint64_t seed, Faults faults, Transcript::Detail detail = Transcript::Detail::nothing,
        std::size_t lines = 100000);

  // The process.
  void start(const Config& config);
  void crash();
  // What the fault `crash_in_step` is followed by.
  void when_it_crashes(std::function<void()> action) { when_it_crashes_ = std::move(action); }
  void stall(Duration duration);
  void resume();  // ends a stall before its time
  void terminate();
  void hand_over();
  void reload(const Config& config);
  // While no process runs.
  void withdraw(const Config& config, Withdrawal::Vips vips);
  [[nodiscard]] bool withdraws() const { return withdrawal_.has_value(); }
  // The operators' orders. They are kept, and told to every later process before anything else.
  void administer(const event::Administer& order);
  void ask_for_attempt(ProbeId probe, bool counts);
  // Something has happened at a target, or somebody says so.
  void nudge(const std::string& service_and_probe, Nudge why);
  [[nodiscard]] std::vector<Admin> orders(const std::string& service) const {
    const auto found = orders_.find(service);
    return found == orders_.end() ? std::vector<Admin>{} : found->second;
  }
  // Whether anything was ever said of it.
  [[nodiscard]] bool was_ordered(const std::string& service) const { return orders_.contains(service); }
  // What the process remembered of its services is told to every later one.
  void clear_damping(const std::string& service);
  [[nodiscard]] bool is_stalled() const { return stalled_; }
  [[nodiscard]] bool runs() const { return controller_.has_value(); }
  [[nodiscard]] const Controller& controller() const { return *controller_; }

  // The others.
  void remove_address(const AddressKey& key);
  void put_address(const AddressKey& key, bool ours, std::optional<Duration> lifetime);
  void remove_interface(const std::string& name);
  void restore_interface(const std::string& name);
  void restart_router(Duration down);
  // Somebody types into the router: with the policy of that name, or none; no policy: `no network`.
  void configure_router(const Vip& vip, const std::optional<std::string>& policy);
  Router& router() { return router_; }
  [[nodiscard]] const Router& router() const { return router_; }
  Target& target(const std::string& service_and_probe) { return targets_[service_and_probe]; }
  Faults& faults() { return faults_; }
  [[nodiscard]] const Kernel& kernel() const { return kernel_; }
  // Somebody else's addresses that herald has stepped on, and could not know whose they are: looks had failed ever since
  // they took the place of what was, or was said to be, its own.
  [[nodiscard]] const std::set<AddressKey>& touched_blindly() const { return touched_blindly_; }

  // Time.
  [[nodiscard]] TimePoint now() const { return now_; }
  void at(TimePoint when, std::function<void()> action);
  void run_until(TimePoint end);

  Random& random() { return random_; }
  bool chance(double probability) {
    return probability > 0 && std::bernoulli_distribution(probability)(random_);
  }
  Duration up_to(Duration longest);

  void note(const std::string& text) { transcript_.note(text, now_); }
  [[nodiscard]] const Transcript& transcript() const { return transcript_; }
  // How often each thing happened, by name.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& counts() const { return counts_; }
  void count(const std::string& what) { ++counts_[what]; }

 private:
  void instant();
  void turn();
  void turn_withdrawal();
  [[nodiscard]] TimePoint next_time() const;
  void tell(const Event& event);
  void handle(const Event& event);
  void tell_withdrawal(const Event& event);
  [[nodiscard]] std::vector<Vip> vips_to_read() const;
  // Tells the process that runs now, unless it is gone by then.
  void tell_after(Duration delay, Event event);
  void end_process();
  void know(const Config& config);
  void end_migration(const Vip& vip);
  void kernel_changed();
  void expire_addresses();
  void watch_lease(const AddressKey& key);

  void attempt(ProbeId probe, RunId run);
  [[nodiscard]] Ran ran_until_now(Ran ran) const;
  Duration word_delay();
  void carry_out(const effect::StartProbe& effect);
  void carry_out(const effect::CancelProbe& effect);
  void carry_out(const effect::StartAside& effect);
  void carry_out(const effect::Probed& effect);
  void carry_out(const effect::Observe& effect);
  void carry_out(const effect::Apply& effect);
  void carry_out(const effect::ReadRouter& effect);
  void carry_out(const effect::ApplyRoutes& effect);
  void carry_out(const effect::Transition& effect);
  void carry_out(const effect::PeerTurned& effect);
  void carry_out(const effect::Notice& effect);
  void carry_out(const effect::Remember& effect);
  void carry_out(const effect::Exit& effect);
  void take(const effect::Apply& effect);
  StepOutcome apply(const Step& step);
  RouteOutcome apply(const RouteStep& step);
  RouteOutcome apply(const FallbackStep& step);
  RouteOutcome apply(const DenialStep& step);
  RouteOutcome tell_router(const std::string& what, const std::function<void()>& take);
  void configuration_changed();

  Random random_;
  Faults faults_;
  Transcript transcript_;
  Kernel kernel_;
  Router router_;
  std::set<AddressKey> touched_blindly_;
  std::map<std::string, Target> targets_;  // by "service/probe"
  std::map<std::string, std::uint64_t> counts_;

  TimePoint now_ = kBeginning;
  std::map<std::pair<TimePoint, std::uint64_t>, std::function<void()>> queue_;
  std::uint64_t sequence_ = 0;

  std::optional<Controller> controller_;
  std::optional<Invariants> invariants_;
  std::optional<Withdrawal> withdrawal_;
  std::optional<WithdrawalRules> withdrawal_rules_;
  std::map<ProbeId, Target*> probe_targets_;
  std::set<Vip> vips_;
  std::map<std::string, std::vector<Admin>> orders_;  // by service
  std::map<std::string, Flaps> flaps_;                // the same
  std::uint64_t router_read_ = 0;                     // the last one; an answer to another one is not told
  std::uint64_t life_ = 0;                            // of the process; what is in flight belongs to one
  std::map<RunId, Ran> attempts_;                     // in flight, and how they went until now
  std::uint64_t last_ticket_ = 0;
  bool stalled_ = false;
  std::vector<Event> inbox_;  // what a stalled process has not read
  bool turn_due_ = false;
  std::function<void()> when_it_crashes_;
  std::optional<bool> exit_;  // the process is about to exit; whether it called that clean
  TimePoint second_{};
  int turns_this_second_ = 0;
};

}  // namespace herald::sim
