#include "sidecar/config/router.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <limits>

#include "sidecar/config/fields.h"
#include "sidecar/text/address.h"

namespace herald {

namespace {

constexpr std::size_t kMostPeers = 256;
constexpr std::size_t kLongestAccount = 32;
constexpr std::uint32_t kMostWorkers = 8;
constexpr std::size_t kLongestPathspace = 64;
// Azure's limit of routes per peer, of which re-announced ones count twice, with room.
constexpr std::uint32_t kMostFastRoutes = 1000;

constexpr std::string_view kNameCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

constexpr std::uint32_t kAzureAs = 65515;

void read_as(ObjectReader& object, std::optional<std::uint32_t>& out) {
  std::uint32_t as = 0;
  if (object.read("as", as, 1, std::numeric_limits<std::uint32_t>::max())) out = as;
}

void read_bgp(ObjectReader bgp, RouterSpec& router) {
  read_as(bgp, router.as);
  std::string router_id;
  if (bgp.read("router_id", router_id)) {
    const auto address = parse_address(router_id);
    const bool v4 = address && address->family == AF_INET && to_string(*address) == router_id;
    if (!v4 || router_id == "0.0.0.0") {
      bgp.fail("router_id", "must look like an IPv4 address, not " + shown(router_id));
    } else {
      router.router_id = router_id;
    }
  }
  read_interface(bgp, "vrf", router.vrf);
  bgp.finish();
}

// The error names the peer that is wrong, not the whole list.
void read_peers(ObjectReader& route_server, std::vector<std::string>& peers) {
  std::vector<std::string> texts;
  if (!route_server.read("peers", texts)) return;
  if (texts.size() > kMostPeers) {
    route_server.fail("peers", fmt::format("more than {} peers", kMostPeers));
    return;
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto wrong = [&](std::string message) {
      route_server.fail_element("peers", i, std::move(message));
    };
    const auto address = parse_address(texts[i]);
    if (!address || !is_unicast(*address)) {
      wrong("must be the literal address of a peer, not " + shown(texts[i]));
      continue;
    }
    const std::string peer = to_string(*address);
    const auto same = std::ranges::find(peers, peer);
    if (same != peers.end()) {
      wrong(fmt::format("{} is a peer already", peer));
    } else {
      peers.push_back(peer);
    }
  }
}

void read_route_server(ObjectReader route_server, RouterSpec& router) {
  route_server.read("preset", router.preset);
  read_as(route_server, router.peer_as);
  // The others let their operator choose.
  if (!router.peer_as && router.preset == Preset::azure) router.peer_as = kAzureAs;
  read_peers(route_server, router.peers);
  route_server.finish();
}

void read_vtysh(ObjectReader object, VtyshSpec& vtysh) {
  read_path(object, "path", vtysh.path);
  std::string pathspace;
  if (object.read("pathspace", pathspace)) {
    // It becomes a directory name and an argument of vtysh (-N).
    const bool plain = pathspace.find_first_not_of(kNameCharacters) == std::string::npos &&
                       pathspace.size() <= kLongestPathspace && !pathspace.starts_with('.') &&
                       !pathspace.starts_with('-');
    if (plain) {
      vtysh.pathspace = pathspace;
    } else {
      object.fail("pathspace", "must be a name as FRR's -N takes it, not " + shown(pathspace));
    }
  }
  read_path(object, "socket_dir", vtysh.socket_dir);
  object.read("transport", vtysh.transport);
  object.read("timeout", vtysh.timeout, 100ms, 60s);
  object.finish();
}

void read_bird(ObjectReader object, BirdSpec& bird) {
  read_path(object, "birdc", bird.birdc);
  read_socket_path(object, "socket", bird.socket);
  std::string include;
  if (read_path(object, "include", include)) {
    // It becomes a string in bird.conf, which knows no escapes.
    if (std::ranges::any_of(include, [](unsigned char c) { return c < 0x20 || c == 0x7F || c == '"'; })) {
      object.fail("include", "must be a path without quotes and control characters, not " + shown(include));
    } else {
      bird.include = include;
    }
  }
  object.read("timeout", bird.timeout, 100ms, 60s);
  object.finish();
}

void read_fallback(ObjectReader& object, bool stack_known, RouterSpec& router) {
  object.read("fallback", router.fallback);
  object.read("fallback_after", router.fallback_after, 1s, 1h);
  if (stack_known && router.fallback != FallbackLevel::off && router.stack != Stack::frr) {
    object.fail("fallback", fmt::format("needs the stack \"frr\": herald has no such lever on {}",
                                        router.stack == Stack::bird ? "BIRD" : "stack \"none\""));
  }
}

void read_fast_withdraw(ObjectReader& object, bool stack_known, RouterSpec& router) {
  object.read("fast_withdraw", router.fast_withdraw);
  object.read("fast_withdraw_max_routes", router.fast_withdraw_max_routes, 1, kMostFastRoutes);
  if (!router.fast_withdraw || !stack_known) return;
  if (router.stack != Stack::frr) {
    object.fail("fast_withdraw", fmt::format("needs the stack \"frr\": {}",
                                             router.stack == Stack::bird ? "BIRD withdraws in 2 ms anyhow"
                                                                         : "there is no router to tell"));
  } else if (router.vtysh.transport != Transport::socket) {
    object.fail("fast_withdraw",
                "needs \"vtysh\": {\"transport\": \"socket\"}: by vtysh it would be slower than without it");
  }
}

// The name of a user or group.
void read_account(ObjectReader& object, const char* key, std::string& account) {
  std::string name;
  if (!object.read(key, name)) return;
  const bool is_name = !name.empty() && name.size() <= kLongestAccount && !name.starts_with('-') &&
                       name.find_first_not_of(kNameCharacters) == std::string::npos;
  if (is_name) {
    account = name;
  } else {
    object.fail(key, fmt::format("must be the name of a {}, not {}", key, shown(name)));
  }
}

}  // namespace

bool read_router(ObjectReader& top, RouterSpec& router) {
  const bool present = top.json().contains("router");
  auto object = top.object("router");
  if (!present) top.fail("", R"("router" is required: {"stack": "frr"}, "bird" or "none")");
  if (!object) return false;
  const bool stack_known = object->require("stack") && object->read("stack", router.stack);
  read_fallback(*object, stack_known, router);
  if (auto bgp = object->object("bgp")) read_bgp(*bgp, router);
  if (auto route_server = object->object("route_server")) read_route_server(*route_server, router);
  if (auto vtysh = object->object("vtysh")) read_vtysh(*vtysh, router.vtysh);
  if (auto bird = object->object("bird")) read_bird(*bird, router.bird);
  read_fast_withdraw(*object, stack_known, router);
  object->finish();
  return stack_known;
}

ControlSpec read_control(ObjectReader& top) {
  ControlSpec control;
  auto object = top.object("control");
  if (!object) return control;
  read_socket_path(*object, "socket", control.socket);
  read_account(*object, "group", control.group);
  object->finish();
  return control;
}

WorkersSpec read_workers(ObjectReader& top) {
  WorkersSpec workers;
  auto object = top.object("workers");
  if (!object) return workers;
  object->read("processes", workers.processes, 1, kMostWorkers);
  read_account(*object, "user", workers.user);
  object->finish();
  return workers;
}

std::optional<BrakeSpec> read_brake(ObjectReader& top) {
  const nlohmann::json* value = top.value("brake");
  if (value == nullptr) return Config{}.brake;
  if (*value == "off") return std::nullopt;
  if (!value->is_object()) {
    top.fail("brake", R"(must be "off" or an object, such as {"hold": "30s"}, not )" + shown(*value));
    return std::nullopt;
  }
  constexpr double kMostShare = 0.99;  // more than all of them never fail
  constexpr std::uint32_t kMostLeast = 10'000;
  auto object = top.object("brake");
  BrakeSpec brake;
  object->read("share", brake.share, 0, kMostShare);
  object->read("least", brake.least, 1, kMostLeast);
  object->read("hold", brake.hold, 1s, 10min);
  object->finish();
  return brake;
}

}  // namespace herald
