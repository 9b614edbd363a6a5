// One change of what the router announces by its own configuration (levers vtysh and birdc): idempotent, as every
// step. Many go to the router together, and leave it in one UPDATE.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sidecar/core/policy.h"

namespace herald {

struct RouteStep {
  Vip vip;
  std::optional<Policy> policy;  // announce with it, in place of any other; none: withdraw

  bool operator==(const RouteStep&) const = default;
};

// "announce 10.99.0.1/32 with HERALD-web-healthy", "withdraw 10.99.0.1/32"
[[nodiscard]] std::string to_string(const RouteStep& step);

enum class RouteStepId : std::uint64_t {};

struct IssuedRouteStep {
  RouteStepId id{};
  RouteStep step;
};

}  // namespace herald
