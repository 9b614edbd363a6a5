// What people ask of the controller. Attempts that were asked for are in probe/asked_runs_test.cc.
#include <catch2/catch.hpp>

#include "tests/core/controller_bench.h"

namespace herald::requests_test {

TEST_CASE("SIGTERM: attempts are cancelled, the VIP is removed and seen to be gone, then Exit") {
  // One probe is at rest when the stop comes, wherever the phases fall, and the other one runs.
  ProbeSpec resting = probe_spec("back");
  resting.timing.fast_interval = 1h;
  ControllerBench bench(one_service({probe_spec("front"), resting}));
  bench.turn();
  while (bench.service().probes.back().runs == 0 || bench.service().probes.front().runs == 0)
    bench.finish_next(Verdict::pass);
  bench.kernel[{kVip, "lo"}] = {{kVip, "lo"}, true, std::nullopt};
  bench.tell(event::AddressesChanged{});
  const RunId running = bench.next_start();
  const auto effects = bench.tell(event::Stop{});
  const auto cancelled = of_kind<effect::CancelProbe>(effects);
  REQUIRE(cancelled.size() == 1);
  CHECK(cancelled[0].run == running);
  CHECK(bench.kernel.empty());
  const auto exits = of_kind<effect::Exit>(effects);
  REQUIRE(exits.size() == 1);
  CHECK(exits[0].clean);
  CHECK(std::holds_alternative<effect::Exit>(effects.back()));
  // Told twice, and nothing is started any more.
  CHECK(of_kind<effect::Exit>(bench.tell(event::Stop{})).empty());
  const auto later = bench.go_on(3s);
  CHECK(of_kind<effect::StartProbe>(later).empty());
  CHECK(of_kind<effect::Exit>(later).empty());
}

Config one_leased_service() {
  Config config = one_service({probe_spec("front")});
  config.services.front().announce.lease = 30s;
  return config;
}

TEST_CASE("handover: the lease is renewed in full, nothing else is done, and then Exit") {
  ControllerBench bench(one_leased_service());
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  REQUIRE(bench.applied.size() == 1);
  const RunId running = bench.next_start();
  bench.kernel[{kVip, "lo"}].expires = bench.now + 25s;
  const auto effects = bench.tell(event::Handover{});
  REQUIRE(of_kind<effect::CancelProbe>(effects).size() == 1);
  CHECK(of_kind<effect::CancelProbe>(effects)[0].run == running);
  REQUIRE(bench.applied.size() == 2);
  CHECK(bench.applied[1] == Step{Step::Kind::refresh, {kVip, "lo"}, 30s});
  REQUIRE(of_kind<effect::Exit>(effects).size() == 1);
  CHECK(of_kind<effect::Exit>(effects)[0].clean);
  CHECK(bench.controller.stopping());
  // SIGTERM comes too late to withdraw.
  CHECK(bench.tell(event::Stop{}).empty());
  CHECK(bench.kernel.size() == 1);
}

TEST_CASE("handover: a lease that was renewed a moment ago is renewed, too") {
  ControllerBench bench(one_leased_service());
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  REQUIRE(bench.applied.size() == 1);
  const auto effects = bench.tell(event::Handover{});
  REQUIRE(bench.applied.size() == 2);
  CHECK(bench.applied[1] == Step{Step::Kind::refresh, {kVip, "lo"}, 30s});
  CHECK(of_kind<effect::Exit>(effects).size() == 1);
}

TEST_CASE("handover: a lease that cannot be renewed is given up after 4.5 s, and that is not clean") {
  ControllerBench bench(one_leased_service());
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.kernel[{kVip, "lo"}].expires = bench.now + 25s;
  bench.step_error = "refresh: Operation not permitted";
  CHECK(of_kind<effect::Exit>(bench.tell(event::Handover{})).empty());
  const auto exits = of_kind<effect::Exit>(bench.go_on(4500ms));
  REQUIRE(exits.size() == 1);
  CHECK_FALSE(exits[0].clean);
  CHECK(bench.kernel.size() == 1);
}

TEST_CASE("Exit waits for the look that shows what the last step did") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.answers_steps = false;
  const auto effects = bench.tell(event::Stop{});
  const auto steps = of_kind<effect::Apply>(effects);
  REQUIRE(steps.size() == 1);
  CHECK(of_kind<effect::Exit>(effects).empty());
  bench.now += 10ms;
  bench.answers_looks = false;
  const auto finished = bench.tell(event::StepFinished{steps[0].id, {}});
  const auto looks = of_kind<effect::Observe>(finished);
  REQUIRE(looks.size() == 1);
  CHECK(of_kind<effect::Exit>(finished).empty());
  CHECK(of_kind<effect::Exit>(bench.tell(event::Observed{looks[0].sequence, Observation{}})).size() == 1);
}

