// A world that is drawn from its seed: how many services, how kind, who interferes and how often.
//
// It has two parts. In the first everything goes wrong as often as was drawn. Then the faults stop, every target is up
// or dead for good, and after a while what is there has to be what is wanted: that is checked at the end.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace herald::sim {

// Times a virtual minute.
struct Rates {
  double moods = 0;  // of every target
  double crashes = 0;
  double stalls = 0;
  double stops = 0;
  double deletions = 0;
  double fights = 0;      // somebody deletes a VIP again and again
  double foreigners = 0;  // somebody's own address, a VIP's or another
  double leftovers = 0;
  double interfaces = 0;
  double blindness = 0;  // looks fail for a while
  double routers = 0;
  double words = 0;      // of the operator, about a service
  double outages = 0;    // of a target that several probes ask
  double clearings = 0;  // of damping, by the operator
  double typists = 0;    // somebody changes the router's configuration by hand
  double deafness = 0;   // of the router, for a while: what is withdrawn stays advertised
  double handovers = 0;
  double reloads = 0;
};

struct Plan {
  Config config;
  Faults faults;
  Rates rates;
  // By what the router takes addresses, steered ones too where it leaves nothing out.
  std::optional<InterfaceImport> import = {};
  bool takes_part = false;     // in the fast withdrawal
  bool denied_before = false;  // something was denied before the first start
  bool takes_all = false;
  Duration chaos{};
  Duration quiet{};
};

[[nodiscard]] Plan draw_plan(std::uint64_t seed);
// What an administrator does to a configuration between two lives of the process: drops a service, brings one of `full`
// back, moves one to another interface, or changes its thresholds.
struct Edit {
  Config config;
  std::string what;
};
[[nodiscard]] std::string other_interface(const std::string& interface);
[[nodiscard]] Edit edit(const Config& running, const Config& full, std::uint64_t seed);
// And before a reload also: swaps the VIPs of two services, changes a lever, gives a probe another target or other times.
[[nodiscard]] Edit edit_alive(const Config& running, const Config& full, std::uint64_t seed);

[[nodiscard]] std::string describe(const Plan& plan);

// Whether, when and how `heraldd --withdraw` runs once a process has ended.
class Withdrawals {
 public:
  struct One {
    Withdrawal::Vips vips{};
    bool by_former = false;        // the configuration before it was edited, as the files hold an error
    bool finds_leftovers = false;  // of services that no configuration names
    Duration after{};
  };

  explicit Withdrawals(std::uint64_t seed);
  [[nodiscard]] std::optional<One> draw();

 private:
  bool chance(double probability);

  Random random_;
  bool any_;
};

// Events at targets, in two of three worlds: those that are due, now and then lost or late, and others that mean nothing, alone or
// in storms. By dice of its own, so that the seeds of other worlds keep their meaning.
class Nudging {
 public:
  explicit Nudging(std::uint64_t seed);
  [[nodiscard]] bool any() const { return any_; }
  // Of what happened in truth: after how long it is told; none: it is not.
  [[nodiscard]] std::optional<Duration> told_after();
  // Until the next that mean nothing.
  [[nodiscard]] Duration wait();
  struct Forged {
    std::size_t target = 0;
    Nudge why{};
    Duration after{};
  };
  [[nodiscard]] std::vector<Forged> forge(std::size_t targets);

 private:
  Random random_;
  bool any_;
  bool storms_;
  double lost_;
};

class RandomWorld {
 public:
  RandomWorld(std::uint64_t seed, Transcript::Detail detail, std::size_t lines);

  void run();
  [[nodiscard]] const World& world() const { return world_; }

 private:
  void interfere();
  void every(double per_minute, const std::string& what, std::function<void()> action);
  void schedule(Duration mean, const std::string& what, std::function<void()> action);
  void change_mood();
  void nudge(const std::string& target);
  void forge_nudges();
  void break_shared();
  void crash();
  void stall();
  void stop();
  void hand_over();
  void reload();
  void replace_within(Duration patience, Duration pause);
  void restart_after(Duration pause);
  void start_after(Duration pause);
  void withdraw(const Config& former);
  void leave_something();
  void remove(const AddressKey& key);
  void fight();
  void add_foreigner();
  void add_leftover();
  void lose_interface();
  void go_blind();
  void trouble_router();
  void deafen_router();
  void say_a_word();
  [[nodiscard]] std::string some_operator();
  void ask_for_attempts();
  void clear_damping();
  void type_into_router();

  void calm_down();
  void check_end();
  void check_service(const ServiceSpec& service, const ServiceSnapshot& shown);
  [[nodiscard]] bool is_wanted(const ServiceSpec& service);
  void check_addresses(const ServiceSpec& service, bool wanted);
  void check_routes(const ServiceSpec& service, bool wanted);
  void check_leftovers();
  [[nodiscard]] AddressKey some_vip();
  [[nodiscard]] bool is_left_for_good(const AddressKey& key) const;
  [[nodiscard]] bool is_chaos() const { return world_.now() < chaos_ends_; }

  Plan plan_;
  World world_;
  TimePoint chaos_ends_;
  Config running_;
  Withdrawals withdrawals_;
  Nudging nudging_;
  std::vector<std::string> targets_;  // "service/probe"
  std::set<AddressKey> foreigners_;   // that nobody but herald could have removed
};

}  // namespace herald::sim
