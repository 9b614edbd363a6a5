#include "sidecar/config/announce.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "sidecar/config/fields.h"

namespace herald {

namespace {

constexpr Duration kShortestLease = 3s;
constexpr Duration kSafeLease = 15s;
constexpr Duration kLongestLease = 1h;
constexpr std::uint32_t kMostPrepend = 10;
constexpr std::size_t kMostCommunities = 32;
constexpr std::uint32_t kLargest = std::numeric_limits<std::uint32_t>::max();

// IANA's registry of well-known communities (RFC 1997, 3765, 7611, 7999, 8326).
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kWellKnown{{
    {"graceful-shutdown", "65535:0"},
    {"accept-own", "65535:1"},
    {"blackhole", "65535:666"},
    {"no-export", "65535:65281"},
    {"no-advertise", "65535:65282"},
    {"local-as", "65535:65283"},
    {"no-peer", "65535:65284"},
}};

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t most) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > most) return std::nullopt;
  return number;
}

// "65001:100", "65001:1:2" or a well-known name, as numbers; none: neither.
std::optional<std::string> parse_community(std::string_view text) {
  const auto known = std::ranges::find(kWellKnown, text, &decltype(kWellKnown)::value_type::first);
  if (known != kWellKnown.end()) return std::string(known->second);
  const auto parts = static_cast<std::size_t>(std::ranges::count(text, ':')) + 1;
  if (parts != 2 && parts != 3) return std::nullopt;
  const std::uint32_t most = parts == 2 ? 65535 : kLargest;
  std::string canonical;
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t colon = std::min(text.find(':'), text.size());
    const auto number = parse_number(text.substr(0, colon), most);
    if (!number) return std::nullopt;
    canonical += fmt::format("{}{}", part > 0 ? ":" : "", *number);
    text.remove_prefix(std::min(colon + 1, text.size()));
  }
  return canonical;
}

void read_communities(ObjectReader& object, std::vector<std::string>& out) {
  std::vector<std::string> texts;
  if (!object.read("communities", texts)) return;
  if (texts.size() > kMostCommunities) {
    object.fail("communities", fmt::format("more than {} communities", kMostCommunities));
    return;
  }
  for (std::size_t index = 0; index < texts.size(); ++index) {
    auto community = parse_community(texts[index]);
    if (!community) {
      object.fail_element("communities", index,
                          fmt::format(R"(must be "65001:100", "65001:1:2" or a well-known name such as )"
                                      R"("graceful-shutdown" or "no-export", not {})",
                                      shown(texts[index])));
    } else if (std::ranges::find(out, *community) != out.end()) {
      object.fail_element("communities", index, *community + " is there already");
    } else {
      out.push_back(*std::move(community));
    }
  }
}

void read_optional(ObjectReader& object, std::string_view key, std::optional<std::uint32_t>& out) {
  std::uint32_t number = 0;
  if (object.read(key, number, 0, kLargest)) out = number;
}

void read_attributes(ObjectReader& announce, AnnounceSpec& spec) {
  auto grades = announce.object("attributes");
  if (!grades) return;
  for (const Grade grade : {Grade::healthy, Grade::degraded, Grade::draining}) {
    auto object = grades->object(name_of(grade));
    if (!object) continue;
    Attributes& attributes = spec.attributes[static_cast<std::size_t>(grade)].emplace();
    object->read("prepend", attributes.prepend, 0, kMostPrepend);
    read_optional(*object, "med", attributes.med);
    read_communities(*object, attributes.communities);
    read_optional(*object, "local_preference", attributes.local_preference);
    object->finish();
  }
  grades->finish();
}

