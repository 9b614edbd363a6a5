// The difference between the addresses that are wanted and those that are, as ordered, idempotent steps; and the
// memory that repairs need.
//
// reconcile() is the pure difference. Reconciler adds the rules of repetition (repeats.h).
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/repeats.h"
#include "sidecar/core/types.h"

namespace herald {

// One address on one interface.
struct AddressKey {
  Vip vip;
  std::string interface;

  auto operator<=>(const AddressKey&) const = default;
};

struct DesiredAddress {
  AddressKey key;
  Want want = Want::hold;
  std::optional<Duration> lease;
};

// An address as it was seen: every address that carries herald's mark, and every one that equals a configured
// VIP.
struct ObservedAddress {
  AddressKey key;
  bool ours = false;                 // carries herald's mark
  std::optional<TimePoint> expires;  // none: permanent
  bool claimed = false;              // not seen: a step claims to have added it (see claim())
};

struct Observation {
  std::vector<ObservedAddress> addresses;
};
using ObservedIndex = std::map<AddressKey, ObservedAddress>;

// Leases that were renewed since they are to be handed over, and when.
using Renewals = std::map<AddressKey, TimePoint>;

struct Step {
  enum class Kind : std::uint8_t {
    add,      // must not touch an address that is there already
    refresh,  // renews the lifetime of one of ours
    remove,   // only one of ours
    adopt     // marks somebody else's as ours; by an operator's word alone, never planned
  };
  Kind kind = Kind::add;
  AddressKey key;
  std::optional<Duration> lease;  // add, refresh; none: permanent

  bool operator==(const Step&) const = default;
};

// "add 10.99.0.1/32 to lo, lease 30s"
[[nodiscard]] std::string to_string(const Step& step);

// Removals first (a withdrawal is what hurries), then additions, then refreshes; an address that only moves
// between interfaces is removed once it is seen where it is wanted, and its lease is renewed until then. Ours and wanted by
// nobody: removed. Not ours: never in a step. What is handed over is refreshed once, however much is left of its lease,
// and again only where that is not seen to have worked.
[[nodiscard]] std::vector<Step> reconcile(std::span<const DesiredAddress> desired,
                                          const Observation& observed, TimePoint now,
                                          const Renewals& renewed = {});

// What `observed` would show if the step, which reports success, did what it says. Only for as long as nobody can
// look: a step is done when it is seen.
void claim(const Step& step, TimePoint now, Observation& observed);

// Success is a claim: the next look decides. `was_there`: of an addition, the address was, whoever has put it there.
enum class Applied : std::uint8_t { done, was_there };
// Done, or already so; the error is a line for people.
using StepOutcome = std::expected<Applied, std::string>;

enum class StepId : std::uint64_t {};

struct IssuedStep {
  StepId id{};
  Step step;
};

class Reconciler {
 public:
  // A step that nothing plans: an operator's word.
  IssuedStep issue(Step step);
  // Steps to take now. `sequence` is that of the look that `observed` came from.
  std::vector<IssuedStep> plan(std::span<const DesiredAddress> desired, const Observation& observed,
                               std::uint64_t sequence, TimePoint now);
  // `latest_sequence` is that of the last look that was begun. Returns the step, or none for an unknown id.
  std::optional<Step> finished(StepId id, std::uint64_t latest_sequence);
  // A step has ended with an error, so it has renewed nothing.
  void failed(const Step& step) { renewed_.erase(step.key); }
  // What reconcile() says, by what was renewed.
  [[nodiscard]] std::vector<Step> open(std::span<const DesiredAddress> desired, const Observation& observed,
                                       TimePoint now) const {
    return reconcile(desired, observed, now, renewed_);
  }
  // Looking fails, so what was seen before has to do: with the claims of later steps in it (see claim()).
  void look_failed() { repeats_.look_failed(); }
  // When plan() may have something new to say though nothing was observed: back-offs and leases.
  [[nodiscard]] std::optional<TimePoint> next_wakeup() const { return wakeup_; }
  [[nodiscard]] bool in_flight() const { return !in_flight_.empty(); }
  [[nodiscard]] const std::map<StepId, Step>& steps_in_flight() const { return in_flight_; }
  // plan() waits for a look newer than this.
  [[nodiscard]] std::uint64_t needs_look_after() const { return repeats_.needs_look_after(); }

 private:
  void plan_wakeup(std::span<const Step> open, std::span<const DesiredAddress> wishes,
                   const Observation& observed, TimePoint now);

  Repeats<AddressKey, Step::Kind> repeats_;
  std::map<StepId, Step> in_flight_;
  Renewals renewed_;
  std::uint64_t next_id_ = 1;
  std::optional<TimePoint> wakeup_;
};

}  // namespace herald
