#include "sidecar/announce/frr/objects.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace herald {
namespace {

using Kind = Placeholder::Kind;

// Every attribute has to occur: one that is configured and that the template leaves out would never be sent, and
// nobody would know.
constexpr std::array kRouteMap{
    Placeholder{"map"},
    Placeholder{"prepend", Kind::optional},
    Placeholder{"med", Kind::optional},
    Placeholder{"communities", Kind::optional},
    Placeholder{"large_communities", Kind::optional},
    Placeholder{"local_preference", Kind::optional},
};
constexpr std::array kNetwork{Placeholder{"vip"}, Placeholder{"map"}};
// FRR deletes by the prefix alone.
constexpr std::array kNoNetwork{Placeholder{"vip"}, Placeholder{.name = "map", .must_occur = false}};

constexpr std::array kFallback{
    Placeholder{"map"},
    Placeholder{"list"},
    Placeholder{"ip"},
    Placeholder{"vips", Kind::list},
    Placeholder{.name = "seq", .of = "vips"},
    Placeholder{.name = "vip", .of = "vips"},
    Placeholder{"called", Kind::optional},
};

constexpr TemplateKind kRouteMapTemplate{"route-map.conf", kRouteMap};
constexpr TemplateKind kNetworkTemplate{"network.conf", kNetwork};
constexpr TemplateKind kNoNetworkTemplate{"no-network.conf", kNoNetwork};
constexpr TemplateKind kFallbackTemplate{"fallback.conf", kFallback};

bool is_large(const std::string& community) {
  return std::ranges::count(community, ':') == 2;
}

void set_number(TemplateFields& texts, const char* name, const std::optional<std::uint32_t>& value) {
  if (value) texts[name] = std::to_string(*value);
}

void set_communities(TemplateFields& texts, const std::vector<std::string>& communities) {
  std::vector<std::string> standard;
  std::vector<std::string> large;
  for (const std::string& each : communities) (is_large(each) ? large : standard).push_back(each);
  if (!standard.empty()) texts["communities"] = fmt::format("{}", fmt::join(standard, " "));
  if (!large.empty()) texts["large_communities"] = fmt::format("{}", fmt::join(large, " "));
}

TemplateValues network_values(const Vip& vip, std::string_view map) {
  return {.texts = {{"vip", vip.prefix}, {"map", std::string(map)}}, .lists = {}};
}

}  // namespace

std::expected<FrrObjects, std::vector<TemplateError>> FrrObjects::load(
    std::span<const std::filesystem::path> dirs) {
  auto route_map = load_template(kRouteMapTemplate, dirs);
  auto network = load_template(kNetworkTemplate, dirs);
  auto no_network = load_template(kNoNetworkTemplate, dirs);
  auto fallback = load_template(kFallbackTemplate, dirs);
  if (route_map && network && no_network && fallback)
    return FrrObjects(*std::move(route_map), *std::move(network), *std::move(no_network),
                      *std::move(fallback));
  std::vector<TemplateError> errors;
  for (const auto* each : {&route_map, &network, &no_network, &fallback}) {
    if (!*each) errors.insert(errors.end(), each->error().begin(), each->error().end());
  }
  return std::unexpected(std::move(errors));
}

FrrObjects FrrObjects::only_withdrawing(std::string why) {
  const auto parsed = [](const TemplateKind& kind, std::string_view text) {
    return Template::parse(kind, text, "").value();
  };
  FrrObjects objects({}, parsed(kNetworkTemplate, "network {{vip}} route-map {{map}}\n"),
                     parsed(kNoNetworkTemplate, "no network {{vip}}\n"), {});
  objects.why_not_ = std::move(why);
  return objects;
}

std::expected<std::vector<std::string>, std::string> FrrObjects::route_map(const Policy& policy,
                                                                           std::string_view as) const {
  if (why_not_) return std::unexpected(*why_not_);
  const Attributes& attributes = policy.attributes;
  TemplateValues values;
  values.texts["map"] = policy.name;
  if (attributes.prepend > 0) {
    if (as.empty()) return std::unexpected("\"prepend\" needs router.bgp.as: it prepends your own AS");
    const std::vector<std::string_view> path(attributes.prepend, as);
    values.texts["prepend"] = fmt::format("{}", fmt::join(path, " "));
  }
  set_number(values.texts, "med", attributes.med);
  set_number(values.texts, "local_preference", attributes.local_preference);
  set_communities(values.texts, attributes.communities);
  return commands_in(route_map_.render(values));
}

std::vector<std::string> FrrObjects::network(const Vip& vip, std::string_view map) const {
  return commands_in(network_.render(network_values(vip, map)));
}

std::vector<std::string> FrrObjects::no_network(const Vip& vip, std::string_view map) const {
  return commands_in(no_network_.render(network_values(vip, map)));
}

std::vector<std::string> FrrObjects::fallback(const std::set<Vip>& vips, std::string_view map,
                                              std::string_view list, const std::string& called) const {
  TemplateValues values;
  values.texts["map"] = map;
  values.texts["list"] = list;
  values.texts["ip"] = vips.begin()->prefix.contains(':') ? "ipv6" : "ip";
  if (!called.empty()) values.texts["called"] = called;
  auto& entries = values.lists["vips"];
  for (const Vip& vip : vips)
    entries.push_back({{"seq", fmt::format("{}", 5 * (entries.size() + 1))}, {"vip", vip.prefix}});
  return commands_in(fallback_.render(values));
}

}  // namespace herald
