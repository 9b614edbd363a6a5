// The running configuration, typed and comparable. config_file makes it from JSON; the core and the adapters
// read nothing else. Ranges and defaults are checked and filled in there, so a Config is always valid.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/types.h"

namespace herald {

using namespace std::chrono_literals;

enum class Role : std::uint8_t { gate, degrade, info };
[[nodiscard]] constexpr auto words_of(Role) {
  using enum Role;
  return std::to_array<Word<Role>>({{gate, "gate"}, {degrade, "degrade"}, {info, "info"}});
}

// When a probe runs. Times are start to start.
struct ProbeTiming {
  Duration interval = 1s;
  Duration fast_interval = 250ms;  // while a change is pending or nothing is known yet
  Duration down_interval = 1s;
  Duration timeout = 800ms;  // deadline of the whole attempt
  double jitter = 0.05;      // fraction of the interval, both ways

  bool operator==(const ProbeTiming&) const = default;
};

// `fail` failures among the last `of` attempts take the probe down too, however they are spread.
struct Window {
  std::uint32_t fail = 0;
  std::uint32_t of = 0;

  bool operator==(const Window&) const = default;
};

// What the results of a probe mean.
struct ProbeThresholds {
  std::uint32_t rise = 5;
  std::uint32_t fall = 3;
  std::optional<Window> window = std::nullopt;
  std::vector<Reason> hard_fail = {};  // reasons that skip `fall`
  bool invert = false;

  bool operator==(const ProbeThresholds&) const = default;
};

// Where a probe's packets leave from.
struct SocketOptions {
  std::string source;       // literal address, or empty
  std::string bind_device;  // interface or VRF, or empty
  std::uint32_t mark = 0;   // SO_MARK, 0 for none

  bool operator==(const SocketOptions&) const = default;
};

// What the target of a probe is, as far as the kernel can tell of its end.
enum class Listens : std::uint8_t { nothing, tcp, udp };

// Whether what the kernel tells of the target makes an attempt due (probe/nudges.h).
enum class EventUse : std::uint8_t { automatic, off };
[[nodiscard]] constexpr auto words_of(EventUse) {
  using enum EventUse;
  return std::to_array<Word<EventUse>>({{automatic, "auto"}, {off, "off"}});
}

// Whether further attempts run beside one that is unanswered for unusually long (probe/probe_run.h).
struct Overlap {
  bool is_on = false;
  std::optional<Duration> suspect = std::nullopt;  // none: by what is usual for the target

  bool operator==(const Overlap&) const = default;
};

struct ProbeSpec {
  std::string name;
  std::string type;
  Role role = Role::gate;
  ProbeTiming timing;
  ProbeThresholds thresholds;
  SocketOptions socket;
  std::string target;  // what it asks, "10.0.0.5:443": services that share it fail together; empty: not known
  Listens listens = Listens::nothing;
  EventUse events = EventUse::automatic;
  Overlap overlap;
  // For how long connections may wait at its listener, and none be accepted, before an attempt is due; none: not looked at.
  std::optional<Duration> accept_stall = std::nullopt;
  bool hold = false;  // one connection to the target is kept, and its end makes an attempt due
  // The keys of the type alone, as JSON text: opaque here, read by the probe kind's own parse function.
  std::string settings;

  bool operator==(const ProbeSpec&) const = default;
};

// A service is up when at least `count` gates are; `all` and `any` are kept as words because status shows
// them.
struct Require {
  enum class Kind : std::uint8_t { all, any, at_least };
  Kind kind = Kind::all;
  std::uint32_t count = 0;  // at_least

  bool operator==(const Require&) const = default;
};

// RFC 2439 figures; only ever delays an announcement.
struct Damping {
  Duration half_life = 5min;
  double suppress = 2500;  // 1000 is added by each withdrawal
  double reuse = 1000;
  Duration max_suppress = 30min;

  bool operator==(const Damping&) const = default;
};

enum class OnExit : std::uint8_t { withdraw, keep };
[[nodiscard]] constexpr auto words_of(OnExit) {
  using enum OnExit;
  return std::to_array<Word<OnExit>>({{withdraw, "withdraw"}, {keep, "keep"}});
}

// The lever. `loopback` moves the address and the stack redistributes it; the others have the router announce it, and
// the address stays.
enum class Via : std::uint8_t { loopback, vtysh, birdc };
[[nodiscard]] constexpr auto words_of(Via) {
  using enum Via;
  return std::to_array<Word<Via>>({{loopback, "loopback"}, {vtysh, "vtysh"}, {birdc, "birdc"}});
}

// What an announcement carries (RFC 4271; RFC 1997 and 8092 for communities).
struct Attributes {
  std::uint32_t prepend = 0;     // times our own AS, beside the one that eBGP adds
  std::uint32_t prepend_as = 0;  // that AS, where there is something to prepend; router.bgp.as
  std::optional<std::uint32_t> med = std::nullopt;
  // "65001:100" or, large, "65001:1:2"; config_file turns well-known names into numbers.
  std::vector<std::string> communities = {};
  std::optional<std::uint32_t> local_preference = std::nullopt;

