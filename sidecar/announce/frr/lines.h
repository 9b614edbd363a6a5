// What herald writes to bgpd, line by line. Pure: steps in, lines out. The words are those of the templates
// (frr/objects.h); what surrounds them, and their order, is here.
//
// It refuses: editing a route-map. A map is defined once, whole, before a `network` line names it, and what it holds
// never changes (policy.h): an edit would wait for bgpd's delay timer of 5 s, which every further edit restarts. One that
// somebody else edited is put right line by line, and the `network` line that follows has bgpd look at once. It is not deleted for
// that, and the map that somebody deleted is defined without a `network` line: bgpd takes it up by itself when its timer ends.
// For bgpd (8.4.4) crashes now and then when a map that a `network` line names is deleted, made again and named again at once.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/announce/frr/denials.h"
#include "sidecar/announce/frr/fallback.h"
#include "sidecar/announce/frr/map_shape.h"
#include "sidecar/announce/frr/objects.h"
#include "sidecar/core/route/route_step.h"

namespace herald {

struct FrrLine {
  enum class Kind : std::uint8_t {
    enter,  // opens a block: what is inside means nothing without it
    set,
    tidy,  // as `set`, but no step depends on it
    leave  // ends the block of its `enter`
  };
  Kind kind = Kind::set;
  std::string text;
  std::vector<std::size_t> steps;  // indices of the steps that it is for
  std::string map = {};            // the map to whose definition it belongs, if any
};

struct FrrBatch {
  std::vector<FrrLine> lines;
  RouteOutcomes outcomes;  // so far: why there is no line for a step
};

// What is known of the maps in bgpd that carry herald's prefix.
struct FrrMaps {
  std::set<std::string> defined;   // whole
  std::set<std::string> doubtful;  // there, unused, but perhaps cut off in the middle: defined anew
  std::set<std::string> unused;    // to be deleted
  std::map<std::string, FrrMapShape> edited = {};  // by somebody else, and what they hold now
  std::set<std::string> deleted = {};              // by somebody else, and a `network` line names them
};

// All that the steps need, in one piece: definitions of maps, `network` lines by address family, deletions.
// `as` is our own AS as bgpd writes it, empty when not known.
// `router_line` enters the instance: "router bgp 65001 vrf blue". The fallback's lines, one element a step of it, go
// after those of the routes; those of the denials, one a step of them where it needs any, before everything.
[[nodiscard]] FrrBatch frr_batch(const FrrObjects& objects, std::span<const RouteStep> steps,
                                 const std::string& router_line, std::string_view as, const FrrMaps& maps,
                                 std::span<const FrrFallbackLines> fallback = {},
                                 std::span<const FrrDenialLine> denials = {});

}  // namespace herald
