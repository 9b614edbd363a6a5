#include "sidecar/announce/route_server.h"
#include "sidecar/text/address.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

namespace herald {
namespace {

using Kind = Placeholder::Kind;

// Flags of presets and of families need not be used by a template of somebody's own.
constexpr Placeholder flag(std::string_view name) {
  return {.name = name, .kind = Kind::optional, .must_occur = false};
}
constexpr Placeholder unneeded(std::string_view name) {
  return {.name = name, .kind = Kind::text, .must_occur = false};
}
constexpr Placeholder list(std::string_view name) {
  return {.name = name, .kind = Kind::list};
}
constexpr Placeholder field(std::string_view name, std::string_view of, bool must_occur = true) {
  return {.name = name, .kind = Kind::text, .of = of, .must_occur = must_occur};
}

constexpr std::array kFrr{
    unneeded("as"),
    Placeholder{"instance"},  // what follows `router bgp`
    Placeholder{"router_id"},
    Placeholder{"peer_as"},
    unneeded("preset"),
    unneeded("keepalive"),
    unneeded("hold"),
    list("peers"),
    field("peer", "peers"),
    field("number", "peers", false),
    list("vips4"),
    field("vip", "vips4"),
    field("seq", "vips4", false),
    list("vips6"),
    field("vip", "vips6"),
    field("seq", "vips6", false),
    list("loopback4"),
    field("vip", "loopback4"),
    field("seq", "loopback4", false),
    list("loopback6"),
    field("vip", "loopback6"),
    field("seq", "loopback6", false),
    flag("ipv4"),  // there are VIPs of this family, or none at all
    flag("ipv6"),  // there are VIPs of this family
    Placeholder{"vrf", Kind::optional},
    flag("networks"),  // herald adds `network` lines
    flag("fast"),      // router.fast_withdraw; else plain
    flag("fast4"),     // and ipv4
    flag("fast6"),
    flag("plain"),
    flag("plain4"),
    flag("plain6"),
    flag("azure"),
    flag("aws"),
    flag("gcp"),
    flag("generic"),
};

constexpr std::array kBird{
    Placeholder{"as"},
    Placeholder{"router_id"},
    Placeholder{"peer_as"},
    unneeded("preset"),
    unneeded("keepalive"),
    unneeded("hold"),
    list("peers"),
    field("peer", "peers"),
    field("number", "peers"),
    list("vips4"),
    field("vip", "vips4"),
    list("vips6"),
    field("vip", "vips6"),
    Placeholder{"interfaces", Kind::optional},  // of services with the loopback lever: `"lo", "dummy0"`
    Placeholder{"direct4", Kind::optional},     // their VIPs: `10.99.0.1/32, 10.99.0.2/32`
    Placeholder{"direct6", Kind::optional},
    Placeholder{"include", Kind::optional},  // there are services with the birdc lever
    Placeholder{"vrf", Kind::optional},
    flag("ipv4"),
    flag("ipv6"),
    flag("azure"),
    flag("aws"),
    flag("gcp"),
    flag("generic"),
};

constexpr TemplateKind kRouteServerTemplate{"route-server.conf", kFrr};
constexpr TemplateKind kRouteServerBirdTemplate{"route-server-bird.conf", kBird};

struct BgpTimers {
  int keepalive;
  int hold;
};

// As low as is likely to be taken: the hold time is how long a dead machine goes on attracting traffic.
BgpTimers timers_of(Preset preset) {
  return preset == Preset::gcp ? BgpTimers{20, 60} : BgpTimers{10, 30};
}

// Steps of five, as routers number entries, so that a person can put one between.
void add_vip(TemplateValues& values, const std::string& name, const Vip& vip) {
  constexpr std::size_t kStep = 5;
  std::vector<TemplateFields>& vips = values.lists[name + (is_ipv6(vip) ? "6" : "4")];
  vips.push_back({{"vip", vip.prefix}, {"seq", std::to_string((vips.size() + 1) * kStep)}});
}

void set_services(TemplateValues& values, const Config& config) {
  for (const char* name : {"vips4", "vips6", "loopback4", "loopback6"}) values.lists[name];
  std::set<std::string> interfaces;
  for (const ServiceSpec& service : config.services) {
    const AnnounceSpec& announce = service.announce;
    for (const Vip& vip : service.vips) {
      add_vip(values, "vips", vip);
      if (announce.via == Via::loopback) add_vip(values, "loopback", vip);
    }
    if (announce.via == Via::loopback) interfaces.insert(fmt::format("\"{}\"", announce.interface));
    if (announce.via == Via::vtysh) values.texts["networks"] = "yes";
    if (announce.via == Via::birdc) values.texts["include"] = config.router.bird.include;
  }
  for (const auto& [list, text] : {std::pair("loopback4", "direct4"), std::pair("loopback6", "direct6")}) {
    std::vector<std::string> prefixes;
    for (const TemplateFields& fields : values.lists[list]) prefixes.push_back(fields.at("vip"));
    if (!prefixes.empty()) values.texts[text] = fmt::format("{}", fmt::join(prefixes, ", "));
  }
  if (!interfaces.empty()) values.texts["interfaces"] = fmt::format("{}", fmt::join(interfaces, ", "));
  const bool ipv6 = !values.lists["vips6"].empty();
  if (ipv6) values.texts["ipv6"] = "yes";
  const bool ipv4 = !ipv6 || !values.lists["vips4"].empty();  // a session needs a family
  if (ipv4) values.texts["ipv4"] = "yes";
  const std::string way = config.router.fast_withdraw ? "fast" : "plain";
  values.texts[way] = "yes";
  if (ipv4) values.texts[way + "4"] = "yes";
  if (ipv6) values.texts[way + "6"] = "yes";
}

TemplateValues values_of(const Config& config) {
  const RouterSpec& router = config.router;
  const BgpTimers timers = timers_of(router.preset);
  TemplateValues values;
  const std::string as = std::to_string(*router.as);
  const bool is_default = router.vrf == "default";
  values.texts = {{"as", as},
                  {"instance", is_default ? as : fmt::format("{} vrf {}", as, router.vrf)},
                  {"router_id", router.router_id},
                  {"peer_as", std::to_string(*router.peer_as)},
                  {"preset", std::string(name_of(router.preset))},
                  {"keepalive", std::to_string(timers.keepalive)},
                  {"hold", std::to_string(timers.hold)},
                  {std::string(name_of(router.preset)), "yes"}};
  if (!is_default) values.texts["vrf"] = router.vrf;
  for (const std::string& peer : router.peers) {
    std::vector<TemplateFields>& peers = values.lists["peers"];
    peers.push_back({{"peer", peer}, {"number", std::to_string(peers.size() + 1)}});
  }
  set_services(values, config);
  return values;
}

std::vector<std::string> missing_keys(const RouterSpec& router) {
  std::vector<std::string> missing;
  if (!router.as) missing.emplace_back("router.bgp.as is missing: your own AS, such as 65001");
  if (router.router_id.empty()) {
    missing.emplace_back(
        "router.bgp.router_id is missing: this machine's own IPv4 address; left to itself the router may "
        "take a VIP, and "
        "two regions have the same");
  }
  if (!router.peer_as) {
    missing.push_back(
        fmt::format("router.route_server.as is missing: the AS of the Route Server, which preset \"{}\" "
                    "leaves to its operator",
                    name_of(router.preset)));
  }
  if (router.peers.empty()) {
    missing.emplace_back(
        "router.route_server.peers is missing: the addresses of the Route Server's instances, such as "
        "[\"10.1.1.4\", "
        "\"10.1.1.132\"]");
  }
  return missing;
}

std::vector<std::string> other_levers(const Config& config, Stack stack) {
  const Via other = stack == Stack::frr ? Via::birdc : Via::vtysh;
  std::vector<std::string> errors;
  for (const ServiceSpec& service : config.services) {
    if (service.announce.via != other) continue;
    errors.push_back(fmt::format("service {} is announced via {}, which is not for {}", service.name,
                                 name_of(other), name_of(stack)));
  }
  return errors;
}

// bird.conf knows no escapes in its strings, and the kernel takes quotes in the names of interfaces.
std::vector<std::string> quotes(const Config& config) {
  std::vector<std::string> errors;
  const auto check = [&](const std::string& key, const std::string& text) {
    if (text.contains('"')) errors.push_back(fmt::format("{}: {} cannot be written in bird.conf", key, text));
  };
  check("router.bgp.vrf", config.router.vrf);
  for (const ServiceSpec& service : config.services)
    check("announce.interface of service " + service.name, service.announce.interface);
  return errors;
}

}  // namespace

std::expected<std::string, std::vector<std::string>> render_route_server(
    const Config& config, Stack stack, std::span<const std::filesystem::path> template_dirs) {
  const bool frr = stack == Stack::frr;
  std::vector<std::string> errors = missing_keys(config.router);
  const auto collect = [&](const std::vector<std::string>& more) {
    errors.insert(errors.end(), more.begin(), more.end());
  };
  collect(other_levers(config, stack));
  if (!frr) collect(quotes(config));
  const auto loaded = load_template(frr ? kRouteServerTemplate : kRouteServerBirdTemplate, template_dirs);
  if (!loaded) {
    for (const TemplateError& error : loaded.error()) errors.push_back(to_string(error));
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return loaded->render(values_of(config));
}

}  // namespace herald
