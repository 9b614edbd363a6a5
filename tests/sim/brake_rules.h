// What must hold of the brake, judged from what the probes saw:
//
//  - It is on only where it is configured, and a hold ends when it was said to end, or before.
//  - It begins only when so many VIPs fail, or have just been withdrawn, as its figures say.
//  - What is held fails by timeouts alone: any other failure of a gate is obeyed in that turn. So is the operator, and
//    a stop (service_rules.h).
//  - No service is held for longer than `hold` since its gates went down: the brake delays once.
//
// That it announces nothing is a rule of steps: what is added has its gates up.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "sidecar/core/config.h"

namespace herald::sim {

class BrakeRules {
 public:
  explicit BrakeRules(std::optional<BrakeSpec> spec) : spec_(spec) {}

  // The turn is over: until when the core says that it holds; how many VIPs may be meant by it, at most, and how many
  // are announced.
  void settled(std::optional<TimePoint> until, std::size_t meant, std::size_t announced, TimePoint now);
  // Whether the gates of a service are down and it is announced all the same.
  void service(const std::string& name, bool held, TimePoint now);

 private:
  std::optional<BrakeSpec> spec_;
  std::optional<TimePoint> until_;
  std::map<std::string, TimePoint> held_since_;
};

}  // namespace herald::sim