void read_lease(ObjectReader& announce, AnnounceSpec& spec, std::vector<std::string>& warnings) {
  const nlohmann::json* value = announce.value("lease");
  if (value != nullptr && *value == "off") {
    spec.lease.reset();
    return;
  }
  Duration lease{};
  if (!announce.read("lease", lease, kShortestLease, kLongestLease)) return;
  if (lease % 1s != 0s) {
    announce.fail("lease",
                  fmt::format("must be whole seconds, as the kernel counts them, not {}", to_string(lease)));
    return;
  }
  spec.lease = lease;
  if (lease < kSafeLease) {
    warnings.push_back(
        to_string(ConfigError{announce.file(), announce.pointer() + "/lease",
                              fmt::format("{} is shorter than {}: a stall of this machine withdraws",
                                          to_string(lease), to_string(kSafeLease))}));
  }
}

void read_loopback(ObjectReader& announce, AnnounceSpec& spec, std::vector<std::string>& warnings) {
  read_lease(announce, spec, warnings);
  const auto refuse = [&](std::string_view key, std::string_view why) {
    if (announce.value(key) != nullptr) announce.fail(key, std::string(why));
  };
  refuse("attributes",
         R"(the loopback lever cannot set attributes; "via": "vtysh" (FRR) and "birdc" (BIRD) can)");
  refuse("manage_vip", "with the loopback lever the address is the announcement, so it is herald's");
  refuse("vip_on_down", "with the loopback lever the withdrawal is the removal of the address");
}

void read_kept_vip(ObjectReader& announce, AnnounceSpec& spec) {
  announce.read("manage_vip", spec.manage_vip);
  if (announce.read("vip_on_down", spec.vip_on_down) && !spec.manage_vip &&
      spec.vip_on_down == VipOnDown::remove) {
    announce.fail("vip_on_down", R"(with "manage_vip": false the address is not herald's to remove)");
  }
  read_attributes(announce, spec);
}

void read_routed(ObjectReader& announce, AnnounceSpec& spec) {
  spec.lease.reset();
  const nlohmann::json* lease = announce.value("lease");
  if (lease != nullptr && *lease != "off") {
    announce.fail("lease", "only the loopback lever has one: here the address is not the announcement");
  }
  read_kept_vip(announce, spec);
}

}  // namespace

bool read_announce(ObjectReader& service, AnnounceSpec& spec, std::vector<std::string>& warnings) {
  auto announce = service.object("announce");
  if (!announce) return true;
  const bool known = announce->read("via", spec.via) || announce->value("via") == nullptr;
  read_interface(*announce, "interface", spec.interface);
  if (!known) {
    read_lease(*announce, spec, warnings);
    read_kept_vip(*announce, spec);
  } else if (spec.via == Via::loopback) {
    read_loopback(*announce, spec, warnings);
  } else {
    read_routed(*announce, spec);
  }
  announce->finish();
  return known;
}

void read_drain(ObjectReader& service, DrainSpec& spec) {
  auto drain = service.object("drain");
  if (!drain) return;
  drain->read("delay", spec.delay, 0s, 1h);
  drain->read("linger", spec.linger, 0s, 1h);
  drain->finish();
}

void fit_lever(AnnounceSpec& announce, const RouterSpec& router, const std::string& file,
               const std::string& pointer, std::vector<ConfigError>& errors) {
  if (announce.via == Via::loopback) return;
  const auto fail = [&](const std::string& below, std::string message) {
    errors.push_back({file, pointer + "/announce" + below, std::move(message)});
  };
  const Stack needed = announce.via == Via::vtysh ? Stack::frr : Stack::bird;
  if (router.stack != needed) {
    fail("/via", fmt::format(R"("{}" steers {}, and "router.stack" is "{}")", name_of(announce.via),
                             needed == Stack::frr ? "FRR" : "BIRD", name_of(router.stack)));
  }
  for (const Grade grade : {Grade::healthy, Grade::degraded, Grade::draining}) {
    auto& attributes = announce.attributes[static_cast<std::size_t>(grade)];
    if (!attributes || attributes->prepend == 0) continue;
    attributes->prepend_as = router.as.value_or(0);
    if (router.as) continue;
    fail(fmt::format("/attributes/{}/prepend", name_of(grade)),
         R"(needs "router.bgp.as": it is what is prepended)");
  }
}

}  // namespace herald
