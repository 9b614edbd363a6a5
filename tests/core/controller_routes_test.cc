// The levers that steer the router: order, grades, proof, drains, and a router that does not answer.
#include <catch2/catch.hpp>

#include "tests/core/controller_bench.h"

namespace herald::controller_routes_test {
namespace {

Config routed(VipOnDown vip_on_down = VipOnDown::keep) {
  Config config = one_service({probe_spec("front")});
  config.router.stack = Stack::frr;
  AnnounceSpec& announce = config.services.front().announce;
  announce.via = Via::vtysh;
  announce.vip_on_down = vip_on_down;
  announce.attributes[1] = Attributes{.prepend = 2};
  announce.attributes[2] = Attributes{.prepend = 3};
  config.services.front().drain = {.delay = 5s, .linger = 30s};
  return config;
}

std::string healthy() {
  return "HERALD-web-healthy";
}

// Announced, read back and settled.
ControllerBench announced(VipOnDown vip_on_down = VipOnDown::keep) {
  ControllerBench bench(routed(vip_on_down));
  bench.turn();
  bench.answer_read();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.go_on_reading(300ms);
  REQUIRE(bench.router == OwnedRoutes{{kVip, healthy()}});
  REQUIRE(bench.service().state == ServiceState::announced);
  return bench;
}

Admin drained(TimePoint now) {
  return {AdminState::drain, "kernel update", "root", now, std::nullopt};
}

}  // namespace

TEST_CASE("routes: a service that the configuration has no more leaves step by step, and then is gone") {
  ControllerBench bench = announced();
  Config none;
  none.router.stack = Stack::frr;
  const auto done = bench.controller.configure(none, bench.now);
  CHECK(done.rewired);
  bench.go_on_reading(300ms);
  CHECK(bench.service().name == "web (removed)");
  CHECK(bench.service().state == ServiceState::draining);
  CHECK(bench.router[kVip].starts_with("HERALD-web-draining"));
  bench.go_on_reading(5s);
  CHECK(bench.router.empty());
  CHECK(bench.kernel.size() == 1);
  bench.go_on_reading(30s);
  CHECK(bench.kernel.empty());
  bench.go_on_reading(11s);
  CHECK(bench.controller.snapshot(bench.now).services.empty());
}

TEST_CASE("routes: a change of lever announces by the new one before the old one ends") {
  ControllerBench bench = announced();
  Config config = routed();
  config.services.front().announce = {};
  bench.controller.configure(config, bench.now);
  bench.sent.clear();
  bench.go_on_reading(300ms);
  CHECK(bench.kernel[{kVip, "lo"}].expires);
  CHECK(bench.router.empty());  // for the address was there
  bench.controller.configure(routed(), bench.now);
  bench.go_on_reading(300ms);
  CHECK(bench.router == OwnedRoutes{{kVip, healthy()}});
  CHECK_FALSE(bench.kernel[{kVip, "lo"}].expires);
  for (const Step& step : bench.applied) CHECK(step.kind != Step::Kind::remove);
}

TEST_CASE("routes: a change of lever together with another target holds what is announced") {
  ControllerBench bench(one_service({probe_spec("front")}));
  Config config = one_service({probe_spec("front")});
  config.router.stack = Stack::frr;
  bench.controller = Controller(config, 1, bench.now);
  bench.turn();
  bench.answer_read();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  REQUIRE(bench.kernel.size() == 1);
  Config next = routed(VipOnDown::remove);
  next.services.front().probes[0].settings = "another";
  bench.controller.configure(next, bench.now);
  bench.go_on_reading(200ms);
  CHECK(bench.service().state == ServiceState::adopting);
  CHECK(bench.kernel.size() == 1);
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.go_on_reading(300ms);
  CHECK(bench.router == OwnedRoutes{{kVip, healthy()}});
}

TEST_CASE("routes: nothing is sent before the router was read and the VIP is on the interface") {
  ControllerBench bench(routed());
  bench.answers_steps = false;
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  CHECK(bench.sent.empty());
  CHECK(bench.service().state == ServiceState::adopting);
  bench.answer_read();
  CHECK(bench.service().health == Health::healthy);
  CHECK(bench.sent.empty());  // the address step is still under way
  bench.kernel[{kVip, "lo"}] = {{kVip, "lo"}, true, std::nullopt};
  bench.tell(event::AddressesChanged{});
  REQUIRE(bench.sent.size() == 1);
  CHECK(to_string(bench.sent[0].front()) == "announce 10.99.0.1/32 with HERALD-web-healthy");
}

TEST_CASE(
    "routes: a VIP that goes with its route is not there before the health is known, and back under a "
    "route") {
  ControllerBench bench(routed(VipOnDown::remove));
  SECTION("not announced") {
    bench.turn();
    bench.answer_read();
    CHECK(bench.kernel.empty());
    bench.finish_next(Verdict::pass, Reason::none, 2);
    CHECK(bench.kernel.size() == 1);
  }
  SECTION("announced, and the VIP was lost") {
    bench.router = {{kVip, healthy()}};
    bench.turn();
    CHECK(bench.kernel.empty());
    bench.answer_read();
    CHECK(bench.service().state == ServiceState::adopting);
    CHECK(bench.kernel.size() == 1);
  }
}

TEST_CASE("routes: announced means read back, with the policy, from the table and from the peers") {
  ControllerBench bench(routed());
  bench.turn();
  bench.answer_read();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  REQUIRE(bench.sent.size() == 1);
  CHECK(bench.service().state == ServiceState::announcing);
  CHECK(bench.service().problem == "not read back from frr yet");
  bench.go_on_reading(300ms);
  CHECK(bench.service().state == ServiceState::announced);
  CHECK_FALSE(bench.service().problem);
  CHECK(bench.service().vips.front().policy == healthy());
}

TEST_CASE("routes: a dead service is withdrawn in the same turn, and its VIP stays") {
  ControllerBench bench = announced();
  bench.finish_next(Verdict::fail, Reason::refused, 2);
  CHECK(bench.router.empty());
  CHECK(bench.service().state == ServiceState::withdrawing);
  bench.go_on_reading(60s);
  CHECK(bench.service().state == ServiceState::withdrawn);
  CHECK(bench.kernel.size() == 1);
}

TEST_CASE("routes: vip_on_down remove takes the VIP away once it has lingered after the proof") {
  ControllerBench bench = announced(VipOnDown::remove);
  bench.finish_next(Verdict::fail, Reason::refused, 2);
  CHECK(bench.router.empty());
  bench.go_on_reading(29s);
  CHECK(bench.kernel.size() == 1);
  bench.go_on_reading(3s);
  CHECK(bench.kernel.empty());
}

TEST_CASE("routes: what the router does not confirm keeps its VIP") {
  ControllerBench bench = announced(VipOnDown::remove);
  bench.router_error = "vtysh: no answer within 2s";
  bench.route_error = "vtysh: no answer within 2s";
  bench.finish_next(Verdict::fail, Reason::refused, 2);
  bench.go_on_reading(120s);
  CHECK(bench.kernel.size() == 1);
  CHECK(bench.service().state == ServiceState::withdrawing);
  CHECK(bench.service().problem.value_or("").starts_with("frr does not answer"));
  bench.router_error = bench.route_error = "";
  bench.go_on_reading(6s);
  CHECK(bench.router.empty());
  CHECK(bench.service().state == ServiceState::withdrawn);
}

TEST_CASE("routes: while the router does not answer, wishes follow each other, and the last one counts") {
  ControllerBench bench = announced();
  bench.answers_routes = false;
  bench.finish_next(Verdict::fail, Reason::refused, 2);
  REQUIRE(bench.sent.size() == 2);
  CHECK_FALSE(bench.sent.back().front().policy);
  bench.finish_next(Verdict::pass, Reason::none, 2);  // it is back while the withdrawal is under way
  CHECK(bench.sent.size() == 2);                      // one at a time
  bench.answers_routes = true;
  bench.finish_routes();
  bench.turn();
  bench.go_on_reading(1s);
  CHECK(bench.router == OwnedRoutes{{kVip, healthy()}});
  CHECK(bench.service().state == ServiceState::announced);
}

TEST_CASE("routes: a warning switches the policy, without a withdrawal") {
  ControllerBench bench = announced();
  const std::size_t before = bench.sent.size();
  bench.finish_next(Verdict::warn, Reason::latency, 2);
  REQUIRE(bench.sent.size() == before + 1);
  REQUIRE(bench.sent.back().size() == 1);
  REQUIRE(bench.sent.back().front().policy);
  CHECK(bench.sent.back().front().policy->attributes.prepend == 2);
  bench.go_on_reading(300ms);
  CHECK(bench.service().grade == Grade::degraded);
  CHECK(bench.service().state == ServiceState::announced);
}

TEST_CASE("routes: what somebody removes from the router is put back") {
  ControllerBench bench = announced();
  bench.router.clear();
  bench.tell(event::RouterChanged{});
  bench.go_on_reading(300ms);
  CHECK(bench.router == OwnedRoutes{{kVip, healthy()}});
}

TEST_CASE("routes: found announced, adopted; found and configured no more, withdrawn") {
  ControllerBench bench(routed());
  bench.kernel[{kVip, "lo"}] = {{kVip, "lo"}, true, std::nullopt};
  bench.router = {{kVip, healthy()}, {{"10.99.0.9/32"}, "HERALD-old-healthy"}};
  bench.turn();
  bench.answer_read();
  REQUIRE(bench.sent.size() == 1);
  CHECK(to_string(bench.sent[0].front()) == "withdraw 10.99.0.9/32");
  CHECK(bench.service().state == ServiceState::adopting);
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.go_on_reading(300ms);
  CHECK(bench.sent.size() == 1);
  CHECK(bench.service().state == ServiceState::announced);
}

TEST_CASE("drain: the draining attributes, then withdrawn, and healthy probes do not bring it back") {
  ControllerBench bench = announced();
  bench.tell(event::Administer{"web", drained(bench.now)});
  CHECK(bench.service().state == ServiceState::draining);
  CHECK(bench.router.at(kVip).starts_with("HERALD-web-draining-"));
  bench.go_on_reading(4900ms);
  CHECK(bench.router.size() == 1);
  bench.go_on_reading(200ms);
  CHECK(bench.router.empty());
  bench.go_on_reading(500ms);
  CHECK(bench.service().state == ServiceState::withdrawn);
  CHECK(bench.service().reason == "drained by root: kernel update");
  bench.finish_next(Verdict::pass, Reason::none, 5);
  bench.go_on_reading(500ms);
  CHECK(bench.router.empty());

  bench.tell(event::Administer{"web", {}});
  CHECK(bench.router == OwnedRoutes{{kVip, healthy()}});
}

TEST_CASE("drain: what is lost while it drains is not put back") {
  ControllerBench bench = announced();
  bench.tell(event::Administer{"web", drained(bench.now)});
  bench.go_on_reading(1s);
  bench.router.clear();
  bench.tell(event::RouterChanged{});
  bench.go_on_reading(1s);
  CHECK(bench.router.empty());
  CHECK(bench.service().state == ServiceState::withdrawn);
}

TEST_CASE("drain: one VIP of two that is lost while it drains is not put back either") {
  Config config = routed();
  const Vip other{"10.99.0.2/32"};
  config.services.front().vips.push_back(other);
  ControllerBench bench(config);
  bench.turn();
  bench.answer_read();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.go_on_reading(300ms);
  REQUIRE(bench.router.size() == 2);
  bench.tell(event::Administer{"web", drained(bench.now)});
  bench.go_on_reading(1s);
  bench.router.erase(other);
  bench.tell(event::RouterChanged{});
  bench.go_on_reading(1s);
  CHECK(bench.service().state == ServiceState::draining);
  CHECK(bench.router.size() == 1);
  bench.go_on_reading(5s);
  CHECK(bench.router.empty());
}

TEST_CASE("drain: it expires by itself") {
  ControllerBench bench = announced();
  Admin admin = drained(bench.now);
  admin.expires = bench.now + 60s;
  bench.tell(event::Administer{"web", admin});
  for (int second = 0; second < 59; ++second) {
    bench.finish_next(Verdict::pass);
    bench.go_on_reading(500ms);
  }
  CHECK(bench.service().admin.state == AdminState::drain);
  while (bench.now < *admin.expires + 2s) {
    bench.finish_next(Verdict::pass);
    bench.go_on_reading(500ms);
  }
  CHECK(bench.service().admin.state == AdminState::automatic);
  CHECK(bench.router == OwnedRoutes{{kVip, healthy()}});
}

TEST_CASE("drain: one that expires before the router has answered is over, and wakes nobody again") {
  ControllerBench bench(routed());
  Admin admin = drained(bench.now);
  admin.expires = bench.now + 1s;
  bench.tell(event::Administer{"web", admin});
  bench.go_on(1s);
  CHECK(bench.controller.next_wakeup() > bench.now);
  CHECK(bench.service().admin.state == AdminState::automatic);
}

TEST_CASE("drain of a loopback service is the removal, at once; a drain before anything is known withdraws") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.kernel[{kVip, "lo"}] = {{kVip, "lo"}, true, std::nullopt};
  SECTION("announced") {
    bench.turn();
    bench.finish_next(Verdict::pass, Reason::none, 2);
  }
  bench.tell(event::Administer{"web", drained(bench.now)});
  CHECK(bench.kernel.empty());
  CHECK(bench.service().state == ServiceState::withdrawn);
}

