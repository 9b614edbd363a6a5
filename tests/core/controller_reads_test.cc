// When the controller has the routing stack read, and what it makes of the answers.
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
  bench.tell(event::StepFinished{steps[0].id, {}});
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
