// FRR as a lever: against a bgpd of words alone, and against the real one where it is installed.
#include "sidecar/announce/frr/lever.h"

#include <algorithm>
#include <map>

#include "sidecar/announce/frr/owned.h"
#include "sidecar/announce/frr/socket.h"
#include "tests/announce/frr/fake_bgpd.h"
#include "tests/announce/frr/templates.h"
#include "tests/announce/frr/transport_bench.h"
#include "tests/announce/router/outcomes.h"

namespace herald::frr_lever_test {
namespace {

const Vip kVip{"10.99.0.1/32"};
const Vip kVip6{"fd00:99::1/128"};

struct LeverBench : TransportBench {
  LeverBench() {
    config.router.stack = Stack::frr;
    config.router.vtysh = fake_vtysh("echo no vtysh");
    config.router.vtysh.transport = Transport::socket;
    ServiceSpec& service = config.services.emplace_back();
    service.name = "web";
    service.vips = {kVip, kVip6};
    service.announce.via = Via::vtysh;
    service.announce.attributes[static_cast<std::size_t>(Grade::degraded)] = Attributes{.med = 200};
  }

  [[nodiscard]] Policy policy(Grade grade) const { return policy_of(config.services.front(), grade); }

  RouterView read(RouterLever& lever) {
    std::optional<RouterView> view;
    lever.read([&](RouterView answer) {
      view = std::move(answer);
      loop.exit(0);
    });
    run_loop();
    REQUIRE(view);
    return *view;
  }

  Lines apply(RouterLever& lever, std::vector<RouteStep> steps) {
    std::optional<Lines> texts;
    lever.apply({.steps = std::move(steps)}, [&](const RouteOutcomes& outcomes) {
      texts = texts_of(outcomes);
      loop.exit(0);
    });
    CHECK_FALSE(texts);
    run_loop();
    REQUIRE(texts);
    return *texts;
  }

  void run_loop() {
    const Source limit = loop.timer_at(Loop::clock() + std::chrono::seconds(10), [&] { loop.exit(1); });
    loop.run();
  }

  Config config;
};

// Says what it is told to, and remembers what it was asked.
struct WordsBench : LeverBench {
  WordsBench()
      : bgpd(loop, frr_socket_path(config.router.vtysh), [this](const std::string& line) {
          const auto found = answers.find(line);
          return found == answers.end() ? FakeBgpd::answer(0) : found->second;
        }) {
    answers["show bgp summary json"] = FakeBgpd::answer(
        0, R"({"ipv4Unicast":{"peers":{"10.1.1.4":{"state":"Established"}}},"ipv6Unicast":{"peers":{}}})");
    for (const Vip& vip : {kVip, kVip6}) {
      answers["show bgp " + std::string(vip == kVip ? "ipv4" : "ipv6") + " unicast " + vip.prefix + " json"] =
          FakeBgpd::answer(0, "{}\n");
    }
    holds("");
  }

  void holds(const std::string& networks, const std::string& instance = "router bgp 65001\n") {
    answers[frr_owned_command()] =
        FakeBgpd::answer(0, instance + " address-family ipv4 unicast\n" + networks);
  }

  // What it was told since the last time, between entering the configuration and leaving it.
  Lines told() {
    Lines lines;
    const auto begin = std::ranges::find(bgpd.lines, "configure terminal");
    std::copy(begin, bgpd.lines.end(), std::back_inserter(lines));
    bgpd.lines.clear();
    return lines;
  }

