// The words of the core: time, names, verdicts, VIPs.
//
// What it refuses: reading a clock. CoreClock has no now(), so code in core/ that tries does not compile; the
// shell makes a TimePoint from CLOCK_MONOTONIC, the simulator from its virtual clock.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/core/words.h"

namespace herald {

using Duration = std::chrono::nanoseconds;

struct CoreClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<CoreClock>;
  static constexpr bool is_steady = true;
};
using TimePoint = CoreClock::time_point;

// One attempt of one probe. An answer that carries an id which is not in flight any more is dropped.
enum class RunId : std::uint64_t {};

// A probe of the running configuration, by a number that outlasts a reload; names are what users see.
enum class ProbeId : std::uint32_t {};

// What one attempt found out. `inconclusive` is herald's own trouble and counts neither way.
enum class Verdict : std::uint8_t { pass, warn, fail, inconclusive };
[[nodiscard]] constexpr auto words_of(Verdict) {
  using enum Verdict;
  return std::to_array<Word<Verdict>>(
      {{pass, "pass"}, {warn, "warn"}, {fail, "fail"}, {inconclusive, "inconclusive"}});
}

// Why an attempt did not pass; the names are what `hard_fail` lists and what status shows.
enum class Reason : std::uint8_t {
  none,
  timeout,      // no verdict before the deadline
  refused,      // ECONNREFUSED, or ICMP port unreachable for UDP
  reset,        // the peer closed or reset before it answered
  unreachable,  // no route, host or network unreachable, TTL exceeded
  tls,          // handshake or verification
  protocol,     // the answer is not of the protocol (HTTP, DNS)
  status,       // HTTP status, exit code
  header,       // HTTP header expectation
  body,         // body, or TCP answer, does not match
  json,         // JSON pointer expectation
  too_large,    // the answer is longer than the cap and did not match within it
  rcode,        // DNS response code
  answer,       // DNS answer section
  latency,      // warn: slower than warn.latency
  expiry,       // warn: certificate near its end
  resolve,      // inconclusive: the target's name has no address yet
  local,        // inconclusive: no descriptors, ports or memory; fork failed; no permission
  cost,         // the answer takes more CPU time than is allowed
  late,         // inconclusive: herald's own loop ran late
  inverted      // fail: `invert` is set and the target answered well
};
[[nodiscard]] constexpr auto words_of(Reason) {
  using enum Reason;
  return std::to_array<Word<Reason>>({{none, ""},
                                      {timeout, "timeout"},
                                      {refused, "refused"},
                                      {reset, "reset"},
                                      {unreachable, "unreachable"},
                                      {tls, "tls"},
                                      {protocol, "protocol"},
                                      {status, "status"},
                                      {header, "header"},
                                      {body, "body"},
                                      {json, "json"},
                                      {too_large, "too_large"},
                                      {rcode, "rcode"},
                                      {answer, "answer"},
                                      {latency, "latency"},
                                      {expiry, "expiry"},
                                      {resolve, "resolve"},
                                      {local, "local"},
                                      {cost, "cost"},
                                      {late, "late"},
                                      {inverted, "inverted"}});
}

struct ProbeResult {
  Verdict verdict = Verdict::inconclusive;
  Reason reason = Reason::none;
  std::string detail;  // one line for people: "200 in 1.2 ms", "connect: Connection refused"
  Duration latency{};
  // The end of the certificate that ends first of those that the target showed, in seconds since 1970; none: it showed none.
  std::optional<std::int64_t> certificate_end = std::nullopt;

  bool operator==(const ProbeResult&) const = default;
};

// When an attempt was really run, by the clock of who ran it, and how much of that time it was not served: the runner was
// busy with others, or did not run. What is said by the clock rests on this, not on when heraldd hears of it.
struct Ran {
  TimePoint began{};
  TimePoint ended{};
  Duration stalled{};

  bool operator==(const Ran&) const = default;
};

