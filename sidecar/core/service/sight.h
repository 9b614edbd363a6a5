// What is seen of one service: how much of it is there, and in words what is not yet as it is wanted.
//
// It holds nothing: the specification, what was done for the service (Dealings) and the Sight are its caller's, and it ends
// before the turn does. It refuses to decide what is wanted (machine.h), and what is done about it (run.h).
//
// Seen is believed only as far as it is newer than what was done: nothing counts that is older than the first look and the
// first read that cover the service, and the router's word counts only from a read that began after the last step.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "sidecar/core/events.h"
#include "sidecar/core/route/fallback.h"
#include "sidecar/core/route/policy.h"
#include "sidecar/core/route/route_plan.h"
#include "sidecar/core/service/machine.h"
#include "sidecar/core/snapshot.h"

namespace herald {

// What a service's state is judged by; null where nothing was read yet.
struct Sight {
  const ObservedIndex* addresses = nullptr;
  std::uint64_t look_sequence = 0;  // of the look that they came from
  // Of these, what steps claim to have removed since: no more there for sure, and not yet seen to be gone.
  const std::set<AddressKey>* removed = nullptr;
  const RouterView* router = nullptr;
  std::uint64_t router_sequence = 0;  // of the read that `router` came from
  Stack stack = Stack::none;
  const OwnedRoutes* owned = nullptr;  // of the last read that was answered, however old
  std::uint64_t owned_sequence = 0;    // of that read
  const FallbackLadder* ladder = nullptr;
};

// The first look and the first read of the router that cover the service.
struct Since {
  std::uint64_t look = 0;
  std::uint64_t read = 0;
};

// What the router would do with a VIP's address while no route is wanted.
enum class Exposure : std::uint8_t {
  unknown,  // it was not asked yet
  none,     // nothing
  perhaps,  // it takes addresses into its table, by a policy that may leave this one out
  likely,   // the same without a policy
  seen      // it announces it: read back
};

// What was read of that while the VIPs were on their interface. It holds for as long as the router imports by the same means.
struct ExposureProof {
  bool exposed = false;
  std::optional<InterfaceImport> import;
};

// What was done for a service so far, as far as it tells what a sight is worth.
struct Dealings {
  Since since;
  std::uint64_t read_after = 0;  // a router read with a higher sequence has seen the last step
  std::size_t routes_in_flight = 0;
  bool moving = false;  // announced by its address, and to be announced by a route; until that is there
  std::optional<TimePoint> gone_at = std::nullopt;  // routes: when they were seen to be withdrawn
  std::map<Vip, std::string> step_errors = {};      // of the last step, where that failed
  // Routes: a read with a higher sequence knows of the addresses that were put there.
  std::uint64_t address_after = 0;
  std::optional<ExposureProof> exposure = std::nullopt;
  std::optional<InterfaceImport> import = std::nullopt;  // by the last read that was answered
};

// What is not as wanted, in words for people; none: it is.
using Problem = std::optional<std::string>;

using Policies = std::array<Policy, kGrades>;  // by Grade

class ServiceSight {
 public:
  using Wish = ServiceMachine::Wish;
  struct Judged {
    ServiceState state = ServiceState::adopting;
    Problem problem;
    bool blames = false;  // what is said is not herald's doing, and not its to mend
  };

  ServiceSight(const ServiceSpec& spec, const Policies& policies, const Dealings& dealings,
               const Sight& sight)
      : spec_(spec), policies_(policies), dealings_(dealings), sight_(sight) {}

  // How many of its VIPs herald announces, as far as it was seen.
  [[nodiscard]] Presence presence() const;
  // The state, and the first thing that is not as wanted.
  [[nodiscard]] Judged judge(const Wish& wish) const;
  // How a VIP stands toward the fallback.
  [[nodiscard]] VipStanding::Kind standing(const Vip& vip, const Wish& wish) const;
  [[nodiscard]] VipSnapshot show(const Vip& vip, const Wish& wish) const;

