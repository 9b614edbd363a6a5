// What must hold for one service, from what its probes' outputs are and what the looks showed.
//
// What the core wants is taken from the transitions that it tells: adopting; wanted (announcing, announced); unwanted
// (withdrawing, withdrawn, held). Each change has to be justified, and a justified change must happen in that turn.
// hold_down and damping are reckoned here a second time: nothing is announced before they allow it, and nothing waits
// longer.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "tests/sim/probe_rules.h"

namespace herald::sim {

// The service's VIPs in the last look that was answered: on its own interface, if not said otherwise.
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
    bool is_silent = false;  // a gate
  };

  ServiceRules(const ServiceSpec& spec, TimePoint now) : spec_(spec), started_(now) {}

  void looked(const Look& look);
  void stop() { stopping_ = true; }
  void told(const effect::Transition& transition, Opinion opinion, TimePoint now);
  void settled(Opinion opinion, TimePoint now) const;
  void stalled(Duration duration) { started_ += duration; }

  [[nodiscard]] Claim claim() const { return claim_; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  [[nodiscard]] const ServiceSpec& spec() const { return spec_; }

 private:
  void check(bool holds, std::string_view rule) const;
  void penalize(TimePoint now);
  [[nodiscard]] double penalty(TimePoint now) const;
  [[nodiscard]] bool is_damped(TimePoint now, double margin) const;

  ServiceSpec spec_;
  TimePoint started_;
  bool stopping_ = false;
  Look look_;
  bool found_none_ = false;  // at the first look
  std::string state_ = "adopting";
  Claim claim_ = Claim::adopting;
  std::optional<TimePoint> withdrawn_at_;  // when something announced was last given up
  double penalty_ = 0;                     // as of then
  bool damped_ = false;                    // until the penalty has decayed below `reuse`
};

// Three-valued: what `require` says of gates of which so many are up and down.
[[nodiscard]] ServiceRules::Gates judge_gates(const Require& require, std::size_t gates, std::size_t up,
                                              std::size_t down);

}  // namespace herald::sim
