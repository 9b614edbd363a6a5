// What the controller shows of itself, beside what the tests of its parts look at in passing.
#include <catch2/catch.hpp>

#include "tests/core/controller_bench.h"

namespace herald::shown_test {
namespace {

const Vip kOther{"10.99.0.2/32"};

Config two_services() {
  Config config = one_service({probe_spec("front"), probe_spec("back")});
  ServiceSpec& second = config.services.emplace_back(config.services.front());
  second.name = "mail";
  second.vips = {kOther, {"fd00:99::2/128"}};
  second.probes = {probe_spec("smtp")};
  return config;
}

std::vector<std::string> names(const Snapshot& shown) {
  std::vector<std::string> all;
  for (const ServiceSnapshot& service : shown.services) {
    all.push_back(service.name);
    for (const ProbeSnapshot& probe : service.probes) all.push_back(service.name + "/" + probe.name);
  }
  return all;
}

}  // namespace

TEST_CASE("services and probes are shown in the order of the configuration, each probe with its service") {
  ControllerBench bench(two_services());
  bench.turn();
  CHECK(names(bench.controller.snapshot(bench.now)) ==
        std::vector<std::string>{"web", "web/front", "web/back", "mail", "mail/smtp"});
  CHECK(bench.controller.vips() == std::vector<Vip>{kVip, kOther, {"fd00:99::2/128"}});
  CHECK(bench.controller.probes_of("web") ==
        std::vector<ProbeId>{bench.controller.probe_id(0), bench.controller.probe_id(1)});
  CHECK(bench.controller.probes_of("mail") == std::vector<ProbeId>{bench.controller.probe_id(2)});
  CHECK(bench.controller.probes_of("other").empty());
}

TEST_CASE("the moment, the stack and what cannot be looked at") {
  Config config = two_services();
  config.router.fallback = FallbackLevel::deny;
  ControllerBench bench(config);
  bench.look_error = "netlink: No buffer space available";
  bench.turn();
  const Snapshot shown = bench.controller.snapshot(bench.now);
  CHECK(shown.at == bench.now);
  CHECK(shown.stack == Stack::none);
  CHECK(shown.fallback == FallbackLevel::deny);
  CHECK(shown.observe_error == bench.look_error);
  CHECK_FALSE(shown.stopping);
  CHECK_FALSE(shown.router);
  CHECK_FALSE(shown.brake);
  bench.tell(event::Stop{});
  CHECK(bench.controller.snapshot(bench.now).stopping);
}

TEST_CASE("the router is shown as it was read last, and when") {
  Config config = two_services();
  config.router.stack = Stack::bird;
  ControllerBench bench(config);
  bench.go_on_reading(15s);
  const Snapshot shown = bench.controller.snapshot(bench.now);
  CHECK(shown.stack == Stack::bird);
  REQUIRE(shown.router);
  CHECK(shown.router->peers == std::vector<RouterPeer>{{"10.1.1.4", "Established", true}});
  REQUIRE(shown.router_read_at);
  CHECK(*shown.router_read_at <= bench.now);
  CHECK(*shown.router_read_at > kStart);
}

TEST_CASE("the plan is what differs: nothing of it once it is done") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  CHECK(bench.controller.plan(bench.now).addresses.empty());
  bench.answers_steps = false;
  bench.finish_next(Verdict::pass, Reason::none, 2);
  const Controller::Plan plan = bench.controller.plan(bench.now);
  REQUIRE(plan.addresses.size() == 1);
  CHECK(plan.addresses[0].kind == Step::Kind::add);
  CHECK(plan.addresses[0].key == AddressKey{kVip, "lo"});
  CHECK(plan.routes.empty());
  ControllerBench done(one_service({probe_spec("front")}));
  done.turn();
  done.finish_next(Verdict::pass, Reason::none, 2);
  CHECK(done.controller.plan(done.now).addresses.empty());
}

TEST_CASE("a service that leaves is shown and read until it has left, and its VIP is a leaving one") {
  Config config = two_services();
  ControllerBench bench(config);
  bench.turn();
  for (int time = 0; time < 6; ++time) bench.finish_next(Verdict::pass);
  bench.live(5s);
  REQUIRE(bench.kernel.size() == 3);
  CHECK(bench.controller.leaving().empty());
  bench.answers_steps = false;
  config.services.pop_back();
  bench.controller.configure(config, bench.now);
  bench.turn();
  CHECK(bench.controller.leaving() == std::vector<Vip>{kOther, {"fd00:99::2/128"}});
  CHECK(bench.controller.vips().size() == 3);
  const Snapshot shown = bench.controller.snapshot(bench.now);
  REQUIRE(shown.services.size() == 2);
  CHECK(shown.services[1].leaving);
  CHECK_FALSE(shown.services[0].leaving);
}

}  // namespace herald::shown_test
