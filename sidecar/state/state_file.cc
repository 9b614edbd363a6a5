#include "sidecar/state/state_file.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "sidecar/os/kept_file.h"
#include "sidecar/os/text_file.h"
#include "sidecar/text/clocks.h"

namespace herald {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr std::array kStates{AdminState::drain, AdminState::force};

std::int64_t milliseconds(WallClock::time_point when) {
  return std::chrono::floor<std::chrono::milliseconds>(when.time_since_epoch()).count();
}

WallClock::time_point time_of(const json& milliseconds) {
  return WallClock::time_point(std::chrono::milliseconds(milliseconds.get<std::int64_t>()));
}

KeptAdmin read_admin(const json& entry) {
  KeptAdmin admin;
  const auto name = entry.at("state").get<std::string>();
  for (const AdminState state : kStates) {
    if (name == name_of(state)) admin.state = state;
  }
  if (admin.state == AdminState::automatic) throw std::invalid_argument("no such admin state: " + name);
  admin.reason = entry.at("reason").get<std::string>();
  admin.who = entry.at("who").get<std::string>();
  admin.since = time_of(entry.at("since_ms"));
  if (const json& expires = entry.at("expires_ms"); !expires.is_null()) admin.expires = time_of(expires);
  return admin;
}

// Files of before there were penalties have none. One that makes no sense is left out: it could only delay an
// announcement, and is no reason to drain everything.
void read_flaps(const json& document, KeptState& state) {
  constexpr std::int64_t kYear2200 = 7'258'118'400'000;  // beyond it, nanoseconds would overflow
  const auto damping = document.find("damping");
  if (damping == document.end() || !damping->is_object()) return;
  for (const auto& [service, entry] : damping->items()) {
    try {
      const auto withdrawn = entry.at("withdrawn_ms").get<std::int64_t>();
      const auto penalty = entry.at("penalty").get<double>();
      if (withdrawn < 0 || withdrawn > kYear2200 || !std::isfinite(penalty) || penalty < 0) continue;
      state.flaps[service] = {time_of(withdrawn), penalty, entry.at("suppressed").get<bool>()};
    } catch (const json::exception&) {
      continue;
    }
  }
}

}  // namespace

std::string render_state(const KeptState& state) {
  ordered_json admins = ordered_json::object();
  for (const auto& [service, admin] : state.admins) {
    admins[service] = {
        {"state", name_of(admin.state)},
        {"reason", admin.reason},
        {"who", admin.who},
        {"since_ms", milliseconds(admin.since)},
        {"expires_ms", admin.expires ? ordered_json(milliseconds(*admin.expires)) : ordered_json(nullptr)}};
  }
  ordered_json damping = ordered_json::object();
  for (const auto& [service, flaps] : state.flaps) {
    damping[service] = {{"withdrawn_ms", milliseconds(flaps.withdrawn_at)},
                        {"penalty", flaps.penalty},
                        {"suppressed", flaps.suppressed}};
  }
  constexpr int kIndent = 2;
  const ordered_json document{
      {"version", kVersion}, {"admins", std::move(admins)}, {"damping", std::move(damping)}};
  return document.dump(kIndent, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::expected<KeptState, std::string> parse_state(const std::string& text) {
  try {
    const json document = json::parse(text);
    const int version = document.at("version").get<int>();
    if (version < 1 || version > kVersion)
      return std::unexpected(fmt::format("its version is {}, not 1 to {}", version, kVersion));
    KeptState state;
    for (const auto& [service, entry] : document.at("admins").items())
      state.admins[service] = read_admin(entry);
    read_flaps(document, state);
    return state;
  } catch (const std::exception& error) {
    return std::unexpected(std::string(error.what()));
  }
}

std::expected<KeptState, std::string> StateFile::load() const {
  std::error_code error;
  const auto status = std::filesystem::symlink_status(file_, error);
  if (status.type() == std::filesystem::file_type::not_found) return KeptState{};
  const auto text = read_text_file(file_);
  if (!text) return std::unexpected(fmt::format("{}: {}", file_.native(), text.error()));
  auto state = parse_state(*text);
  if (state) return state;
  return std::unexpected(fmt::format("{} cannot be understood ({})", file_.native(), state.error()));
}

// By a second name, not by a move: until save() has put a new file in its place, the next start has to find it too.
std::string StateFile::keep_aside() const {
  const std::filesystem::path aside = file_.native() + ".bad";
  std::error_code error;
  std::filesystem::remove(aside, error);
  std::filesystem::create_hard_link(file_, aside, error);
  return error ? fmt::format("it could not be kept aside: {}", error.message()) : "kept as " + aside.native();
}

std::expected<void, std::string> StateFile::save(const KeptState& state) const {
  constexpr mode_t kMode = 0640;
  return replace_kept_file(file_, render_state(state), kMode, Durable::yes);
}

}  // namespace herald
