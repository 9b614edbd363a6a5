// When the controller has the routing stack read, and what it makes of the answers.
#include <catch2/catch.hpp>

#include "tests/core/controller_bench.h"

namespace herald::controller_reads_test {
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
  CHECK(next_read() == 2s);
  answer("2 established", true);
  CHECK(next_read() == 100ms);
  answer("2 established", true);
  CHECK(next_read() == 2s);
  answer("2 established", false);
  CHECK(next_read() == 100ms);
  answer("2 established", false);
  CHECK(next_read() == 2s);
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

TEST_CASE("a settled stack is read every 2 s where that is cheap; trouble is followed closely") {
  ControllerBench bench(with_router(Stack::frr));
  bench.turn();
  bench.tell(event::RouterRead{view(false)});
  CHECK(of_kind<effect::ReadRouter>(bench.go_on(1900ms)).empty());
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

TEST_CASE("a session that is lost or back is told, and marked at what is sent to the others alone") {
  Config config = with_router(Stack::frr);
  config.router.peers = {"10.1.1.4", "10.1.1.132"};
  ControllerBench bench(config);
  RouterView both = view(true);
  both.peers = {{"10.1.1.4", "Established", true, "1"}, {"10.1.1.132", "Established", true, "1"}};
  both.routes[kVip].advertised_to = config.router.peers;
  // Goes on for so long with attempts that pass; returns how often a read was begun.
  const auto reads_in = [&](Duration duration) {
    std::size_t reads = 0;
    const TimePoint end = bench.now + duration;
    while (bench.controller.next_wakeup() <= end) {
      bench.now = std::max(bench.now, bench.controller.next_wakeup());
      auto effects = bench.turn();
      for (std::size_t index = 0; index < effects.size(); ++index) {
        const auto* start = std::get_if<effect::StartProbe>(&effects[index]);
        if (start == nullptr) continue;
        const auto more =
            bench.tell(event::ProbeFinished{start->run, {Verdict::pass, Reason::none, "", 1ms}});
        effects.insert(effects.end(), more.begin(), more.end());
      }
      reads += of_kind<effect::ReadRouter>(effects).size();
    }
    bench.now = end;
    return reads;
  };
  const auto told = [&](const RouterView& answer) {
    for (int step = 0; step < 1000 && reads_in(10ms) == 0; ++step) {
    }
    return of_kind<effect::PeerTurned>(bench.tell(event::RouterRead{answer}));
  };
  bench.turn();
  CHECK(of_kind<effect::PeerTurned>(bench.tell(event::RouterRead{both})).empty());
  bench.finish_next(Verdict::pass, Reason::none, 2);
  for (int read = 0; read < 2; ++read)
    CHECK(told(both).empty());  // the first was begun before the step ended
  REQUIRE(bench.service().state == ServiceState::announced);
  CHECK_FALSE(bench.service().problem);

  RouterView one = both;
  one.peers[1] = {"10.1.1.132", "Active", false, "1"};
  one.routes[kVip] = {true, {"10.1.1.4"}, {}, {"10.1.1.132"}};
  const auto lost = told(one);
  REQUIRE(lost.size() == 1);
  CHECK(to_string(lost[0]) == "peer 10.1.1.132: Established -> Active: the session is lost; 1 is left");
  CHECK(lost[0].at == bench.now);
  CHECK(bench.service().state == ServiceState::announced);
  CHECK(bench.service().problem == "sent to 10.1.1.4 alone: no session with 10.1.1.132 (Active)");
  // herald can do no more: what it announces is as wanted.
  CHECK(reads_in(100ms) == 1);
  CHECK(of_kind<effect::PeerTurned>(bench.tell(event::RouterRead{one})).empty());
  CHECK(reads_in(1900ms) == 0);
  CHECK(reads_in(100ms) == 1);

  RouterView none = one;
  none.peers[0] = {"10.1.1.4", "Idle", false, "1"};
  none.routes[kVip] = {true, {}, {}, {"10.1.1.4", "10.1.1.132"}};
  const auto last = told(none);
  REQUIRE(last.size() == 1);
  CHECK(last[0].reason == "the session is lost, and no other is left: nothing is advertised to anybody");
  CHECK(bench.service().state == ServiceState::announcing);

  both.peers[1].session = "2";
  const auto back = told(both);
  REQUIRE(back.size() == 2);
  CHECK(to_string(back[1]) == "peer 10.1.1.132: Active -> Established: the session is established");
  CHECK(back[1].lasted > 2s);
  CHECK(bench.service().state == ServiceState::announced);
  CHECK_FALSE(bench.service().problem);
}

}  // namespace herald::controller_reads_test
