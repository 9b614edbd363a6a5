#include "sidecar/state/operations.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace herald {
namespace {

// The same moment on the core's clock; a wall clock that was stepped since moves it along.
TimePoint core_time(WallClock::time_point when, const ClockPair& clocks) {
  return clocks.core + std::chrono::duration_cast<Duration>(when - clocks.wall);
}

// When it ends, of what an earlier herald has kept.
std::optional<TimePoint> end_of(const KeptAdmin& admin, const ClockPair& clocks) {
  if (!admin.expires) return std::nullopt;
  const bool same_boot =
      admin.boot_expires && clocks.boot && admin.boot_expires->boot_id == clocks.boot->boot_id;
  if (!same_boot) return core_time(*admin.expires, clocks);
  return clocks.core + (admin.boot_expires->since - clocks.boot->since);
}

void set_end(KeptAdmin& admin, Duration lasts, const ClockPair& clocks) {
  admin.expires = clocks.wall + std::chrono::duration_cast<WallClock::duration>(lasts);
  if (clocks.boot) admin.boot_expires = BootMoment{clocks.boot->boot_id, clocks.boot->since + lasts};
  admin.ends = clocks.core + lasts;
}

// As the core does: what stands there must not be missing here.
std::size_t forget_expired(KeptState& state, TimePoint now) {
  std::size_t forgotten = 0;
  for (auto& [service, orders] : state.admins)
    forgotten +=
        std::erase_if(orders, [&](const KeptAdmin& order) { return order.ends && *order.ends <= now; });
  std::erase_if(state.admins, [](const auto& entry) { return entry.second.empty(); });
  return forgotten;
}

// One's own drain that is drained again, or the force, whosever it is.
bool is_replaced(const KeptAdmin& order, const AdminRequest& request) {
  return order.state == request.state && (order.state == AdminState::force || order.who == request.who);
}

bool has_room(const std::vector<KeptAdmin>& orders, const AdminRequest& request) {
  if (std::ranges::any_of(orders, [&](const KeptAdmin& order) { return is_replaced(order, request); }))
    return true;
  return request.state != AdminState::drain ||
         static_cast<std::size_t>(std::ranges::count(orders, AdminState::drain, &KeptAdmin::state)) <
             Operations::kMostDrains;
}

// Returns the new one, at the end, or where one's own goes on since it was given.
const KeptAdmin& place(std::vector<KeptAdmin>& orders, const AdminRequest& request, const ClockPair& clocks) {
  KeptAdmin given{request.state, request.reason, request.who, clocks.wall, {}};
  if (request.lasts) set_end(given, *request.lasts, clocks);
  const auto own =
      std::ranges::find_if(orders, [&](const KeptAdmin& order) { return is_replaced(order, request); });
  if (own != orders.end() && own->who == given.who) {
    given.since = own->since;
    return *own = std::move(given);
  }
  if (own != orders.end()) orders.erase(own);
  return orders.emplace_back(std::move(given));
}

void undo(std::vector<KeptAdmin>& orders, const AdminRequest& request,
          const std::function<void(const KeptAdmin&)>& undone) {
  std::erase_if(orders, [&](const KeptAdmin& order) {
    const bool is_meant =
        order.state == request.undoes &&
        (request.whose.empty() || std::ranges::find(request.whose, order.who) != request.whose.end());
    if (is_meant) undone(order);
    return is_meant;
  });
}

// By then a penalty of the longest half-life has halved seven times.
constexpr auto kForgetFlaps = std::chrono::hours(24 * 7);

// hold_down still counts from the withdrawal.
void forget_penalties(KeptState& state, std::span<const std::string> services) {
  for (const std::string& service : services) {
    const auto found = state.flaps.find(service);
    if (found == state.flaps.end()) continue;
    found->second.penalty = 0;
    found->second.suppressed = false;
  }
}

}  // namespace

event::Administer Operations::word(const std::string& service, const KeptAdmin& admin,
                                   const ClockPair& clocks) {
  // A wall clock that was stepped back may say that it is yet to begin.
  const TimePoint since = std::min(core_time(admin.since, clocks), clocks.core);
  return {service, {admin.state, admin.reason, admin.who, since, admin.ends}};
}

Operations::Start Operations::standing(std::span<const std::string> services, const ClockPair& clocks) const {
  Start known;
  for (const auto& [service, orders] : kept_.admins) {
    if (std::ranges::find(services, service) == services.end()) continue;
    for (const KeptAdmin& order : orders) known.words.push_back(word(service, order, clocks));
  }
  for (const auto& [service, flaps] : kept_.flaps) {
    if (std::ranges::find(services, service) == services.end()) continue;
    known.recalls.push_back(
        {service, {core_time(flaps.withdrawn_at, clocks), flaps.penalty, flaps.suppressed}});
  }
  return known;
}

