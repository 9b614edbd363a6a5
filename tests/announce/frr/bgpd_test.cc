// The FRR lever against the real bgpd, alone in a network namespace: by vtysh and over its socket. bgpd needs neither zebra
// nor a peer that answers to hold `network` lines.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <thread>

#include "sidecar/announce/frr/lever.h"
#include "sidecar/announce/frr/socket.h"
#include "sidecar/announce/frr/vtysh.h"
#include "sidecar/os/process.h"
#include "tests/announce/frr/templates.h"
#include "tests/announce/frr/transport_bench.h"
#include "tests/announce/router/outcomes.h"
#include "tests/os/own_namespace.h"

namespace herald::bgpd_test {
namespace {

constexpr const char* kBgpd = "/usr/lib/frr/bgpd";
constexpr int kMany = 1000;

using namespace std::chrono_literals;

// It ends by SIGTERM: a killed one leaves its log buffer in /var/tmp.
class RealBgpd {
 public:
  RealBgpd(Loop& loop, const std::filesystem::path& directory, const std::string& config)
      : loop_(&loop), pid_file_(directory / "pid") {
    const std::string dir = directory;
    auto started = Process::start(loop,
                                  {.argv = {kBgpd, "--vty_socket", dir, "-i", pid_file_, "-z", dir + "/zserv",
                                            "-f", config, "-P", "0", "-p", "0", "-n"}},
                                  [this](const ProcessExit& exit) {
                                    UNSCOPED_INFO("bgpd ended: " << exit.out);
                                    pid_file_.clear();
                                    loop_->exit(1);
                                  });
    REQUIRE(started);
    process_.emplace(std::move(*started));
    for (int i = 0; i < 500 && !std::filesystem::exists(directory / "bgpd.vty"); ++i)
      std::this_thread::sleep_for(10ms);
  }
  ~RealBgpd() {
    pid_t pid = 0;
    if (!(std::ifstream(pid_file_) >> pid) || kill(pid, SIGTERM) != 0) return;
    const Source limit = loop_->timer_at(Loop::clock() + 5s, [this] { loop_->exit(1); });
    loop_->run();
  }
  RealBgpd(const RealBgpd&) = delete;
  RealBgpd& operator=(const RealBgpd&) = delete;

 private:
  Loop* loop_;
  std::string pid_file_;
  std::optional<Process> process_;
};

const std::string kConfig = R"(router bgp 65001
 bgp router-id 10.1.0.4
 no bgp network import-check
 neighbor 10.1.1.4 remote-as 65515
 address-family ipv4 unicast
  network 10.98.9.9/32
 exit-address-family
 address-family ipv6 unicast
  neighbor 10.1.1.4 activate
 exit-address-family
)";

struct RealBench : TransportBench {
  explicit RealBench(Transport transport) {
    enter_new_namespace();
    // bgpd runs as the user frr, and has to write here.
    std::filesystem::permissions(directory.path(), std::filesystem::perms::all);
    config.router.stack = Stack::frr;
    config.router.vtysh.socket_dir = directory.path();
    config.router.vtysh.transport = transport;
    config.router.vtysh.timeout = 5s;
    ServiceSpec& service = config.services.emplace_back();
    service.name = "web";
    service.announce.via = Via::vtysh;
    service.vips = {Vip{"10.99.0.1/32"}, Vip{"fd00:99::1/128"}};
    service.announce.attributes = {std::nullopt,
                                   Attributes{.prepend = 2,
                                              .med = 200,
                                              .communities = {"65001:100", "65001:1:2", "65535:0"},
                                              .local_preference = 50},
                                   Attributes{.prepend = 3}};
    bgpd.emplace(loop, directory.path(), directory.write("bgpd.conf", kConfig));
  }

  [[nodiscard]] Policy policy(Grade grade) const { return policy_of(config.services.front(), grade); }

