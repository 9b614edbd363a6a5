// What must hold for the routes that herald has the router announce (levers vtysh and birdc), against what the reads
// that were answered showed.
//
//  - One batch in flight, and no read beside it: the batch ends a read that was in flight.
//  - A step only from a read that was begun after the last batch that touched its VIP had ended. Exempt is a time when
//    reading fails: then what was read last has to do, with what later steps claim to have done.
//  - `withdraw` only what the router holds of herald's; `announce` only what it does not hold, or holds otherwise.
//  - No VIP is stepped on more often than a fight needs.
//
// And for what it announces by an address: what reads have shown of it (note_address).
//
// And for the fallback:
//  - Nothing of it is sent while the router does not answer, or again before a read was begun after the last of it.
//  - With the key off it only ever takes away. A VIP is denied, and a session shut down, only when every read has shown for
//    `fallback_after` that it is advertised; a session only where the VIP is denied already.
//
// And for the fast withdrawal:
//  - It denies only with the key on, and what the last read showed to be sent; it lifts only what stands.
//  - It denies nothing where the list has been changed as often as it may be in a minute.
//  - No denial outlives what it is for: what is wanted, or was read back gone, is not denied for long (lingers).
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "sidecar/core/route/route_plan.h"
#include "tests/sim/probe_rules.h"

namespace herald::sim {

class RouteRules {
 public:
  explicit RouteRules(const RouterSpec& spec)
      : level_(spec.fallback), after_(spec.fallback_after), is_fast_(spec.fast_withdraw) {}

  void read_begun();
  void read_given_up() { reading_ = false; }
  void read(const RouterView& view, TimePoint now);
  void issued(const effect::ApplyRoutes& apply, TimePoint now);
  void applied(const event::RoutesApplied& event);
  // What the router, by the last read, does not deny to that peer yet.
  [[nodiscard]] std::vector<Vip> newly_denied(const FallbackStep& step) const;
  // As the router cannot be heard while the process does not run.
  void stalled() {
    lacking_since_.clear();
    lingering_since_.clear();
  }

  // By the last read that was answered, and what steps claim since; none before the first.
  [[nodiscard]] const OwnedRoutes* owned() const { return owned_ ? &*owned_ : nullptr; }
  [[nodiscard]] std::size_t owned_of(std::span<const Vip> vips) const;
  [[nodiscard]] bool in_flight() const {
    return !in_flight_.empty() || !fallback_in_flight_.empty() || !denials_in_flight_.empty();
  }
  // By the last read that was answered, and what steps claim since.
  [[nodiscard]] bool is_denied(const Vip& vip) const { return fast_denied_.contains(vip); }
  [[nodiscard]] const std::set<Vip>& fast_denied() const { return fast_denied_; }
  // The read that was answered last showed it in the router's table.
  [[nodiscard]] bool is_in_table(const Vip& vip) const { return in_table_.contains(vip); }
  [[nodiscard]] bool answers() const { return !read_failed_; }
  // It is denied for nothing, though something could be done about it.
  void lingers(const Vip& vip, bool lingering, TimePoint now);
  [[nodiscard]] bool in_flight(const Vip& vip) const;
  [[nodiscard]] bool reading() const { return reading_; }
  // The router answered last, and knows of every step for this VIP.
  [[nodiscard]] bool is_current(const Vip& vip) const;
  // Or it does not answer: what is to be done is tried all the same.
  [[nodiscard]] bool may_be_stepped_on(const Vip& vip) const;
  // Since when reads show none of them, in the configuration and in the table, and nothing was sent; none: not so.
  // When the router was read first since then; none: not yet.
  [[nodiscard]] std::optional<TimePoint> first_read_since(TimePoint then) const;
  [[nodiscard]] std::optional<TimePoint> gone_since(std::span<const Vip> vips) const;
  // Herald's own address was seen at its place.
  void note_address(const Vip& vip);
  // The read that was answered last tells that the router announces it by an address.
  [[nodiscard]] bool is_told(const Vip& vip) const;
  // Some read told so; or one did not, though the address was seen. By the means that the router has now.
  [[nodiscard]] bool is_exposed(const Vip& vip) const;
  [[nodiscard]] bool is_cleared(const Vip& vip) const;
  // By the read that was answered last it takes addresses into its table.
  [[nodiscard]] bool has_import(const Vip& vip) const;
  // Since when reads show none of them in the configuration, and nothing was sent.
  [[nodiscard]] std::optional<TimePoint> unowned_since(const Vip& vip) const;
  // The route is not as it should be, though something could be done about it.
  void lacks(const Vip& vip, bool lacking, TimePoint now);

 private:
  struct Exposure {
    std::optional<InterfaceImport> import;
    bool told = false;
    std::optional<std::optional<InterfaceImport>> exposed_by;  // the means by which it was told last
    bool cleared = false;
  };

  void note_exposure(const Vip& vip, const RouterRoute& route);
  void check_rate(const Vip& vip, TimePoint now);
  void check_fallback(const FallbackStep& step, TimePoint now);
  void check_denial(const DenialStep& step, TimePoint now);
  [[nodiscard]] PeerFallback held_toward(const std::string& peer) const;
  [[nodiscard]] bool is_overdue(const Vip& vip, TimePoint now) const;

  FallbackLevel level_;
  Duration after_;
  bool is_fast_;
  std::set<Vip> fast_denied_;
  std::set<Vip> in_table_;
  std::set<Vip> sent_;           // to a peer that takes part, by the last read
  std::deque<TimePoint> edits_;  // of a minute
  std::vector<DenialStep> denials_in_flight_;
  std::uint64_t denials_known_after_ = 0;
  std::map<Vip, TimePoint> lingering_since_;
  PeerFallbacks held_;  // by the last read that was answered
  std::map<Vip, TimePoint> advertised_since_;
  std::set<Vip> decided_;  // overdue when the router stopped answering
  std::set<Vip> denied_;   // by any step
  std::vector<FallbackStep> fallback_in_flight_;
  std::map<std::string, std::uint64_t> fallback_ended_after_;  // by peer
  std::uint64_t begun_ = 0;                                    // the last read begun
  bool reading_ = false;
  bool read_failed_ = false;
  std::uint64_t read_by_ = 0;  // the read that owned_ came from
  std::optional<OwnedRoutes> owned_;
  std::map<Vip, Exposure> exposures_;
  std::map<Vip, TimePoint> gone_since_;
  std::map<Vip, TimePoint> unowned_since_;
  std::vector<IssuedRouteStep> in_flight_;
  std::map<Vip, std::uint64_t> ended_after_;
  std::map<Vip, std::uint64_t> known_after_;  // as ended_after_, but for is_current()
  std::map<Vip, std::deque<TimePoint>> recent_;
  std::map<Vip, TimePoint> lacking_since_;
  std::deque<TimePoint> read_at_;  // the last ones
};

}  // namespace herald::sim
