#include "sidecar/state/state_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "sidecar/os/text_file.h"
#include "sidecar/text/clocks.h"

namespace herald {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr std::int64_t kYear2200 = 7'258'118'400'000;  // in milliseconds
constexpr std::array kStates{AdminState::drain, AdminState::force};

std::int64_t since_1970(WallClock::time_point when) {
  return std::chrono::floor<std::chrono::milliseconds>(when.time_since_epoch()).count();
}

// What the reading of a file ends with; parse_state() makes an error of it.
[[noreturn]] void misfit(std::string_view key, std::string_view what) {
  throw std::invalid_argument(fmt::format("{} is no {}", key, what));
}

std::string shown(const json& version) {
  return version.is_number() ? version.dump() : std::string(version.type_name());
}

const json& member(const json& object, const char* key) {
  static const json kNone;
  if (!object.is_object()) misfit("what holds " + std::string(key), "object");
  const auto found = object.find(key);
  return found == object.end() ? kNone : *found;
}

const json& object_at(const json& object, const char* key) {
  const json& value = member(object, key);
  if (!value.is_object()) misfit(key, "object");
  return value;
}

std::string text_at(const json& object, const char* key) {
  const json& value = member(object, key);
  if (!value.is_string()) misfit(key, "text");
  return value.get<std::string>();
}

// A time beyond what the clock can hold, from 1970 to 2200, is its nearest end: nobody can have meant more by it. Further
// ones would overflow in nanoseconds, in 2262.
WallClock::time_point time_at(const json& object, const char* key) {
  const json& value = member(object, key);
  if (!value.is_number()) misfit(key, "time in milliseconds");
  const auto count = value.is_number_integer() && !value.is_number_unsigned()
                         ? std::max<std::int64_t>(value.get<std::int64_t>(), 0)
                         : static_cast<std::int64_t>(std::clamp(value.get<double>(), 0.0, double{kYear2200}));
  return WallClock::time_point(std::chrono::milliseconds(std::min(count, kYear2200)));
}

// One that makes no sense is none: the wall clock counts then.
std::optional<BootMoment> read_boot(const json& entry) {
  const json& boot = member(entry, "boot");
  if (!boot.is_object()) return std::nullopt;
  const json& id = member(boot, "id");
  const json& expires = member(boot, "expires_ms");
  if (!id.is_string() || !expires.is_number_unsigned() || expires > kYear2200) return std::nullopt;
  return BootMoment{id.get<std::string>(), std::chrono::milliseconds(expires.get<std::int64_t>())};
}

ordered_json boot_json(const BootMoment& expires) {
  return {{"id", expires.boot_id},
          {"expires_ms", std::chrono::floor<std::chrono::milliseconds>(expires.since).count()}};
}

KeptAdmin read_admin(const json& entry) {
  KeptAdmin admin;
  const std::string name = text_at(entry, "state");
  for (const AdminState state : kStates) {
    if (name == name_of(state)) admin.state = state;
  }
  if (admin.state == AdminState::automatic) throw std::invalid_argument("no such admin state: " + name);
  admin.reason = text_at(entry, "reason");
  admin.who = text_at(entry, "who");
  admin.since = time_at(entry, "since_ms");
  if (!entry.contains("expires_ms")) misfit("expires_ms", "time, nor null");
  if (!member(entry, "expires_ms").is_null()) admin.expires = time_at(entry, "expires_ms");
  if (admin.expires) admin.boot_expires = read_boot(entry);
  return admin;
}

// Which of them an older version is to know: a drain, if there is any, and of drains that which ends last.
const KeptAdmin& deciding(const std::vector<KeptAdmin>& orders) {
  return *std::ranges::max_element(orders, {}, [](const KeptAdmin& order) {
    return std::pair(order.state == AdminState::drain, order.expires.value_or(WallClock::time_point::max()));
  });
}

// All orders of a service whose entry in `admins` is this.
std::vector<KeptAdmin> read_orders(const json& document, const std::string& service, KeptAdmin entry) {
  const json& lists = member(document, "orders");
  const auto list = lists.is_object() ? lists.find(service) : lists.end();
  std::vector<KeptAdmin> orders;
  try {
    if (list != lists.end() && list->is_array()) {
      for (const json& each : *list) orders.push_back(read_admin(each));
    }
  } catch (const std::invalid_argument&) {
    orders.clear();
  }
  if (orders.empty() || deciding(orders) != entry) return {std::move(entry)};
  return orders;
}

ordered_json admin_json(const KeptAdmin& admin) {
  ordered_json shown{
      {"state", name_of(admin.state)},
      {"reason", admin.reason},
      {"who", admin.who},
      {"since_ms", since_1970(admin.since)},
      {"expires_ms", admin.expires ? ordered_json(since_1970(*admin.expires)) : ordered_json(nullptr)}};
  if (admin.boot_expires) shown["boot"] = boot_json(*admin.boot_expires);
  return shown;
}

// Files of before there were penalties have none. One that makes no sense is left out: it could only delay an
// announcement, and is no reason to drain everything.
void read_flaps(const json& document, KeptState& state) {
  const json& damping = member(document, "damping");
  if (!damping.is_object()) return;
  for (const auto& [service, entry] : damping.items()) {
    try {
      const json& penalty = member(entry, "penalty");
      const json& suppressed = member(entry, "suppressed");
      const json& withdrawn = member(entry, "withdrawn_ms");
      if (!withdrawn.is_number_unsigned() || withdrawn > kYear2200) continue;
      if (!penalty.is_number() || !suppressed.is_boolean() || penalty < 0) continue;
      if (!std::isfinite(penalty.get<double>())) continue;
      state.flaps[service] = {time_at(entry, "withdrawn_ms"), penalty.get<double>(), suppressed.get<bool>()};
    } catch (const std::invalid_argument&) {
      continue;
    }
  }
}

}  // namespace