  std::vector<RouteStep> steps(const std::optional<Policy>& policy) const {
    std::vector<RouteStep> all;
    for (const Vip& vip : config.services.front().vips) all.push_back({vip, policy});
    return all;
  }

  RouterView read(RouterLever& lever) {
    std::optional<RouterView> view;
    lever.read([&](RouterView answer) {
      view = std::move(answer);
      loop.exit(0);
    });
    loop.run();
    REQUIRE(view);
    REQUIRE(view->error.empty());
    return *view;
  }

  // Until all routes are in the table, or none: bgpd takes 50 ms.
  RouterView read_settled(RouterLever& lever, bool in_rib) {
    for (int i = 0; i < 100; ++i) {
      RouterView view = read(lever);
      if (std::ranges::all_of(view.routes, [&](const auto& route) { return route.second.in_rib == in_rib; }))
        return view;
      std::this_thread::sleep_for(20ms);
    }
    FAIL("not settled");
    return {};
  }

  Lines apply(RouterLever& lever, std::vector<RouteStep> steps) {
    return apply(lever, RouteBatch{.steps = std::move(steps), .fallback = {}});
  }

  Lines apply(RouterLever& lever, RouteBatch batch) {
    std::optional<Lines> texts;
    lever.apply(std::move(batch), [&](const RouteOutcomes& outcomes) {
      texts = texts_of(outcomes);
      loop.exit(0);
    });
    loop.run();
    REQUIRE(texts);
    return *texts;
  }

  std::string vtysh(const std::string& line) {
    FrrVtysh transport(loop, config.router.vtysh);
    const FrrReply reply = run(transport, {line});
    REQUIRE(reply.answers.size() == 1);
    return reply.answers.front().text;
  }

