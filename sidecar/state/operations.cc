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

std::size_t forget_expired(KeptState& state, WallClock::time_point now) {
  return std::erase_if(
      state.admins, [&](const auto& entry) { return entry.second.expires && *entry.second.expires <= now; });
}

// By then a penalty of the longest half-life has halved seven times.
constexpr auto kForgetFlaps = std::chrono::hours(24 * 7);

}  // namespace

event::Administer Operations::word(const std::string& service, const KeptAdmin& admin,
                                   const ClockPair& clocks) {
  event::Administer word{service, {admin.state, admin.reason, admin.who, core_time(admin.since, clocks), {}}};
  if (admin.expires) word.admin.expires = core_time(*admin.expires, clocks);
  return word;
}

Operations::Start Operations::standing(std::span<const std::string> services, const ClockPair& clocks) const {
  Start known;
  for (const auto& [service, admin] : kept_.admins) {
    if (std::ranges::find(services, service) != services.end())
      known.words.push_back(word(service, admin, clocks));
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
  if (auto loaded = file_->load()) {
    kept_ = std::move(*loaded);
  } else {
    problem = loaded.error() + drain_all(services, clocks);
  }
  Start start = standing(services, clocks);
  start.problem = std::move(problem);
  // Told once: the core says that their time is over. Where that cannot be kept, the next start tells it again.
  if (forget_expired(kept_, clocks.wall) > 0) (void)file_->save(kept_);
  return start;
}

// What was kept is lost. Returns what that means, for people.
std::string Operations::drain_all(std::span<const std::string> services, const ClockPair& clocks) {
  kept_ = {};
  for (const std::string& service : services) {
    kept_.admins[service] = {AdminState::drain, "the state file was lost, and with it who was drained",
                             "herald", clocks.wall, std::nullopt};
  }
  const std::string aside = file_->keep_aside();
  const auto saved = file_->save(kept_);
  return fmt::format(
      "; whether services were drained is not known, so all of them are: see heraldctl undrain; {}{}", aside,
      saved ? "" : "; " + saved.error());
}

std::expected<std::vector<event::Administer>, std::string> Operations::administer(const AdminRequest& request,
                                                                                  const ClockPair& clocks) {
  KeptState changed = kept_;
  forget_expired(changed, clocks.wall);
  std::vector<event::Administer> words;
  for (const std::string& service : request.services) {
    const auto found = changed.admins.find(service);
    if (request.state == AdminState::automatic) {
      if (found == changed.admins.end() || found->second.state != request.undoes) continue;
      changed.admins.erase(found);
      words.push_back({service, {AdminState::automatic, request.reason, request.who, clocks.core, {}}});
      continue;
    }
    KeptAdmin admin{request.state, request.reason, request.who, clocks.wall, std::nullopt};
    // A drain that is drained again goes on where it is.
    if (found != changed.admins.end() && found->second.state == request.state)
      admin.since = found->second.since;
    if (request.lasts)
      admin.expires = clocks.wall + std::chrono::duration_cast<WallClock::duration>(*request.lasts);
    changed.admins[service] = admin;
    words.push_back(word(service, admin, clocks));
  }
  if (const auto kept = keep(std::move(changed)); !kept) return std::unexpected(kept.error());
  return words;
}

std::expected<void, std::string> Operations::keep(KeptState changed) {
  if (auto saved = file_->save(changed); !saved) return saved;
  kept_ = std::move(changed);
  unkept_ = false;
  return {};
}

std::expected<std::vector<event::ClearDamping>, std::string> Operations::clear_damping(
    std::span<const std::string> services, const std::string& who) {
  KeptState changed = kept_;
  std::vector<event::ClearDamping> words;
  for (const std::string& service : services) {
    words.push_back({service, who});
    const auto found = changed.flaps.find(service);
    if (found == changed.flaps.end()) continue;
    found->second.penalty = 0;  // hold_down still counts from the withdrawal
    found->second.suppressed = false;
  }
  if (const auto kept = keep(std::move(changed)); !kept) return std::unexpected(kept.error());
  return words;
}

void Operations::remember(const effect::Remember& effect, const ClockPair& clocks) {
  const Flaps& flaps = effect.flaps;
  const auto when =
      clocks.wall + std::chrono::duration_cast<WallClock::duration>(flaps.withdrawn_at - clocks.core);
  kept_.flaps[effect.service] = {when, flaps.penalty, flaps.suppressed};
  unkept_ = true;
}

std::optional<std::string> Operations::flush(const ClockPair& clocks) {
  if (!unkept_) return std::nullopt;
  KeptState changed = kept_;
  std::erase_if(changed.flaps,
                [&](const auto& entry) { return entry.second.withdrawn_at + kForgetFlaps < clocks.wall; });
  const auto kept = keep(std::move(changed));
  const bool failed = std::exchange(failing_, !kept);
  if (failed == failing_) return std::nullopt;
  return kept ? "penalties are kept again" : "penalties cannot be kept for the next start: " + kept.error();
}

}  // namespace herald
