// `heraldctl doctor`'s rules: what is known of the router and of this machine, judged against the configuration and the
// rules of the Route Server. Pure: facts in, findings out.
//
// A rule holds nothing against a fact that is not known.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/doctor/packet_rules.h"
#include "sidecar/doctor/router_facts.h"

namespace herald {

enum class Severity : std::uint8_t {
  error,    // herald cannot do what it is configured for, or will do harm
  warning,  // works, but not as well or not in every case
  note      // good to know
};
[[nodiscard]] std::string_view name_of(Severity severity);

struct Finding {
  Severity severity = Severity::note;
  std::string check;  // the rule's short name, for programs
  std::string what;
  std::string why;
  std::string fix;  // empty where there is nothing to do

  bool operator==(const Finding&) const = default;
};

struct HostFacts {
  std::string user;   // who runs doctor
  std::string group;  // whose members may talk to the router; empty when not known
  std::optional<bool> user_in_group = std::nullopt;         // none for root, who needs no group
  std::optional<bool> herald_in_group = std::nullopt;       // none when there is no user "herald"
  std::set<Vip> present = {};                               // VIPs on an interface
  std::map<Vip, std::string> foreign = {};                  // of these, without herald's mark: on which
  std::map<std::string, std::set<std::string>> names = {};  // of targets: their addresses, as text
  std::map<Vip, std::string> refused =
      {};  // nobody listens there, though a probe's target is listened at: as a line
  std::optional<PacketRules> packet_rules = std::nullopt;  // none: not to be read

  bool operator==(const HostFacts&) const = default;
};

// The name that a probe's target has, if it is one; a view of the probe's own text.
[[nodiscard]] std::string_view host_of_target(const ProbeSpec& probe);

// Errors first; within a severity in the order of the rules.
[[nodiscard]] std::vector<Finding> examine(const Config& config, const RouterFacts& router,
                                           const HostFacts& host);

}  // namespace herald
