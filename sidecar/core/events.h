// Everything that goes into the controller and everything that comes out, as values: they can be logged,
// recorded, replayed, simulated and fuzzed.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <variant>
#include <vector>

#include "sidecar/core/address/address_plan.h"
#include "sidecar/core/probe/nudges.h"
#include "sidecar/core/route/route_step.h"
#include "sidecar/core/route/router_view.h"
#include "sidecar/core/service/machine.h"
#include "sidecar/core/types.h"

namespace herald {

namespace event {

// An attempt ended by itself.
struct ProbeFinished {
  RunId run{};
  ProbeResult result;
  Ran ran = {};
};
// Answer to CancelProbe, unless the attempt had just ended: what it was waiting for ("connecting").
struct ProbeStage {
  RunId run{};
  std::string stage;
  Ran ran = {};
};
// The kernel says that addresses or links changed, or that it lost notifications: look again.
struct AddressesChanged {};
// Answer to Observe, taken after it was asked for.
struct Observed {
  std::uint64_t sequence = 0;
  std::expected<Observation, std::string> observation;
};
// Answer to Apply.
struct StepFinished {
  StepId id{};
  StepOutcome outcome;
};
// Answer to ReadRouter.
struct RouterRead {
  RouterView view;
};
// Answer to ApplyRoutes.
struct RoutesApplied {
  RouteOutcomes outcomes;
};
// A sign that the router was restarted or changed: read it now.
struct RouterChanged {};
// An operator's order about one service, beside those of others; or, where it is `automatic`, the end of some. Told only
// once it is kept where it survives.
struct Administer {
  std::string service;
  Admin admin;
  Ends ends = {};
};
// Somebody asks for an attempt now. One that counts is the probe's next one, only earlier; one that does not runs beside
// the probe's own and changes nothing.
struct ProbeNow {
  ProbeId probe{};
  std::uint64_t ticket = 0;
  bool counts = false;
};
// Something has happened at a probe's target: its next attempt is due now. Nothing else: an event never counts.
struct Nudged {
  ProbeId probe{};
  Nudge why{};
};
// What effect::Remember said to an earlier herald. Told before anything is decided.
struct Recall {
  std::string service;
  Flaps flaps;
};
// An operator's order: the penalty is forgotten. Told only once that is kept.
struct ClearDamping {
  std::string service;
  std::string who;
};
// The operator's word: what somebody else has put there of the service's VIPs is herald's from now on.
struct Adopt {
  std::string service;
  std::string who;
};
// SIGTERM: leave as on_exit says, then Exit.
struct Stop {};
// Leave everything announced to a successor, then Exit.
struct Handover {};

}  // namespace event

using Event = std::variant<event::ProbeFinished, event::ProbeStage, event::AddressesChanged, event::Observed,
                           event::StepFinished, event::RouterRead, event::RoutesApplied, event::RouterChanged,
                           event::Administer, event::Recall, event::ClearDamping, event::ProbeNow,
                           event::Nudged, event::Adopt, event::Stop, event::Handover>;

namespace effect {

struct StartProbe {
  ProbeId probe{};
  RunId run{};
};
// The deadline has passed, or herald is stopping: destroy the attempt, and say what it was waiting for.
struct CancelProbe {
  RunId run{};
  ProbeId probe{};
};
// As StartProbe, beside an attempt of the same probe that may be in flight. It is ended by the same events and effects.
struct StartAside {
  ProbeId probe{};
  RunId run{};
};
// Answer to ProbeNow.
struct Probed {
  std::uint64_t ticket = 0;
  ProbeId probe{};
  ProbeResult result;
};
// Look at the addresses now and answer with this sequence.
struct Observe {
  std::uint64_t sequence = 0;
};
struct Apply {
  StepId id{};
  Step step;
};
// Ask the routing stack; one read is in flight at a time.
struct ReadRouter {};
// Send these to the router, together. A read that is in flight is given up, and is not answered any more.
struct ApplyRoutes {
  std::vector<IssuedRouteStep> steps;
  std::vector<FallbackStep> fallback = {};
  std::vector<DenialStep> denials = {};
};

// For the log, the history, and for whoever watches. `probe` is empty when the service itself changed.
struct Transition {
  TimePoint at{};
  std::string service;
  std::string probe;
  std::string from;
  std::string to;
  std::string reason;
  Subject subject = Subject::state;
  Duration lasted{};  // how long it was `from`

  bool operator==(const Transition&) const = default;
};
// "web: announced -> withdrawing: why", "web/front: up -> down: why", "web: admin auto -> drain: by root"
[[nodiscard]] std::string to_string(const Transition& transition);
// A session of the router's was lost, or is back: told and kept as a transition is. `from` and `to` are the router's words.
struct PeerTurned {
  TimePoint at{};
  std::string peer;  // its address
  std::string from;
  std::string to;
  std::string reason;
  Duration lasted{};  // how long it was `from`

  bool operator==(const PeerTurned&) const = default;
};
// "peer 10.1.1.4: Established -> Active: why"
[[nodiscard]] std::string to_string(const PeerTurned& turned);
// Something that people should read, at most once per cause.
struct Notice {
  bool error = false;
  std::string service;
  std::string text;
};
// Keep this for the next herald, soon: nothing waits for it.
struct Remember {
  std::string service;
  Flaps flaps;
};
// Nothing is left to do. `clean` is false when something could not be withdrawn, or a lease not renewed, in time.
struct Exit {
  bool clean = true;
};

}  // namespace effect

using Effect =
    std::variant<effect::StartProbe, effect::CancelProbe, effect::StartAside, effect::Probed, effect::Observe,
                 effect::Apply, effect::ReadRouter, effect::ApplyRoutes, effect::Transition,
                 effect::PeerTurned, effect::Notice, effect::Remember, effect::Exit>;

}  // namespace herald