TEST_CASE("force: announced whatever the probes say, and loudly; unforced, the probes say") {
  ControllerBench bench = announced();
  bench.tell(event::Administer{"web", {AdminState::force, "demo", "root", bench.now, std::nullopt}});
  bench.finish_next(Verdict::fail, Reason::refused, 3);
  bench.go_on_reading(500ms);
  CHECK(bench.router.size() == 1);
  CHECK(bench.service().reason.starts_with("FORCED by root: demo; 1 of 1 gates down"));
  bench.tell(event::Administer{"web", {}});
  CHECK(bench.router.empty());
}

TEST_CASE("routes: SIGTERM withdraws, waits for the proof, and leaves the VIP where it stays") {
  ControllerBench bench = announced();
  auto effects = bench.tell(event::Stop{});
  CHECK(bench.router.empty());
  CHECK(of_kind<effect::Exit>(effects).empty());
  const auto exits = of_kind<effect::Exit>(bench.go_on_reading(1s));
  REQUIRE(exits.size() == 1);
  CHECK(exits[0].clean);
  CHECK(bench.kernel.size() == 1);
}

TEST_CASE("routes: SIGTERM lets the VIP linger where it goes") {
  ControllerBench bench = announced(VipOnDown::remove);
  bench.tell(event::Stop{});
  CHECK(of_kind<effect::Exit>(bench.go_on_reading(29s)).empty());
  const auto exits = of_kind<effect::Exit>(bench.go_on_reading(3s));
  REQUIRE(exits.size() == 1);
  CHECK(exits[0].clean);
  CHECK(bench.kernel.empty());
}