// What the counters of one probe say. `rising` and `falling` are changes that are pending.
enum class ProbeState : std::uint8_t { unknown, rising, up, falling, down };
[[nodiscard]] constexpr auto words_of(ProbeState) {
  using enum ProbeState;
  return std::to_array<Word<ProbeState>>(
      {{unknown, "unknown"}, {rising, "rising"}, {up, "up"}, {falling, "falling"}, {down, "down"}});
}

enum class Health : std::uint8_t { unknown, healthy, degraded, unhealthy };
[[nodiscard]] constexpr auto words_of(Health) {
  using enum Health;
  return std::to_array<Word<Health>>(
      {{unknown, "unknown"}, {healthy, "healthy"}, {degraded, "degraded"}, {unhealthy, "unhealthy"}});
}

// How good an announcement is; each may have attributes of its own.
enum class Grade : std::uint8_t { healthy, degraded, draining };
[[nodiscard]] constexpr auto words_of(Grade) {
  using enum Grade;
  return std::to_array<Word<Grade>>({{healthy, "healthy"}, {degraded, "degraded"}, {draining, "draining"}});
}
inline constexpr std::size_t kGrades = 3;

// What the operator wants of a service; it stands beside the measured health and beats it.
enum class AdminState : std::uint8_t { automatic, drain, force };
[[nodiscard]] constexpr auto words_of(AdminState) {
  using enum AdminState;
  return std::to_array<Word<AdminState>>({{automatic, "auto"}, {drain, "drain"}, {force, "force"}});
}

// What herald does about a service, as users see it.
enum class ServiceState : std::uint8_t {
  adopting,
  withdrawn,
  announcing,
  announced,
  draining,
  withdrawing,
  held
};
[[nodiscard]] constexpr auto words_of(ServiceState) {
  using enum ServiceState;
  return std::to_array<Word<ServiceState>>({{adopting, "adopting"},
                                            {withdrawn, "withdrawn"},
                                            {announcing, "announcing"},
                                            {announced, "announced"},
                                            {draining, "draining"},
                                            {withdrawing, "withdrawing"},
                                            {held, "held"}});
}

// What changes in a transition: one of these of a service, or what a probe says.
enum class Subject : std::uint8_t { state, health, admin, probe };
[[nodiscard]] constexpr auto words_of(Subject) {
  using enum Subject;
  return std::to_array<Word<Subject>>(
      {{state, "state"}, {health, "health"}, {admin, "admin"}, {probe, "probe"}});
}
inline constexpr std::size_t kServiceSubjects = 3;

// A host prefix in canonical text ("10.99.0.1/32", "fd00:99::1/128"). The core compares it and never looks
// inside; config_file makes it canonical, the adapters parse it.
struct Vip {
  std::string prefix;

  auto operator<=>(const Vip&) const = default;
};

// What is wanted of a VIP.
enum class Want : std::uint8_t {
  absent,
  present,
  hold,      // leave it as it is, and keep the lease of what is there
  keep,      // leave it for good: no lease (on_exit: keep)
  hand_over  // leave it to a successor: as it is, and the lease in full
};

// What the last observation says of the service's VIPs, as far as they are herald's.
enum class Presence : std::uint8_t { unobserved, none, some, all };

// Who drains what leaves, and everything when it is not known who was drained.
inline constexpr std::string_view kByHerald = "herald";

// An operator's order, with whose it is.
struct Admin {
  AdminState state = AdminState::automatic;
  std::string reason;  // as given, may be empty
  std::string who;     // "root", "uid 1000"
  TimePoint since{};
  std::optional<TimePoint> expires = std::nullopt;

  bool operator==(const Admin&) const = default;
};

// Which orders one of `automatic` ends.
struct Ends {
  AdminState state = AdminState::automatic;         // of this kind; `automatic`: of every kind
  std::optional<std::string> whose = std::nullopt;  // none: everybody's

  bool operator==(const Ends&) const = default;
};

// What has to survive a restart of a service's damping: or a service that takes herald or the machine down with it would start with a clean
// record each time.
struct Flaps {
  TimePoint withdrawn_at{};  // the last withdrawal
  double penalty = 0;        // as of then
  bool suppressed = false;   // until the penalty has decayed below `reuse`

  bool operator==(const Flaps&) const = default;
};

}  // namespace herald