  std::map<std::string, std::string> answers;
  FakeBgpd bgpd;
};

TEST_CASE_METHOD(WordsBench, "it reads peers, routes and what is owned") {
  holds("  network 10.99.0.1/32 route-map HERALD-web-healthy\nroute-map HERALD-web-healthy permit 10\n");
  const auto lever = make_frr_lever(loop, config, template_dirs());
  const RouterView view = read(*lever);
  CHECK(view.reachable);
  CHECK(view.peers.size() == 1);
  CHECK(view.routes.size() == 2);
  CHECK(view.owned == std::map<Vip, std::string>{{kVip, "HERALD-web-healthy"}});
}

TEST_CASE_METHOD(WordsBench,
                 "a map that somebody changed or deleted is told, and put right with the next step") {
  const Lines mended{"configure terminal",
                     "route-map HERALD-web-healthy permit 10",
                     "no set metric 999",
                     "exit",
                     "route-map HERALD-web-healthy permit 10",
                     "exit",
                     "router bgp",
                     "address-family ipv4 unicast",
                     "network 10.99.0.1/32 route-map HERALD-web-healthy",
                     "exit-address-family",
                     "exit",
                     "end"};
  const std::string network = "  network 10.99.0.1/32 route-map HERALD-web-healthy\n";
  const std::string sound = network + "route-map HERALD-web-healthy permit 10\n";
  const auto lever = make_frr_lever(loop, config, template_dirs());
  holds(sound + " set metric 999\n");
  RouterView view = read(*lever);
  CHECK(view.owned == std::map<Vip, std::string>{{kVip, ""}});
  CHECK(view.altered.at(kVip) ==
        "somebody changed the route-map HERALD-web-healthy: it has `set metric 999`");
  const RouteStep step{kVip, policy(Grade::healthy)};
  CHECK(lever->commands({.steps = {step}}) == mended);
  bgpd.lines.clear();
  CHECK(apply(*lever, {step}) == Lines{"taken"});
  CHECK(told() == mended);
  holds(sound);
  view = read(*lever);
  CHECK(view.owned == std::map<Vip, std::string>{{kVip, "HERALD-web-healthy"}});
  CHECK(view.altered.empty());
  holds(network);
  view = read(*lever);
  CHECK(view.owned == std::map<Vip, std::string>{{kVip, ""}});
  CHECK(view.altered.at(kVip) == "somebody deleted the route-map HERALD-web-healthy");
}

TEST_CASE_METHOD(WordsBench, "without its templates it withdraws, and says why it does nothing else") {
  holds("  network 10.99.0.1/32 route-map HERALD-web-healthy\nroute-map HERALD-web-healthy permit 10\n");
  const std::vector<std::filesystem::path> nowhere{"/nonexistent"};
  const auto lever = make_frr_lever(loop, config, nowhere);
  (void)read(*lever);
  bgpd.lines.clear();
  const Lines texts = apply(*lever, {{kVip, std::nullopt}, {kVip6, policy(Grade::degraded)}});
  CHECK(texts == Lines{"taken", "route-map.conf: there is no such template in /nonexistent"});
  const Lines lines = told();
  CHECK(std::ranges::find(lines, "no network 10.99.0.1/32") != lines.end());
}

TEST_CASE_METHOD(WordsBench, "of more VIPs than fit into one call each is asked about once") {
  std::vector<Vip>& vips = config.services.front().vips;
  vips.clear();
  for (int index = 0; index < 1'001; ++index) {
    vips.push_back({"10.98." + std::to_string(index / 250) + "." + std::to_string(index % 250) + "/32"});
    answers["show bgp ipv4 unicast " + vips.back().prefix + " json"] = FakeBgpd::answer(0, "{}\n");
  }
  const auto lever = make_frr_lever(loop, config, template_dirs());
  const RouterView view = read(*lever);
  CHECK(view.error == "");
  CHECK(view.routes.size() == 1'001);
  for (const Vip& vip : {vips[0], vips[499], vips[500], vips[999], vips[1'000]})
    CHECK(std::ranges::count(bgpd.lines, "show bgp ipv4 unicast " + vip.prefix + " json") == 1);
}

TEST_CASE_METHOD(WordsBench, "an answer of another shape than expected is a router that cannot be read") {
  const auto lever = make_frr_lever(loop, config, template_dirs());
  const std::string route = "show bgp ipv4 unicast " + kVip.prefix + " json";
  answers[route] = FakeBgpd::answer(0, R"({"prefix":"10.99.0.1/32","paths":[{"sourced":"yes"}]})");
  CHECK(read(*lever) ==
        unreachable("bgpd does not answer as expected: of 10.99.0.1/32, paths.0.sourced is no true or "
                    "false"));
  answers[route] = FakeBgpd::answer(0, "{}\n");
  CHECK(read(*lever).reachable);
  holds("  network x/32 route-map HERALD-web-healthy\n");
  CHECK(read(*lever) == unreachable("bgpd does not answer as expected: network x/32"));
  answers[frr_owned_command()] = FakeBgpd::answer(13, "router bgp 65001\n");
  CHECK(read(*lever) == unreachable("bgpd: router bgp 65001"));
}

TEST_CASE_METHOD(WordsBench, "what it would send is what it sends, and a map is sent once") {
  const auto lever = make_frr_lever(loop, config, template_dirs());
  const std::vector<RouteStep> steps{{kVip, policy(Grade::healthy)}};
  const Lines lines = lever->commands({.steps = steps});
  CHECK(apply(*lever, steps) == Lines{"taken"});
  CHECK(told() == lines);
  CHECK(lines.at(1) == "route-map HERALD-web-healthy permit 10");
  CHECK(apply(*lever, steps) == Lines{"taken"});
  CHECK(told() == Lines{"configure terminal", "router bgp", "address-family ipv4 unicast",
                        "network 10.99.0.1/32 route-map HERALD-web-healthy", "exit-address-family", "exit",
                        "end"});
  // A restarted bgpd has none.
  read(*lever);
  CHECK(lever->commands({.steps = steps}) == lines);
}

TEST_CASE_METHOD(WordsBench, "a map that nothing names may be half a map; maps of no use are deleted") {
  holds(
      "  network 10.99.0.1/32 route-map HERALD-web-healthy\n  network 10.99.0.9/32 route-map HERALD-gone-a\n"
      "route-map HERALD-web-healthy permit 10\nroute-map HERALD-gone-a permit 10\nroute-map HERALD-gone-b "
      "permit 10\nroute-map " +
      policy(Grade::degraded).name + " permit 10\n");
  const auto lever = make_frr_lever(loop, config, template_dirs());
  read(*lever);
  const std::string degraded = policy(Grade::degraded).name;
  CHECK(lever->commands({.steps = {{kVip, policy(Grade::degraded)}}}) ==
        Lines{"configure terminal", "no route-map " + degraded, "route-map " + degraded + " permit 10",
              "set metric 200", "exit", "router bgp", "address-family ipv4 unicast",
              "network 10.99.0.1/32 route-map " + degraded, "exit-address-family", "exit",
              "no route-map HERALD-gone-b", "end"});
}

TEST_CASE_METHOD(WordsBench, "no instance is created") {
  holds("", "");
  answers["show bgp summary json"] = FakeBgpd::answer(1, "{}\n");
  const auto lever = make_frr_lever(loop, config, template_dirs());
  CHECK_FALSE(read(*lever).reachable);
  CHECK(apply(*lever, {{kVip, std::nullopt}}) == Lines{"bgpd has no BGP instance in vrf default"});
  CHECK(told().empty());
  CHECK(lever->commands({.steps = {{kVip, std::nullopt}}}) ==
        Lines{"! 10.99.0.1/32: bgpd has no BGP instance in vrf default"});
  config.router.vrf = "blue";
  const auto blue = make_frr_lever(loop, config, template_dirs());
  CHECK(apply(*blue, {{kVip, std::nullopt}}) == Lines{"bgpd was not read yet"});
}

TEST_CASE_METHOD(WordsBench, "a prepend takes the AS of bgpd where none is configured") {
  config.services.front().announce.attributes[0] = Attributes{.prepend = 2};
  const auto lever = make_frr_lever(loop, config, template_dirs());
  const std::vector<RouteStep> steps{{kVip, policy(Grade::healthy)}};
  CHECK(apply(*lever, steps) == Lines{"\"prepend\" needs router.bgp.as: it prepends your own AS"});
  read(*lever);
  CHECK(lever->commands({.steps = steps}).at(2) == "set as-path prepend 65001 65001");
}

TEST_CASE_METHOD(WordsBench, "an apply ends a read, and a read waits for an apply") {
  const auto lever = make_frr_lever(loop, config, template_dirs());
  lever->read([](const auto&) { FAIL("it was given up"); });
  std::vector<std::string> order;
  lever->apply({.steps = {{kVip, std::nullopt}}}, [&](const auto&) { order.emplace_back("applied"); });
  lever->read([&](const RouterView& view) {
    order.emplace_back(view.reachable ? "read" : view.error);
    loop.exit(0);
  });
  run_loop();
  CHECK(order == std::vector<std::string>{"applied", "read"});
}

TEST_CASE_METHOD(LeverBench, "a router that cannot be asked is unreachable, and says why to every step") {
  config.router.vtysh.transport = GENERATE(Transport::socket, Transport::vtysh);
  const auto lever = make_frr_lever(loop, config, template_dirs());
  const RouterView view = read(*lever);
  CHECK_FALSE(view.reachable);
  CHECK(view.error == "vtysh: no vtysh");
  CHECK(apply(*lever, {{kVip, std::nullopt}, {kVip6, std::nullopt}}) ==
        Lines{"vtysh: no vtysh", "vtysh: no vtysh"});
}

}  // namespace
}  // namespace herald::frr_lever_test
