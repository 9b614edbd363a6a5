// With what a VIP is announced: the attributes of one service's grade, under a name.
//
// The name says what it holds: it carries a hash of the attributes, so that other attributes have another name. That
// is why a router object of this name is created once and never edited (FRR waits 5 s after an edit of a route-map),
// and why a change of grade, or of the configuration, is a change of name.
#pragma once

#include <string>
#include <string_view>

#include "sidecar/core/config.h"

namespace herald {

// What marks a route-map of FRR, and a route in BIRD's include file, as herald's.
inline constexpr std::string_view kPolicyPrefix = "HERALD-";

struct Policy {
  std::string name;  // "HERALD-web-healthy", "HERALD-web-degraded-1f3a5c7e"
  Attributes attributes;

  bool operator==(const Policy&) const = default;
};

// The policy of a grade. What a grade does not set is as for `healthy`; whether there is a `draining` of its own, see
// has_draining().
[[nodiscard]] Policy policy_of(const ServiceSpec& service, Grade grade);

// FNV-1a in eight hexadecimal digits: tells few things apart, and defends against nobody.
[[nodiscard]] std::string name_hash(std::string_view text);

// Whether draining, or degraded, looks any different on the wire.
[[nodiscard]] bool has_draining(const AnnounceSpec& announce);
[[nodiscard]] bool has_degraded(const AnnounceSpec& announce);

}  // namespace herald