  // Read at all since they cover the service.
  [[nodiscard]] bool has_looked() const {
    return sight_.addresses != nullptr && sight_.look_sequence >= dealings_.since.look;
  }
  [[nodiscard]] bool has_owned() const {
    return sight_.owned != nullptr && sight_.owned_sequence >= dealings_.since.read;
  }
  [[nodiscard]] bool is_answered() const { return sight_.router != nullptr && sight_.router->reachable; }
  // Whether the router was asked since the last step, and has answered.
  [[nodiscard]] bool was_read() const;
  // Each of its VIPs is in the router's configuration.
  [[nodiscard]] bool has_arrived() const;
  // The VIPs that may be announced, because they are on the interface.
  [[nodiscard]] std::size_t ready() const;

  [[nodiscard]] bool is_ready(const Vip& vip) const;
  // Herald's own, on the interface that it is configured for.
  [[nodiscard]] bool is_here(const Vip& vip) const;
  // Herald's own on any interface: the configuration may have moved it, and it is announced all the same.
  [[nodiscard]] const ObservedAddress* find_ours(const Vip& vip) const;
  // On other interfaces than its own alone: it was moved, and what is wanted now has not been put there.
  [[nodiscard]] bool is_left_elsewhere() const;
  // The policy by which the router's configuration holds it, if it does.
  [[nodiscard]] std::optional<std::string> owned_by(const Vip& vip) const;
  // Withdrawn at the lever, read back since, and still in the router's table.
  [[nodiscard]] bool is_stale(const Vip& vip) const;
  // No established peer is sent it, and it is the fallback's doing, or that of a fast withdrawal.
  [[nodiscard]] bool is_contained(const Vip& vip) const;
  // By the list of the fast withdrawals.
  [[nodiscard]] bool is_denied_fast(const Vip& vip) const;
  // Not herald's, and on its way to the peers.
  [[nodiscard]] bool is_announced_by_others(const Vip& vip) const;
  // What a read shows of that now; none where it shows nothing new.
  [[nodiscard]] std::optional<ExposureProof> prove_exposure() const;
  [[nodiscard]] Exposure exposure() const;
  // By what the router takes addresses, as far as it answers.
  [[nodiscard]] std::optional<InterfaceImport> import() const;
  // Why it is not withdrawn yet.
  [[nodiscard]] Problem withdraw_problem(const Vip& vip) const;

 private:
  [[nodiscard]] bool routes() const { return spec_.announce.via != Via::loopback; }
  [[nodiscard]] std::string_view stack() const { return name_of(sight_.stack); }
  [[nodiscard]] const RouterRoute* route_of(const Vip& vip) const;
  [[nodiscard]] const ObservedAddress* find(const Vip& vip) const;
  [[nodiscard]] bool was_removed(const Vip& vip) const;
  [[nodiscard]] std::optional<std::string> kept_off(const Vip& vip) const;
  [[nodiscard]] bool is_anywhere(const Vip& vip) const;
  [[nodiscard]] bool is_announced(const Vip& vip) const;

  [[nodiscard]] Problem announce_problem(const Vip& vip, const Wish& wish) const;
  [[nodiscard]] Problem address_problem(const Vip& vip) const;
  [[nodiscard]] Problem route_problem(const Vip& vip, const Wish& wish) const;
  [[nodiscard]] Problem table_problem(const Vip& vip) const;
  [[nodiscard]] Problem advertise_problem(const Vip& vip) const;
  [[nodiscard]] Problem session_problem() const;
  [[nodiscard]] Problem withdraw_address_problem(const Vip& vip) const;
  [[nodiscard]] Problem withdraw_route_problem(const Vip& vip) const;
  [[nodiscard]] Problem stale_problem(const Vip& vip) const;
  [[nodiscard]] std::string fallback_text(const Vip& vip) const;
  [[nodiscard]] std::string step_error(const Vip& vip) const;
  [[nodiscard]] std::string silence(const Vip& vip) const;
  [[nodiscard]] std::string foreign(const Vip& vip) const;
  [[nodiscard]] const ObservedAddress* find_foreign(const Vip& vip) const;
  [[nodiscard]] bool is_of_foreign_address(const Vip& vip) const;
  [[nodiscard]] Problem exposure_problem(const Vip& vip) const;
  [[nodiscard]] std::string others_text(const Vip& vip) const;

  const ServiceSpec& spec_;
  const Policies& policies_;
  const Dealings& dealings_;
  const Sight& sight_;
};

}  // namespace herald
