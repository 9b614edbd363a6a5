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
[[nodiscard]] std::string_view name_of(Role role);

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

struct ProbeSpec {
  std::string name;
  std::string type;
  Role role = Role::gate;
  ProbeTiming timing;
  ProbeThresholds thresholds;
  SocketOptions socket;
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

struct AnnounceSpec {
  std::string interface = "lo";
  std::optional<Duration> lease = 30s;  // whole seconds; none: the address is permanent

  bool operator==(const AnnounceSpec&) const = default;
};

struct ServiceSpec {
  std::string name;
  std::vector<Vip> vips;
  AnnounceSpec announce;
  Require require;
  std::vector<ProbeSpec> probes;
  Duration hold_down = 0s;
  std::optional<Damping> damping;
  Duration adopt_timeout = 30s;
  OnExit on_exit = OnExit::withdraw;

  bool operator==(const ServiceSpec&) const = default;
};

enum class Stack : std::uint8_t { frr, bird, none };
[[nodiscard]] std::string_view name_of(Stack stack);

struct VtyshSpec {
  std::string path = "/usr/bin/vtysh";
  std::string pathspace;
  Duration timeout = 2s;

  bool operator==(const VtyshSpec&) const = default;
};

struct BirdSpec {
  std::string birdc = "/usr/sbin/birdc";
  std::string socket = "/run/bird/bird.ctl";

  bool operator==(const BirdSpec&) const = default;
};

struct RouterSpec {
  Stack stack = Stack::none;
  std::string vrf = "default";
  std::vector<std::string>
      peers;  // route_server.peers: literal addresses; empty: every peer that the stack has
  VtyshSpec vtysh;
  BirdSpec bird;

  bool operator==(const RouterSpec&) const = default;
};

struct ControlSpec {
  std::string socket = "/run/herald/control.sock";
  std::string group = "herald";

  bool operator==(const ControlSpec&) const = default;
};

struct Config {
  RouterSpec router;
  ControlSpec control;
  std::vector<ServiceSpec> services;

  bool operator==(const Config&) const = default;
};

}  // namespace herald