TEST_CASE("what cannot be removed is given up after 4.5 s, and that is not clean") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.step_error = "remove: Operation not permitted";
  const TimePoint stopped = bench.now;
  CHECK(of_kind<effect::Exit>(bench.tell(event::Stop{})).empty());
  CHECK(of_kind<effect::Exit>(bench.go_on(4499ms)).empty());
  bench.now = stopped + 4500ms;
  const auto exits = of_kind<effect::Exit>(bench.turn());
  REQUIRE(exits.size() == 1);
  CHECK_FALSE(exits[0].clean);
}

TEST_CASE("stopped before anything was seen: it does not leave blindly") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.look_error = "netlink: No buffer space available";
  bench.turn();
  const auto exits = of_kind<effect::Exit>(bench.tell(event::Stop{}));
  CHECK(exits.empty());
  const auto later = of_kind<effect::Exit>(bench.go_on(5s));
  REQUIRE(later.size() == 1);
  CHECK_FALSE(later[0].clean);
}

namespace {

Admin said(AdminState state, TimePoint now) {
  return {state, "", "ann", now, std::nullopt};
}

Config damped_service() {
  Config config = one_service({probe_spec("front")});
  config.services.front().damping = Damping{};
  return config;
}

}  // namespace

TEST_CASE("a word about a service that there is not changes nothing") {
  ControllerBench bench(damped_service());
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  CHECK(bench.tell(event::Administer{"wbe", said(AdminState::drain, bench.now)}).empty());
  CHECK(bench.tell(event::ClearDamping{"wbe", "ann"}).empty());
  CHECK(bench.tell(event::Recall{"wbe", {bench.now, 3000, true}}).empty());
  CHECK(bench.kernel.size() == 1);
  CHECK(bench.service().admin.state == AdminState::automatic);
}

TEST_CASE("a word before anything was decided is restored, and told as one that still holds") {
  ControllerBench bench(one_service({probe_spec("front")}));
  Admin drain = said(AdminState::drain, kStart - 5min);
  const auto told = bench.tell(event::Administer{"web", drain});
  const auto notices = of_kind<effect::Notice>(told);
  REQUIRE(notices.size() == 1);
  CHECK(notices[0].text == "admin is still drain, by ann");
  CHECK_FALSE(notices[0].error);
  for (const auto& each : of_kind<effect::Transition>(told)) CHECK(each.subject != Subject::admin);
  // From then on a word is a transition.
  const auto undrained = bench.tell(event::Administer{"web", said(AdminState::automatic, bench.now)});
  const auto transitions = of_kind<effect::Transition>(undrained);
  REQUIRE_FALSE(transitions.empty());
  CHECK(to_string(transitions[0]) == "web: admin drain -> auto: by ann");
  CHECK(of_kind<effect::Notice>(undrained).empty());
}

TEST_CASE("drains of several people: each comes and goes with a transition that names whose it is") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  const auto told = [&](const event::Administer& order) {
    for (const auto& each : of_kind<effect::Transition>(bench.tell(order))) {
      if (each.subject == Subject::admin) return to_string(each);
    }
    return std::string("nothing");
  };
  const auto order = [&](AdminState state, const char* who, std::optional<TimePoint> expires = {}) {
    return Admin{state, "", who, bench.now, expires};
  };
  CHECK(told({"web", order(AdminState::drain, "ann")}) == "web: admin auto -> drain: by ann");
  CHECK(told({"web", order(AdminState::drain, "bob", bench.now + 1min)}) ==
        "web: admin drain -> drain: by bob");
  CHECK(told({"web", order(AdminState::force, "root")}) ==
        "web: admin drain -> drain: by root; FORCED once it is undrained");
  CHECK(bench.service().admin.who == "ann");
  CHECK(bench.service().orders.size() == 3);
  const Ends anns{AdminState::drain, "ann"};
  CHECK(told({"web", order(AdminState::automatic, "ann"), anns}) ==
        "web: admin drain -> drain: by ann; still drained by bob");
  CHECK(told({"web", order(AdminState::automatic, "ann"), anns}) == "nothing");
  CHECK(bench.service().state == ServiceState::withdrawn);
  CHECK(told({"web", order(AdminState::automatic, "root"), {AdminState::drain, {}}}) ==
        "web: admin drain -> force: by root; it was by bob");
  CHECK(bench.service().state == ServiceState::announced);
}

