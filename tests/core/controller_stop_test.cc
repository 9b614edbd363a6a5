// Leaving, and reading the routing stack.
#include <catch2/catch.hpp>

#include "tests/core/controller_bench.h"

namespace herald {
namespace {

Config with_router(Stack stack) {
  Config config = one_service({probe_spec("front")});
  config.router.stack = stack;
  return config;
}

RouterView view(bool in_rib) {
  RouterView read;
  read.reachable = true;
  read.peers.push_back({"10.1.1.4", "Established", true});
  read.routes[kVip] = {in_rib, {}, {}};
  if (in_rib) read.routes[kVip].advertised_to.emplace_back("10.1.1.4");
  return read;
}

}  // namespace

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
  const auto finished = bench.tell(event::StepFinished{steps[0].id, Applied::done});
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

TEST_CASE(
    "the stack is read at the start, 100 ms after a step, and with back-off until it shows what is wanted") {
  ControllerBench bench(with_router(Stack::frr));
  CHECK(of_kind<effect::ReadRouter>(bench.turn()).size() == 1);
  CHECK(of_kind<effect::ReadRouter>(bench.go_on(200ms)).empty());  // one in flight at a time
  bench.tell(event::RouterRead{view(false)});
  CHECK(of_kind<effect::Apply>(bench.finish_next(Verdict::pass, Reason::none, 2)).size() == 1);
  CHECK(bench.service().problem == "not read back from frr yet");
  const TimePoint stepped = bench.now;
  std::vector<TimePoint> reads;
  while (reads.size() < 8) {
    bench.now = std::max(bench.now, bench.controller.next_wakeup());
    const auto effects = bench.turn();
    for (const auto& start : of_kind<effect::StartProbe>(effects)) {
      bench.tell(event::ProbeFinished{start.run, {Verdict::pass, Reason::none, "", 1ms}});
    }
    if (of_kind<effect::ReadRouter>(effects).empty()) continue;
    reads.push_back(bench.now);
    bench.tell(event::RouterRead{view(false)});
  }
  const std::vector<Duration> expected{100ms, 300ms, 700ms, 1500ms, 3100ms, 6300ms, 11300ms, 16300ms};
  for (std::size_t index = 0; index < expected.size(); ++index)
    CHECK(reads[index] - stepped == expected[index]);
  CHECK(bench.service().state == ServiceState::announcing);
}

TEST_CASE("another session, or one that is gone or back, has the stack read again at once") {
  ControllerBench bench(with_router(Stack::frr));
  bench.turn();
  bench.tell(event::RouterRead{view(false)});
  const auto next_read = [&] {
    const TimePoint before = bench.now;
    for (;;) {
      bench.now = std::max(bench.now, bench.controller.next_wakeup());
      if (!of_kind<effect::ReadRouter>(bench.turn()).empty()) return bench.now - before;
    }
  };
  RouterView other = view(false);
  const auto answer = [&](const std::string& session, bool established) {
    other.peers.front().session = session;
    other.peers.front().established = established;
    bench.tell(event::RouterRead{other});
  };
  next_read();
  answer("", true);
  CHECK(next_read() == 10s);
  answer("2 established", true);
  CHECK(next_read() == 100ms);
  answer("2 established", true);
  CHECK(next_read() == 10s);
  answer("2 established", false);
  CHECK(next_read() == 100ms);
  answer("2 established", false);
  CHECK(next_read() == 10s);
}

TEST_CASE("a read that was begun before a step ended does not prove it") {
  ControllerBench bench(with_router(Stack::bird));
  bench.turn();
  bench.tell(event::RouterRead{view(false)});
  bench.answers_steps = false;
  const auto steps = of_kind<effect::Apply>(bench.finish_next(Verdict::pass, Reason::none, 2));
  REQUIRE(steps.size() == 1);
  bench.go_on(150ms);  // a read is under way
  bench.kernel[{kVip, "lo"}] = {{kVip, "lo"}, true, std::nullopt};
  bench.tell(event::StepFinished{steps[0].id, Applied::done});
  bench.tell(event::RouterRead{view(true)});
  CHECK(bench.service().problem == "not read back from bird yet");
  bench.go_on(250ms);
  bench.tell(event::RouterRead{view(true)});
  CHECK(bench.service().state == ServiceState::announced);
}

TEST_CASE("a settled stack is read every 10 s; trouble is followed closely") {
  ControllerBench bench(with_router(Stack::frr));
  bench.turn();
  bench.tell(event::RouterRead{view(false)});
  CHECK(of_kind<effect::ReadRouter>(bench.go_on(9900ms)).empty());
  CHECK(of_kind<effect::ReadRouter>(bench.go_on(100ms)).size() == 1);
  // Something that should not be there: not settled.
  const auto told = of_kind<effect::Transition>(bench.tell(event::RouterRead{view(true)}));
  REQUIRE(told.size() == 1);
  CHECK(told[0].reason ==
        "10.99.0.1/32 is gone from lo but still in frr's BGP table, advertised to 10.1.1.4");
  CHECK(of_kind<effect::ReadRouter>(bench.go_on(100ms)).size() == 1);
}

TEST_CASE("without a stack nothing is read, and an answer that nobody asked for is dropped") {
  ControllerBench bench(one_service({probe_spec("front")}));
  CHECK(of_kind<effect::ReadRouter>(bench.go_on(30s)).empty());
  CHECK(bench.tell(event::RouterRead{view(true)}).empty());
  CHECK_FALSE(bench.controller.snapshot(bench.now).router);
}

TEST_CASE(
    "announced means that somebody hears it: no session at all is a problem, a router without peers is "
    "none") {
  ControllerBench bench(with_router(Stack::frr));
  bench.turn();
  bench.finish_next(Verdict::pass, Reason::none, 2);
  RouterView alone = view(true);
  alone.peers = {{"10.1.1.4", "Active", false}};
  alone.routes[kVip].advertised_to.clear();
  bench.go_on(200ms);
  bench.tell(event::RouterRead{alone});
  bench.go_on(200ms);
  bench.tell(event::RouterRead{alone});
  CHECK(bench.service().state == ServiceState::announcing);
  CHECK(bench.service().problem ==
        "10.99.0.1/32 is in frr's BGP table, and no session is established to advertise it by");
  alone.peers.clear();
  bench.finish_next(Verdict::pass);
  bench.go_on(500ms);
  bench.tell(event::RouterRead{alone});
  CHECK(bench.service().state == ServiceState::announced);
}

}  // namespace herald
