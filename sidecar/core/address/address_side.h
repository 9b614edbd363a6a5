// All that herald has to do with the addresses of this machine: what was seen of them, what steps claim since, and
// which step is next.
//
//   tell   changed(), observed(), finished(), wishes_changed(), reconfigured(), stalled()
//   ask    wake(), then plan() where may_plan(), then begin_look()
//   when   next_due()
//
// looks.h draws when it looks, repeats.h when a step is repeated. Between them, what is planned:
//
//   as planned   until wishes_changed(), a look, or a back-off or lease that ends (which also wants a look).
//   to plan      what was seen may be out of date while a look is wanted or under way, so its answer is waited for; unless
//                looking fails, for leases run on, and services die, while nobody can look.
//   at once      a look was answered: it is planned from even if something has changed since, or changes without end would
//                starve it.
//
// A step that succeeds is a claim: what it says is taken for so only while nobody can look, and an address that is said
// to be removed is neither there for sure nor seen to be gone.
//
// It refuses to know why an address is wanted, and of whom.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "sidecar/core/address/address_plan.h"
#include "sidecar/core/address/looks.h"

namespace herald {

class AddressSide {
 public:
  explicit AddressSide(TimePoint now) : looks_(now) {}

  // Addresses or links have changed, or may have: a look is wanted.
  void changed() { looks_.want(); }
  // Other addresses are wanted than were.
  void wishes_changed();
  // Another configuration. A look that is under way does not cover its VIPs: its answer is not waited for, and counts for
  // nothing.
  void reconfigured();
  // herald did not run for long. What a look that is under way sees may be as old as that: it counts for nothing, too.
  void stalled() { looks_.restart(); }
  struct Seen {
    enum class Answer : std::uint8_t {
      late,    // not of the look that is awaited: nothing is taken of it
      failed,  // problem() says why
      taken
    };
    Answer answer = Answer::late;
    bool is_first = false;     // that covers the configuration
    std::vector<Vip> changed;  // since the look before; some may be told twice
  };
  // Answer to the look with this sequence.
  Seen observed(std::uint64_t sequence, const std::expected<Observation, std::string>& observation,
                TimePoint now);
  // A step has ended so. Returns it, or none for an unknown id.
  std::optional<Step> finished(StepId id, const StepOutcome& outcome, TimePoint now);

  // Whatever is due.
  void wake(TimePoint now);
  [[nodiscard]] bool may_plan() const;
  // Only if it may. All of these are on their way from now on.
  std::vector<IssuedStep> plan(std::span<const DesiredAddress> desired, TimePoint now);
  // To take over what was seen there and is somebody else's. On its way from now on; none: nothing such was seen.
  std::optional<IssuedStep> adopt(const AddressKey& key, std::optional<Duration> lease);
  // The sequence of a look to begin now.
  std::optional<std::uint64_t> begin_look() { return looks_.begin(); }
  [[nodiscard]] TimePoint next_due() const;

  // What differs between what is wanted and what was seen last. Refreshes of leases are routine, and left out.
  [[nodiscard]] std::vector<Step> difference(std::span<const DesiredAddress> desired, TimePoint now) const;
  // Null: nothing was seen yet.
  [[nodiscard]] const ObservedIndex* seen() const { return looks_.seen() > 0 ? &addresses_ : nullptr; }
  [[nodiscard]] std::uint64_t seen_sequence() const { return looks_.seen(); }
  // Of the last look that was begun.
  [[nodiscard]] std::uint64_t latest_sequence() const { return looks_.latest(); }
  // Of what was seen, what steps claim to have removed since.
  [[nodiscard]] const std::set<AddressKey>& removed() const { return removed_; }
  // Why the interfaces cannot be read; none: they can.
  [[nodiscard]] const std::optional<std::string>& problem() const { return problem_; }
  [[nodiscard]] const std::map<StepId, Step>& in_flight() const { return reconciler_.steps_in_flight(); }
  // All steps have ended, a look has shown what they did, and none waits to be repeated. Where a look failed, there may be
  // more to take away than was seen last.
  [[nodiscard]] bool is_done() const;
  // Nothing is on its way, all was seen, and every lease that is wanted was renewed since it is to be handed over. What
  // else is to be done can be left.
  [[nodiscard]] bool is_handed_over(std::span<const DesiredAddress> desired, TimePoint now) const;

 private:
  enum class Planning : std::uint8_t { as_planned, to_plan, at_once };

  [[nodiscard]] bool is_up_to_date() const;

  Looks looks_;
  Reconciler reconciler_;
  Planning planning_ = Planning::to_plan;
  std::optional<TimePoint> plan_at_;  // a back-off or a lease ends
  Observation observation_;           // with what steps claim since
  ObservedIndex addresses_;           // the same without
  std::set<AddressKey> removed_;
  bool is_first_ = true;  // no look has covered the configuration yet
  std::optional<std::string> problem_;
};

}  // namespace herald