std::string render_state(const KeptState& state) {
  ordered_json admins = ordered_json::object();
  ordered_json lists = ordered_json::object();
  for (const auto& [service, orders] : state.admins) {
    if (orders.empty()) continue;
    admins[service] = admin_json(deciding(orders));
    if (orders.size() == 1) continue;
    lists[service] = ordered_json::array();
    for (const KeptAdmin& order : orders) lists[service].push_back(admin_json(order));
  }
  ordered_json damping = ordered_json::object();
  for (const auto& [service, flaps] : state.flaps) {
    damping[service] = {{"withdrawn_ms", since_1970(flaps.withdrawn_at)},
                        {"penalty", flaps.penalty},
                        {"suppressed", flaps.suppressed}};
  }
  constexpr int kIndent = 2;
  const ordered_json document{{"version", kVersion},
                              {"admins", std::move(admins)},
                              {"orders", std::move(lists)},
                              {"damping", std::move(damping)}};
  return document.dump(kIndent, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::expected<KeptState, std::string> parse_state(const std::string& text) {
  const json document = json::parse(text, nullptr, false);
  if (document.is_discarded()) return std::unexpected("it is no JSON");
  try {
    const json& version = member(document, "version");
    if (!version.is_number_integer() || version < 1 || version > kVersion)
      return std::unexpected(fmt::format("its version is {}, not 1 to {}", shown(version), kVersion));
    KeptState state;
    for (const auto& [service, entry] : object_at(document, "admins").items())
      state.admins[service] = read_orders(document, service, read_admin(entry));
    read_flaps(document, state);
    return state;
  } catch (const std::invalid_argument& error) {
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

WriteOrder StateFile::keeping_aside() const {
  return {.kind = WriteOrder::Kind::second_name, .file = file_, .text = file_.native() + ".bad"};
}

WriteOrder StateFile::saving(const KeptState& state) const {
  return {.kind = WriteOrder::Kind::replace,
          .file = file_,
          .text = render_state(state),
          .mode = 0640,
          .durable = Durable::yes};
}

}  // namespace herald