  bool operator==(const Attributes&) const = default;
};

enum class VipOnDown : std::uint8_t { keep, remove };
[[nodiscard]] constexpr auto words_of(VipOnDown) {
  using enum VipOnDown;
  return std::to_array<Word<VipOnDown>>({{keep, "keep"}, {remove, "remove"}});
}

struct AnnounceSpec {
  Via via = Via::loopback;
  std::string interface = "lo";
  bool manage_vip = true;                   // vtysh, birdc; false: something else owns the address
  std::optional<Duration> lease = 30s;      // loopback; whole seconds; none: the address is permanent
  VipOnDown vip_on_down = VipOnDown::keep;  // vtysh, birdc
  std::array<std::optional<Attributes>, kGrades> attributes = {};  // by grade; none: not asked for

  bool operator==(const AnnounceSpec&) const = default;
};

// How a service leaves: `draining` attributes for so long, then withdrawn, and the VIP stays for so long.
struct DrainSpec {
  Duration delay = 5s;
  Duration linger = 30s;

  bool operator==(const DrainSpec&) const = default;
};

struct ServiceSpec {
  std::string name;
  std::vector<Vip> vips;
  AnnounceSpec announce;
  Require require;
  std::vector<ProbeSpec> probes;
  Duration hold_down = 0s;
  std::optional<Damping> damping;
  DrainSpec drain;
  Duration adopt_timeout = 30s;
  std::optional<Duration> unknown_limit =
      std::nullopt;  // how long it stays announced on nothing; none: without a bound
  OnExit on_exit = OnExit::withdraw;

  bool operator==(const ServiceSpec&) const = default;
};

enum class Stack : std::uint8_t { frr, bird, none };
[[nodiscard]] constexpr auto words_of(Stack) {
  using enum Stack;
  return std::to_array<Word<Stack>>({{frr, "frr"}, {bird, "bird"}, {none, "none"}});
}

// How FRR is asked and told: by vtysh, or by bgpd's own socket, with vtysh where that does not answer.
enum class Transport : std::uint8_t { vtysh, socket };
[[nodiscard]] constexpr auto words_of(Transport) {
  using enum Transport;
  return std::to_array<Word<Transport>>({{vtysh, "vtysh"}, {socket, "socket"}});
}

struct VtyshSpec {
  std::string path = "/usr/bin/vtysh";
  std::string pathspace;
  std::string socket_dir = "/run/frr";  // of the daemons' sockets; a pathspace is a directory in it
  Transport transport = Transport::vtysh;
  Duration timeout = 2s;

  bool operator==(const VtyshSpec&) const = default;
};

struct BirdSpec {
  std::string birdc = "/usr/sbin/birdc";
  std::string socket = "/run/bird/bird.ctl";
  std::string include = "/etc/bird/herald.conf";  // herald's alone
  Duration timeout = 2s;

  bool operator==(const BirdSpec&) const = default;
};

// How far herald goes when the router goes on advertising what was withdrawn (fallback.h).
enum class FallbackLevel : std::uint8_t { off, deny, shutdown };
[[nodiscard]] constexpr auto words_of(FallbackLevel) {
  using enum FallbackLevel;
  return std::to_array<Word<FallbackLevel>>({{off, "off"}, {deny, "deny"}, {shutdown, "shutdown"}});
}

// What the Route Server is, for its rules and for ready configuration.
enum class Preset : std::uint8_t { azure, aws, gcp, generic };
[[nodiscard]] constexpr auto words_of(Preset) {
  using enum Preset;
  return std::to_array<Word<Preset>>({{azure, "azure"}, {aws, "aws"}, {gcp, "gcp"}, {generic, "generic"}});
}

struct RouterSpec {
  Stack stack = Stack::none;
  std::optional<std::uint32_t> as;  // our own
  std::string router_id;            // an IPv4 address in text, or empty
  std::string vrf = "default";
  Preset preset = Preset::generic;
  std::optional<std::uint32_t> peer_as;  // route_server.as
  std::vector<std::string>
      peers;  // route_server.peers: literal addresses; empty: every peer that the stack has
  FallbackLevel fallback = FallbackLevel::off;
  Duration fallback_after = 5s;
  bool fast_withdraw = false;  // fast_withdraw.h
  std::uint32_t fast_withdraw_max_routes = 100;
  VtyshSpec vtysh;
  BirdSpec bird;

  bool operator==(const RouterSpec&) const = default;
};

struct ControlSpec {
  std::string socket = "/run/herald/control.sock";
  std::string group = "herald";

  bool operator==(const ControlSpec&) const = default;
};

// When withdrawals are held back (brake.h): more than `share` of the announced VIPs, and at least `least` of them.
struct BrakeSpec {
  double share = 0.5;
  std::uint32_t least = 3;
  Duration hold = 30s;

  bool operator==(const BrakeSpec&) const = default;
};

// Who runs the probes.
struct WorkersSpec {
  std::uint32_t processes = 0;  // 0: as many as there are cores, at most 4
  std::string user;             // whom they become where heraldd is root; empty: herald-probe, else nobody

  bool operator==(const WorkersSpec&) const = default;
};

// Where herald is seen by HTTP.
struct HttpSpec {
  std::vector<std::string> listen;  // canonical, see text/listen_address.h; empty: nowhere

  bool operator==(const HttpSpec&) const = default;
};

struct Config {
  RouterSpec router;
  ControlSpec control;
  WorkersSpec workers;
  HttpSpec http = {};
  std::optional<BrakeSpec> brake = std::nullopt;
  std::string state_dir = "/var/lib/herald";
  std::vector<ServiceSpec> services;

  bool operator==(const Config&) const = default;
};

}  // namespace herald