TEST_CASE("routes: SIGTERM with on_exit keep changes nothing") {
  Config config = routed();
  config.services.front().on_exit = OnExit::keep;
  ControllerBench bench(config);
  bench.turn();
  bench.answer_read();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.go_on_reading(300ms);
  const auto exits = of_kind<effect::Exit>(bench.tell(event::Stop{}));
  REQUIRE(exits.size() == 1);
  CHECK(exits[0].clean);
  CHECK(bench.router.size() == 1);
  CHECK(bench.kernel.size() == 1);
}

TEST_CASE(
    "routes: an address that the router would announce is not there before its service, and goes with it") {
  ControllerBench bench(routed());
  bench.import = InterfaceImport{"redistribute connected route-map X", true};
  bench.imports = true;
  bench.turn();
  CHECK(bench.kernel.empty());  // nobody has asked yet what the router does with it
  bench.answer_read();
  bench.finish_next(Verdict::fail, Reason::refused, 2);
  bench.go_on_reading(5s);
  CHECK(bench.service().state == ServiceState::withdrawn);
  CHECK(bench.kernel.empty());
  bench.live(20s);
  REQUIRE(bench.service().state == ServiceState::announced);
  CHECK(bench.kernel.size() == 1);
  bench.live(3s, {{"front", Verdict::fail}});
  CHECK(bench.router.empty());
  CHECK(bench.kernel.empty());
  CHECK(bench.service().state == ServiceState::withdrawn);
  bench.live(60s, {{"front", Verdict::fail}});
  CHECK(bench.kernel.empty());
}

