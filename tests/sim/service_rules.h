// What must hold for one service, from what its probes' outputs are and what the looks showed.
//
// With the loopback lever a VIP on the interface is the announcement; with the others the route is, as the router's
// configuration holds it.
//
// What the core wants is taken from the transitions that it tells: adopting; wanted (announcing, announced, draining); unwanted
// (withdrawing, withdrawn, held). Each change has to be justified, and a justified change must happen in that turn.
// What the operator says beats the gates: forced is wanted; drained is not, once drain.delay has passed.
// hold_down and damping are reckoned here a second time: nothing is announced before they allow it, and nothing waits
// longer, also across restarts.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/events.h"
#include "tests/sim/probe_rules.h"

namespace herald::sim {

// How many VIPs of the service the last look that was answered showed: on its own interface, if not said otherwise;
// or, where the router announces them, how many it holds.
struct Look {
  bool taken = false;
  std::size_t ours = 0;
  std::size_t foreign = 0;
  std::size_t elsewhere = 0;  // ours, on another interface only
};

class ServiceRules {
 public:
  enum class Claim : std::uint8_t { adopting, wanted, unwanted };
  enum class Gates : std::uint8_t { unknown, up, down };

  // What the gates say, and whether one of them has nothing conclusive to say: this is what adopt_timeout is for.
  struct Opinion {
    Gates gates = Gates::unknown;
    bool is_silent = false;    // a gate
    bool awaits_word = false;  // of an attempt that was cut off
    std::optional<TimePoint> silent_since =
        std::nullopt;          // the gate that is not known and was silent the longest
    bool is_ungraded = false;  // a probe that may degrade it is not known
  };

  ServiceRules(const ServiceSpec& spec, TimePoint now) : spec_(spec), started_(now), changed_at_(now) {}

  void looked(const Look& look, TimePoint now);
  // Something was seen that covers it.
  [[nodiscard]] bool sees() const { return look_.taken; }
  void administer(const event::Administer& order, TimePoint now);
  // Withdrawals of an earlier life, and what a later one is to know of this one's.
  void recall(const Flaps& flaps);
  void clear_damping();
  void remembered(const Flaps& flaps) const;
  // A reload. `doubted`: a gate, or what grades it, is not known any more; `known`: what its gates say all the same. Nothing
  // that was seen covers a service whose VIPs or lever are others.
  void reconfigured(const ServiceSpec& spec, bool doubted, bool known, TimePoint now);
  // What the router is to announce was announced by its address alone until now, and still is.
  void move() { moving_ = routes() && (claim_ != Claim::unwanted || takes_over_); }
  [[nodiscard]] bool is_moving() const { return moving_; }
  [[nodiscard]] bool is_by_address() const { return claim_ != Claim::unwanted && (!routes() || moving_); }
  // The router has to be read once more before what it holds counts.
  void await_read() { awaits_read_ = true; }
  void read() { awaits_read_ = false; }
  [[nodiscard]] bool awaits_read() const { return awaits_read_; }
  void stop() { stopping_ = true; }
  // What is announced stays, unless something else takes it down meanwhile.
  void hand_over() { stopping_ = handing_over_ = true; }
  void told(const effect::Transition& transition, Opinion opinion, TimePoint now);
  // `braked`: its gates may be down, and the brake holds it.
  void settled(Opinion opinion, bool braked, TimePoint now);
  void stalled(Duration duration) { started_ += duration; }

  [[nodiscard]] Claim claim() const { return claim_; }
  // Since when it has its VIPs and its lever: what lingers does so anew.
  [[nodiscard]] TimePoint changed_at() const { return changed_at_; }
  [[nodiscard]] TimePoint unwanted_since() const { return unwanted_since_; }
  [[nodiscard]] bool routes() const { return spec_.announce.via != Via::loopback; }
  // What the operators' orders come to by now.
  [[nodiscard]] AdminState admin(TimePoint now) const;
  [[nodiscard]] bool stopping() const { return stopping_; }
  // When what is drained now, or was before, has shown it for drain.delay.
  [[nodiscard]] TimePoint drained_at(TimePoint now) const {
    return admin(now) == AdminState::drain ? drained_at_ : now + spec_.drain.delay;
  }
  // When the last drain had, or will have, shown it for so long.
  [[nodiscard]] TimePoint drain_ends() const { return drained_at_; }
  [[nodiscard]] const ServiceSpec& spec() const { return spec_; }

 private:
  // Some drain was said to stand, and nobody has heard that it has ended.
  [[nodiscard]] bool may_be_drained() const;
  void count_delay(TimePoint now);
  void check(bool holds, std::string_view rule) const;
  void told_unwanted(Claim before, Opinion opinion, TimePoint now);
  void told_wanted(Claim before, Opinion opinion, TimePoint now) const;
  // Of a drain: its delay has passed, or nothing is announced that could be seen draining.
  [[nodiscard]] bool has_drained(TimePoint now) const;
  void settled_by_itself(Opinion opinion, bool braked, TimePoint now) const;
  [[nodiscard]] bool is_open(Opinion opinion, TimePoint now) const;
  // For unknown_limit.
  [[nodiscard]] bool has_told_nothing(const Opinion& opinion, TimePoint now) const;
  void penalize(TimePoint now);
  [[nodiscard]] double penalty(TimePoint now) const;
  [[nodiscard]] bool is_damped(TimePoint now, double margin) const;

  ServiceSpec spec_;
  TimePoint started_;
  TimePoint changed_at_;
  bool doubted_ = false;
  bool awaits_read_ = false;
  bool moving_ = false;
  bool takes_over_ = false;  // by the last reload: what another service announced until then
  bool stopping_ = false;
  bool handing_over_ = false;
  Look look_;
  bool was_looked_at_ = false;
  bool found_none_ = false;      // at the first look
  bool drains_adopted_ = false;  // what is shown draining was being adopted
  bool by_force_ = false;        // announced by force, and not by its health since
  std::string state_ = "adopting";
  Claim claim_ = Claim::adopting;
  TimePoint unwanted_since_{};
  std::vector<Admin> orders_;
  TimePoint drained_at_{};                 // when the delay of the first drain is over
  std::optional<TimePoint> withdrawn_at_;  // when something announced was last given up
  double penalty_ = 0;                     // as of then
  bool damped_ = false;                    // until the penalty has decayed below `reuse`
};

// Of each person one drain, and one force of all; or it ends some.
void take_order(std::vector<Admin>& orders, const event::Administer& order);
// What they come to: one drain is enough, and beats a force.
[[nodiscard]] AdminState judge_orders(const std::vector<Admin>& orders, TimePoint now);

// Three-valued: what `require` says of gates of which so many are up and down.
[[nodiscard]] ServiceRules::Gates judge_gates(const Require& require, std::size_t gates, std::size_t up,
                                              std::size_t down);

}  // namespace herald::sim
