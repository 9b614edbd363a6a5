// One change of what the router announces by its own configuration (levers vtysh and birdc): idempotent, as every
// step. Many go to the router together, and leave it in one UPDATE.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/route/policy.h"
#include "sidecar/core/route/router_view.h"

namespace herald {

struct RouteStep {
  Vip vip;
  std::optional<Policy> policy;  // announce with it, in place of any other; none: withdraw

  bool operator==(const RouteStep&) const = default;
};

// "announce 10.99.0.1/32 with HERALD-web-healthy", "withdraw 10.99.0.1/32"
[[nodiscard]] std::string to_string(const RouteStep& step);

// Toward one peer, the fallback is to be exactly this (fallback.h). Without a peer: what nothing uses goes.
struct FallbackStep {
  std::string peer;
  PeerFallback wanted;

  bool operator==(const FallbackStep&) const = default;
};

// "fallback: deny 10.99.0.1/32 to 10.1.1.4", "fallback: lift everything toward 10.1.1.4"
[[nodiscard]] std::string to_string(const FallbackStep& step);

// Past the router's queue, the VIP is kept from the peers that take part, or that ends (fast_withdraw.h).
struct DenialStep {
  Vip vip;
  bool deny = false;

  bool operator==(const DenialStep&) const = default;
};

// "deny 10.99.0.1/32 to the peers", "lift the denial of 10.99.0.1/32"
[[nodiscard]] std::string to_string(const DenialStep& step);

// What goes to the router together: the denials first.
struct RouteBatch {
  std::vector<RouteStep> steps = {};
  std::vector<FallbackStep> fallback = {};
  std::vector<DenialStep> denials = {};

  [[nodiscard]] std::size_t size() const { return steps.size() + fallback.size() + denials.size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
};

// Of one step: the router has taken it, which is a claim (the next read decides); or why not, in a line for people with the
// router's own words.
using RouteOutcome = std::expected<void, std::string>;
// One a step of a batch, in their order: those of the routes, of the fallback, then the denials.
using RouteOutcomes = std::vector<RouteOutcome>;

enum class RouteStepId : std::uint64_t {};

struct IssuedRouteStep {
  RouteStepId id{};
  RouteStep step;
};

}  // namespace herald