TEST_CASE("routes: what was seen not to be announced stays for late packets, as does what nothing imports") {
  ControllerBench bench(routed());
  bench.import = InterfaceImport{"redistribute connected route-map X", true};
  bench.turn();
  bench.answer_read();
  CHECK(bench.kernel.empty());
  bench.live(20s);
  REQUIRE(bench.service().state == ServiceState::announced);
  bench.live(60s, {{"front", Verdict::fail}});
  CHECK(bench.router.empty());
  CHECK(bench.kernel.size() == 1);

  ControllerBench plain(routed());
  plain.turn();
  plain.answer_read();
  CHECK(plain.kernel.size() == 1);
  plain.import = InterfaceImport{"redistribute connected", false};  // somebody types it
  plain.imports = true;
  plain.live(30s, {{"front", Verdict::fail}});
  CHECK(plain.kernel.empty());
  CHECK(plain.controller.plan(plain.now).blames.contains("web"));
}

TEST_CASE("routes: a stop takes the address along that the router would go on announcing") {
  for (const bool imports : {false, true}) {
    ControllerBench bench(routed());
    bench.import = InterfaceImport{"protocol direct1", false};
    bench.imports = imports;
    bench.turn();
    bench.answer_read();
    bench.live(20s);
    REQUIRE(bench.service().state == ServiceState::announced);
    bench.tell(event::Stop{});
    bench.live(2s);
    CHECK(bench.router.empty());
    CHECK(bench.kernel.empty() == imports);
  }
}

}  // namespace herald::controller_routes_test