TEST_CASE("a penalty that was kept holds the service; cleared, it comes up in the same turn") {
  ControllerBench bench(damped_service());
  bench.tell(event::Recall{"web", {kStart - 10s, 3000, true}});
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  CHECK(bench.kernel.empty());
  CHECK(bench.service().damped_until);
  const auto cleared = bench.tell(event::ClearDamping{"web", "ann"});
  const auto notices = of_kind<effect::Notice>(cleared);
  REQUIRE(notices.size() == 1);
  CHECK(notices[0].service == "web");
  CHECK(notices[0].text.starts_with("ann forgets the penalty of 29"));
  CHECK(of_kind<effect::Apply>(cleared).size() == 1);
  CHECK(bench.kernel.size() == 1);
  CHECK(bench.service().penalty == 0);
}

TEST_CASE("an attempt that is asked for while herald stops is refused at once") {
  ControllerBench bench(one_service({probe_spec("front")}));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  bench.answers_steps = false;  // so that it is not over at once
  bench.tell(event::Stop{});
  const auto refused =
      of_kind<effect::Probed>(bench.tell(event::ProbeNow{bench.controller.probe_id(0), 7, false}));
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].ticket == 7);
  CHECK(refused[0].result.verdict == Verdict::inconclusive);
  CHECK(refused[0].result.detail == "herald stops");
}

TEST_CASE("a stop is given up after 4.5 s and the longest time that a VIP lingers") {
  Config config = one_service({probe_spec("front")});
  config.router.stack = Stack::frr;
  ServiceSpec& web = config.services.front();
  web.announce.via = Via::vtysh;
  web.announce.vip_on_down = VipOnDown::remove;
  web.drain = {.delay = 0s, .linger = 10s};
  ControllerBench bench(config);
  bench.live(5s);
  REQUIRE(bench.service().state == ServiceState::announced);
  bench.answers_routes = false;  // the router takes nothing any more
  const TimePoint stopped = bench.now;
  bench.tell(event::Stop{});
  CHECK(of_kind<effect::Exit>(bench.go_on(14'499ms)).empty());
  bench.now = stopped + 14'500ms;
  const auto exits = of_kind<effect::Exit>(bench.turn());
  REQUIRE(exits.size() == 1);
  CHECK_FALSE(exits[0].clean);
}

TEST_CASE("what is adopted is herald's: a dead service's goes, and a living one's gets its lease") {
  for (const Verdict verdict : {Verdict::pass, Verdict::fail}) {
    Config config = one_service({probe_spec("front")});
    config.services.front().announce.lease = 30s;
    ControllerBench bench(config);
    const AddressKey key{kVip, "lo"};
    bench.kernel[key] = {key, false, std::nullopt};
    bench.live(10s, {{"front", verdict}});
    CHECK_FALSE(bench.kernel[key].ours);
    CHECK(bench.controller.foreign_addresses("web") == std::vector{key});
    bench.tell(event::Adopt{"web", "root"});
    CHECK(bench.controller.foreign_addresses("web").empty());
    bench.live(2s, {{"front", verdict}});
    if (verdict == Verdict::fail) {
      CHECK(bench.kernel.empty());
      CHECK(bench.service().state == ServiceState::withdrawn);
    } else {
      CHECK(bench.kernel[key].expires);
      CHECK(bench.service().state == ServiceState::announced);
    }
  }
}

TEST_CASE("an address that is meant to be somebody else's is not there to be adopted") {
  Config config = one_service({probe_spec("front")});
  config.router.stack = Stack::frr;
  config.services.front().announce.via = Via::vtysh;
  config.services.front().announce.manage_vip = false;
  ControllerBench bench(config);
  const AddressKey key{kVip, "lo"};
  bench.kernel[key] = {key, false, std::nullopt};
  bench.live(10s, {{"front", Verdict::fail}});
  CHECK(bench.controller.foreign_addresses("web").empty());
  bench.tell(event::Adopt{"web", "root"});
  bench.live(2s, {{"front", Verdict::fail}});
  CHECK_FALSE(bench.kernel[key].ours);
}

TEST_CASE("what is adopted before the health is known stays until it is; a stop adopts nothing") {
  ControllerBench bench(one_service({probe_spec("front")}));
  const AddressKey key{kVip, "lo"};
  bench.kernel[key] = {key, false, std::nullopt};
  bench.turn();
  bench.tell(event::Adopt{"web", "root"});
  CHECK(bench.kernel[key].ours);
  bench.go_on(300ms);
  CHECK(bench.service().state == ServiceState::adopting);
  CHECK(bench.kernel.contains(key));

  ControllerBench stopping(one_service({probe_spec("front")}));
  stopping.kernel[key] = {key, false, std::nullopt};
  stopping.turn();
  stopping.tell(event::Stop{});
  stopping.tell(event::Adopt{"web", "root"});
  CHECK_FALSE(stopping.kernel[key].ours);
}

}  // namespace herald::requests_test
