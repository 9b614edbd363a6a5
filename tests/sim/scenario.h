// A scenario: a configuration, what happens when, and the timeline that must come of it, in one readable file.
//
//   # a comment
//   router frr                                    none, when not said
//   service web vip 10.99.0.1/32 require all lease 30s
//   probe web front interval 1s fast 250ms timeout 800ms rise 5 fall 3
//   before ours 10.99.0.1/32 20s                  what the kernel has before the process starts
//   at 3s target front refuse
//   at 20s crash
//   at 30s every 200ms for 10s delete 10.99.0.1/32
//   until 60s
//   ---
//       0.497  web/front: unknown -> up           the timeline: transitions, steps, notices, what others did
//
// Keys that are not said have the contract's defaults, but for the lease (1h) and jitter (0): so that a timeline
// shows what it is about. The words are in scenario.cc, in two tables.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace herald::sim {

struct Scenario {
  struct Action {
    Duration at{};
    std::string text;  // shown in the timeline
    std::function<void(World&)> run;
  };

  Config config;
  std::vector<Action> before;
  std::vector<Action> actions;
  Duration end{};
  std::string script;    // everything above the --- line, as it was written
  std::string expected;  // everything below
};

// Throws std::runtime_error that names the line.
[[nodiscard]] Scenario parse_scenario(const std::string& text);
// The timeline, a line each.
[[nodiscard]] std::string play(const Scenario& scenario);

}  // namespace herald::sim
