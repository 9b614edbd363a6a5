// herald's part of BIRD's configuration: one file that is herald's alone and that bird.conf includes. Pure: text in,
// routes out, and back.
//
// It holds a static protocol for each VIP that is announced, for `disable` is all that takes a route away while BIRD
// loads no file: with one protocol for several, those would go together. (2.0.12: a protocol more or less restarts no
// other.) An empty one, always there, shows that bird.conf includes the file. A description carries a mark of the
// route, so that `show protocols all` tells whether BIRD runs what the file holds, whoever restarted, reconfigured or
// undid in the meantime.
//
// To another AS, BIRD sends a MED only where the export filter of bird.conf sets it itself ("if defined(bgp_med) then
// bgp_med = bgp_med;"); prepending makes a route a loop for peers of the own AS, and a local preference is for those
// alone. All else needs nothing but an export filter that lets the VIPs pass.
//
// What is not exactly as herald writes it is not read back, so that no edit can keep BIRD from taking the next file.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/core/route/policy.h"
#include "sidecar/core/types.h"
#include "sidecar/text/address.h"

namespace herald {

// The empty one; and what the names of all others begin with.
inline constexpr std::string_view kBirdAnchor = "herald";
inline constexpr std::string_view kBirdProtocols = "herald_";
[[nodiscard]] std::string bird_protocol(const Vip& vip);  // herald_10_99_0_1, herald_fd00_99__1
[[nodiscard]] bool is_own_bird_protocol(std::string_view name);

struct BirdRoute {
  std::string policy;      // its name
  std::string attributes;  // as BIRD sets them, empty for none: "bgp_path.prepend(65001); bgp_med = 200;"

  bool operator==(const BirdRoute&) const = default;
};
using BirdRoutes = std::map<Vip, BirdRoute>;

// The error says what the configuration lacks: BIRD prepends a number that it is given, and knows no "own".
[[nodiscard]] std::expected<BirdRoute, std::string> bird_route(const Policy& policy,
                                                               std::optional<std::uint32_t> as);

// "route 10.99.0.1/32 blackhole { bgp_med = 200; }; # HERALD-web-degraded-1f3a5c7e"
[[nodiscard]] std::string bird_line(const Vip& vip, const BirdRoute& route);
// The description of the protocol with this route.
[[nodiscard]] std::string bird_mark(const Vip& vip, const BirdRoute& route);

[[nodiscard]] std::string render_bird_include(const BirdRoutes& routes);
[[nodiscard]] BirdRoutes parse_bird_include(std::string_view text);

}  // namespace herald