  Config config;
  std::optional<RealBgpd> bgpd;
};

void require_bgpd() {
  INFO(kBgpd << " is not installed; tests/run installs it");
  REQUIRE(std::filesystem::exists(kBgpd));
}

std::map<Vip, std::string> owned_by(const std::vector<RouteStep>& steps) {
  std::map<Vip, std::string> owned;
  for (const RouteStep& step : steps) {
    if (step.policy) owned[step.vip] = step.policy->name;
  }
  return owned;
}

TEST_CASE("a real bgpd takes every grade, and gives back what was there before") {
  require_bgpd();
  RealBench bench(GENERATE(Transport::vtysh, Transport::socket));
  const auto lever = make_frr_lever(bench.loop, bench.config, template_dirs());
  CHECK(bench.read(*lever).owned.empty());
  const std::string before = bench.vtysh("show running-config");
  for (const Grade grade : {Grade::healthy, Grade::degraded, Grade::draining, Grade::healthy}) {
    const auto steps = bench.steps(bench.policy(grade));
    CHECK(bench.apply(*lever, steps) == Lines(2, "taken"));
    CHECK(bench.read_settled(*lever, true).owned == owned_by(steps));
    if (grade != Grade::degraded) continue;
    const std::string path = bench.vtysh("show bgp ipv4 unicast 10.99.0.1/32");
    for (const char* text :
         {"65001 65001", "metric 200", "localpref 50", "65001:100", "graceful-shutdown", "65001:1:2"})
      CHECK_THAT(path, Catch::Contains(text));
  }
  CHECK(bench.apply(*lever, bench.steps(std::nullopt)) == Lines(2, "taken"));
  CHECK(bench.read_settled(*lever, false).owned.empty());
  // The maps go with the next change, once nothing can want them any more.
  bench.config.services.clear();
  const auto heir = make_frr_lever(bench.loop, bench.config, template_dirs());
  bench.read(*heir);
  CHECK(bench.apply(*heir, {{Vip{"10.99.0.1/32"}, std::nullopt}}) == Lines{"taken"});
  CHECK(bench.vtysh("show running-config") == before);
}

TEST_CASE("a thousand VIPs of a real bgpd, also when they are gone already") {
  require_bgpd();
  RealBench bench(GENERATE(Transport::vtysh, Transport::socket));
  auto& vips = bench.config.services.front().vips;
  vips.clear();
  for (int i = 0; i < kMany; ++i) vips.push_back({fmt::format("10.97.{}.{}/32", i / 250, i % 250)});
  const auto lever = make_frr_lever(bench.loop, bench.config, template_dirs());
  const auto steps = bench.steps(bench.policy(Grade::healthy));
  CHECK(bench.apply(*lever, steps) == Lines(kMany, "taken"));
  CHECK(bench.read_settled(*lever, true).owned == owned_by(steps));
  // An operator was quicker with every third.
  std::vector<RouteStep> third;
  for (int i = 0; i < kMany; i += 3) third.push_back({vips[static_cast<std::size_t>(i)], std::nullopt});
  CHECK(bench.apply(*make_frr_lever(bench.loop, bench.config, template_dirs()), third) ==
        Lines(third.size(), "taken"));
  CHECK(bench.apply(*lever, bench.steps(std::nullopt)) == Lines(kMany, "taken"));
  CHECK(bench.read_settled(*lever, false).owned.empty());
}

TEST_CASE("a real bgpd takes the fallback, and gives back what was there before") {
  require_bgpd();
  RealBench bench(GENERATE(Transport::vtysh, Transport::socket));
  FrrVtysh transport(bench.loop, bench.config.router.vtysh);
  const bool own = GENERATE(false, true);  // a map of the neighbor's own, or one of its peer-group
  bench.run(transport,
            {"configure terminal", "route-map OUT permit 10", "exit", "router bgp", "neighbor RS peer-group",
             "neighbor 10.1.1.4 peer-group RS", "address-family ipv4 unicast",
             own ? "neighbor 10.1.1.4 route-map OUT out" : "neighbor RS route-map OUT out"});
  const std::string before = bench.vtysh("show running-config");
  CHECK_THAT(before, Catch::Contains("route-map OUT out"));
  const auto lever = make_frr_lever(bench.loop, bench.config, template_dirs());
  CHECK(bench.read(*lever).fallback.empty());
  const std::set<Vip> vips{Vip{"10.99.0.1/32"}, Vip{"fd00:99::1/128"}};
  for (const PeerFallback& wanted : {PeerFallback{vips}, PeerFallback{vips, true}, PeerFallback{}}) {
    CHECK(bench.apply(*lever, RouteBatch{.steps = {}, .fallback = {{"10.1.1.4", wanted}}}) == Lines{"taken"});
    const RouterView view = bench.read(*lever);
    CHECK(view.fallback ==
          (wanted == PeerFallback{} ? PeerFallbacks{} : PeerFallbacks{{"10.1.1.4", wanted}}));
    CHECK(view.fallback_remains == (wanted == PeerFallback{}));
  }
  CHECK(bench.apply(*lever, RouteBatch{.steps = {}, .fallback = {{}}}) == Lines{"taken"});
  CHECK_FALSE(bench.read(*lever).fallback_remains);
  CHECK(bench.vtysh("show running-config") == before);
}

TEST_CASE("a real bgpd refuses in its own words") {
  require_bgpd();
  RealBench bench(GENERATE(Transport::vtysh, Transport::socket));
  const auto lever = make_frr_lever(bench.loop, bench.config, template_dirs());
  const auto errors = bench.apply(*lever, {{Vip{"10.99.0.300/32"}, bench.policy(Grade::healthy)},
                                           {Vip{"10.99.0.2/32"}, bench.policy(Grade::healthy)}});
  CHECK_THAT(errors.at(0), Catch::Contains("Unknown command: network 10.99.0.300/32"));
  CHECK(errors.at(1) == "taken");
  CHECK(bench.read(*lever).owned == std::map<Vip, std::string>{{Vip{"10.99.0.2/32"}, "HERALD-web-healthy"}});
}

}  // namespace
}  // namespace herald::bgpd_test