Operations::Start Operations::start(std::span<const std::string> services, const ClockPair& clocks) {
  std::optional<std::string> problem;
  if (auto loaded = file_.load()) {
    kept_ = std::move(*loaded);
  } else {
    problem = loaded.error() + drain_all(services, clocks);
  }
  for (auto& [service, orders] : kept_.admins) {
    for (KeptAdmin& order : orders) order.ends = end_of(order, clocks);
  }
  Start start = standing(services, clocks);
  start.problem = std::move(problem);
  // Told once: the core says that their time is over. Where that cannot be kept, the next start tells it again.
  if (forget_expired(kept_, clocks.core) > 0) unkept_ = true;
  return start;
}

// What was kept is lost. Returns what that means, for people.
std::string Operations::drain_all(std::span<const std::string> services, const ClockPair& clocks) {
  kept_ = {};
  for (const std::string& service : services) {
    kept_.admins[service] = {{AdminState::drain, "the state file was lost, and with it who was drained",
                              std::string(kByHerald), clocks.wall, std::nullopt}};
  }
  unkept_ = true;
  const WriteOrder aside = file_.keeping_aside();
  writer_.write({.make = [aside] { return aside; },
                 .done =
                     [this](const Written& done) {
                       if (!done) say_("the state file could not be kept aside: " + done.error().text);
                     }});
  return fmt::format(
      "; whether services were drained is not known, so all of them are: see heraldctl undrain; it {}",
      writer_.pretends() ? "stays as it is" : "is kept as " + aside.text);
}

void Operations::administer(AdminRequest request, const ClockPair& clocks, OnKept<event::Administer> done) {
  const auto make = [this, request = std::move(request), clocks]() -> std::optional<WriteOrder> {
    words_ = change(request, clocks);
    if (!words_) return std::nullopt;
    return saving(changed_);
  };
  const auto told = [this, done = std::move(done)](const Written& written) {
    if (!settle(written)) return done(std::unexpected(written.error().text));
    if (words_) kept_.admins = std::exchange(changed_.admins, {});
    done(std::exchange(words_, {}));
  };
  writer_.write({.make = make, .done = told, .patience = Writer::kPatience});
}

std::expected<Operations::Words, std::string> Operations::change(const AdminRequest& request,
                                                                 const ClockPair& clocks) {
  changed_ = kept_;
  forget_expired(changed_, clocks.core);
  Words words;
  for (const std::string& service : request.services) {
    std::vector<KeptAdmin>& orders = changed_.admins[service];
    if (request.state == AdminState::automatic) {
      undo(orders, request, [&](const KeptAdmin& order) {
        words.push_back({service,
                         {AdminState::automatic, request.reason, request.who, clocks.core, {}},
                         {order.state, order.who}});
      });
    } else if (has_room(orders, request)) {
      words.push_back(word(service, place(orders, request, clocks), clocks));
    } else {
      return std::unexpected(
          fmt::format("{} has {} drains already, the most that stand beside each other; \"heraldctl why {}\" "
                      "says whose they are, \"heraldctl undrain {} --by NAME\" ends one",
                      service, kMostDrains, service, service));
    }
    if (orders.empty()) changed_.admins.erase(service);
  }
  return words;
}

void Operations::clear_damping(std::vector<std::string> services, std::string who,
                               OnKept<event::ClearDamping> done) {
  const auto make = [this, services] {
    changed_ = kept_;
    forget_penalties(changed_, services);
    return saving(changed_);
  };
  const auto told = [this, services, who = std::move(who), done = std::move(done)](const Written& written) {
    if (!settle(written)) return done(std::unexpected(written.error().text));
    forget_penalties(kept_, services);
    std::vector<event::ClearDamping> words;
    for (const std::string& service : services) words.push_back({service, who});
    done(std::move(words));
  };
  writer_.write({.make = make, .done = told, .patience = Writer::kPatience});
}

// All that is remembered until now goes with it.
WriteOrder Operations::saving(const KeptState& state) {
  was_unkept_ = std::exchange(unkept_, false);
  return file_.saving(state);
}

bool Operations::settle(const Written& written) {
  if (written) return true;
  if (written.error().may_be_written || was_unkept_) unkept_ = true;
  return false;
}

void Operations::remember(const effect::Remember& effect, const ClockPair& clocks) {
  const Flaps& flaps = effect.flaps;
  const auto when =
      clocks.wall + std::chrono::duration_cast<WallClock::duration>(flaps.withdrawn_at - clocks.core);
  kept_.flaps[effect.service] = {when, flaps.penalty, flaps.suppressed};
  unkept_ = true;
}

void Operations::flush(const ClockPair& clocks) {
  if (!unkept_ || std::exchange(flushing_, true)) return;
  std::erase_if(kept_.flaps,
                [&](const auto& entry) { return entry.second.withdrawn_at + kForgetFlaps < clocks.wall; });
  writer_.write({.make = [this]() -> std::optional<WriteOrder> {
                   if (!unkept_) return std::nullopt;  // kept with somebody's order
                   return saving(kept_);
                 },
                 .done =
                     [this](const Written& written) {
                       flushing_ = false;
                       const bool failed = !settle(written);
                       if (std::exchange(failing_, failed) == failed) return;
                       say_(failed ? "penalties cannot be kept for the next start: " + written.error().text
                                   : "penalties are kept again");
                     }});
}

}  // namespace herald
