// Everything that status, why and metrics show, copied out of the controller at one moment.
#pragma once

#include <deque>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/counts.h"
#include "sidecar/core/events.h"
#include "sidecar/core/probe/nudges.h"
#include "sidecar/core/route/router_view.h"
#include "sidecar/core/service/machine.h"

namespace herald {

struct ProbeSnapshot {
  std::string name;
  std::string type;
  Role role = Role::gate;
  ProbeState state = ProbeState::unknown;
  std::optional<bool> up;  // what its service goes by: none while that is not known
  bool degraded = false;
  ProbeResult last;                   // the last attempt, whatever its verdict
  std::optional<TimePoint> last_run;  // start of that attempt
  std::optional<TimePoint> next_run;  // none while one is in flight
  std::uint32_t passes = 0;           // in a row
  std::uint32_t failures = 0;         // in a row
  std::uint32_t rise = 0;
  std::uint32_t fall = 0;
  std::uint64_t runs = 0;          // attempts since the start
  std::uint64_t inconclusive = 0;  // of these
  std::uint64_t nudged = 0;        // of these: brought forward by an event
  std::uint64_t nudges_dropped = 0;
  std::optional<Nudge> last_nudge;  // of the last attempt, where it was nudged
  std::optional<Duration> suspect;  // from when on further attempts run beside one; none without `overlap`
  AttemptCounts counts;             // also of one of this name that had another target, before a reload
  std::optional<std::int64_t> certificate_end;  // see ProbeResult; as it was seen last
  std::string events;  // where its nudges come from; the shell fills it in, as the core does not know
};

struct VipSnapshot {
  std::string prefix;
  std::string interface;
  bool wanted = false;
  bool on_interface = false;  // herald's own address
  bool foreign = false;       // there, without herald's mark: left alone
  std::optional<TimePoint> lease_until;
  RouterRoute route;
  std::optional<std::string> policy;    // vtysh, birdc: by which the router's configuration holds it
  std::optional<std::string> kept_off;  // why it is not there before it is announced; none: it may be
  std::vector<std::string> denied_to;   // peers to which the fallback denies it
  std::optional<std::string>
      refused;               // why its clients are; the shell fills it in, as the core does not know
  bool denied_fast = false;  // by the list of the fast withdrawals
};

// A step that was taken for a service, and what came of it.
struct StepRecord {
  TimePoint at{};
  std::string text;
  std::optional<std::expected<void, std::string>> outcome;  // none while in flight

  bool operator==(const StepRecord&) const = default;
};

struct ServiceSnapshot {
  std::string name;
  Via via = Via::loopback;
  Health health = Health::unknown;
  Admin admin;                   // the order that decides
  std::vector<Admin> orders;     // all that stand, by when they were given
  Grade grade = Grade::healthy;  // of what is wanted
  ServiceState state = ServiceState::adopting;
  std::string reason;
  std::optional<std::string> problem;  // why state is not yet what is wanted
  bool leaving = false;                // the configuration has it no more; no order reaches it
  TimePoint since{};                   // of state
  TimePoint health_since{};
  CountBy<ServiceState> turned;  // how often it became so
  double penalty = 0;
  Require require;
  std::optional<Damping> damping;         // its figures, where it is on
  std::optional<TimePoint> damped_until;  // what an announcement would have to wait for
  std::optional<TimePoint> held_down_until;
  std::vector<VipSnapshot> vips;
  std::vector<ProbeSnapshot> probes;
  std::deque<effect::Transition> transitions;  // newest last, bounded
  std::deque<StepRecord> steps;                // newest last, bounded
};

// Announced, healthy and without a problem, or drained and gone. herald's own drain of a service that does not leave was
// nobody's wish: it does not know any more who was drained.
[[nodiscard]] bool is_as_wanted(const ServiceSnapshot& service);

// How late the loop's timers fired. The core cannot know; the shell fills it in.
struct LatenessSnapshot {
  std::uint64_t timers = 0;  // since the start
  Duration median{};
  Duration p99{};
  Duration most{};
  Histogram all;
};

// A session of the router's.
struct PeerSnapshot {
  std::string address;
  TimePoint since{};         // that it turned, or was seen first
  std::uint64_t losses = 0;  // seen

  bool operator==(const PeerSnapshot&) const = default;
};

// What heraldd alone knows of itself; it fills it in.
struct SelfSnapshot {
  TimePoint started{};
  TimePoint configured{};             // since when the configuration is what it is
  std::optional<TimePoint> reloaded;  // the last time that it was to be another
  bool reload_good = true;            // and whether it is
  std::uint64_t log_lines_lost = 0;
  Duration cpu{};
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t descriptors = 0;
  std::uint64_t most_descriptors = 0;
};

// Withdrawals are held back until then.
struct BrakeSnapshot {
  TimePoint until{};
  std::string why;
};

// Whether a snapshot has the last transitions and steps of its services: they are most of what it costs to make.
enum class Records : std::uint8_t { with, without };

struct Snapshot {
  TimePoint at{};
  Stack stack = Stack::none;
  FallbackLevel fallback = FallbackLevel::off;
  bool fast_withdraw = false;
  bool stopping = false;
  std::optional<std::string> observe_error;  // why the interfaces cannot be read
  std::optional<BrakeSnapshot> brake;
  std::optional<RouterView> router;  // none: not read yet, or stack none
  std::optional<TimePoint> router_read_at;
  std::vector<ServiceSnapshot> services;
  std::vector<PeerSnapshot> peers;  // of the last read that was answered
  CoreCounts counts;
  LatenessSnapshot lateness;
  SelfSnapshot self;
  bool dry_run = false;  // the shell fills it in, too: the core does not know that its steps are not taken
};

}  // namespace herald
