// A service's state, from what is wanted of it and what was seen of it.
#include "sidecar/core/service/run.h"

#include <catch2/catch.hpp>

namespace herald::run_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

const Vip kVip{"10.99.0.1/32"};
const Vip kOther{"10.99.0.2/32"};
const Composed kUp{Health::healthy, "the gate is up"};
const Composed kDown{Health::unhealthy, "the gate is down"};
const Composed kUnknown{Health::unknown, "waiting"};

enum class Seen : std::uint8_t { nothing, ours, foreign };

class Bench {
 public:
  explicit Bench(const std::vector<Vip>& vips = {kVip}, OnExit on_exit = OnExit::withdraw)
      : run(spec(vips, on_exit), kStart) {
    look(kVip, Seen::nothing);
    evaluate(kUnknown);
  }

  static ServiceSpec spec(const std::vector<Vip>& vips, OnExit on_exit) {
    ServiceSpec service;
    service.name = "web";
    service.vips = vips;
    service.on_exit = on_exit;
    return service;
  }
  void look(const Vip& vip, Seen seen) {
    const AddressKey key{vip, "lo"};
    addresses.erase(key);
    if (seen != Seen::nothing) addresses[key] = {key, seen == Seen::ours, std::nullopt};
  }
  void read_router(bool in_rib, std::vector<std::string> missing = {}) {
    router.emplace();
    router->reachable = true;
    router->routes[kVip] = {in_rib, {}, std::move(missing)};
    ++sequence;
  }
  std::vector<effect::Transition> evaluate(const Composed& composed) {
    last = composed;
    return run.evaluate(composed, sight(), now);
  }
  std::string step(Step::Kind kind, const StepOutcome& outcome) {
    const StepId id{++steps};
    run.step_issued({id, {kind, {kVip, "lo"}, {}}}, now);
    run.step_finished(id, outcome, sequence);
    return problem();
  }
  Sight sight() {
    return {.addresses = &addresses,
            .router = router ? &*router : nullptr,
            .router_sequence = sequence,
            .stack = stack};
  }
  ServiceSnapshot shown() { return run.snapshot(sight(), now); }
  ServiceState state() {
    evaluate(last);
    return shown().state;
  }
  std::string problem() {
    evaluate(last);
    return shown().problem.value_or("");
  }

  ServiceRun run;
  ObservedIndex addresses;
  std::optional<RouterView> router;
  std::uint64_t sequence = 0;
  std::uint64_t steps = 0;
  Stack stack = Stack::none;
  TimePoint now = kStart;
  Composed last = kUnknown;
};

}  // namespace

TEST_CASE("announced is what was seen, not what was asked for") {
  Bench bench;
  CHECK(bench.state() == ServiceState::withdrawn);
  bench.evaluate(kUp);
  CHECK(bench.state() == ServiceState::announcing);
  CHECK(bench.problem() == "10.99.0.1/32 is not on lo");
  CHECK(bench.step(Step::Kind::add, std::unexpected("add: Operation not permitted")) ==
        "10.99.0.1/32 is not on lo: add: Operation not permitted");
  CHECK(bench.step(Step::Kind::add, Applied::done) == "10.99.0.1/32 is not on lo");
  bench.look(kVip, Seen::ours);
  CHECK(bench.state() == ServiceState::announced);
  CHECK(bench.problem().empty());
  CHECK(bench.run.settled());
  bench.evaluate(kDown);
  CHECK(bench.state() == ServiceState::withdrawing);
  CHECK(bench.problem() == "10.99.0.1/32 is still on lo");
  bench.look(kVip, Seen::nothing);
  CHECK(bench.state() == ServiceState::withdrawn);
}

TEST_CASE("with a stack, announced is in its table and at every established peer, read after the last step") {
  Bench bench;
  bench.stack = Stack::frr;
  bench.look(kVip, Seen::ours);
  bench.evaluate(kUp);
  CHECK(bench.problem() == "not read back from frr yet");
  bench.read_router(false);
  CHECK(
      bench.problem() ==
      "10.99.0.1/32 is on lo but not in frr's BGP table; is it redistributed (connected, protocol direct)?");
  bench.read_router(true, {"10.1.1.4", "10.1.1.5"});
  CHECK(bench.problem() ==
        "10.99.0.1/32 is in frr's BGP table but not advertised to 10.1.1.4, 10.1.1.5; does the outbound "
        "policy permit it?");
  bench.read_router(true);
  CHECK(bench.state() == ServiceState::announced);
  bench.step(Step::Kind::refresh, Applied::done);  // changes nothing that the stack could show
  CHECK(bench.state() == ServiceState::announced);
  bench.step(Step::Kind::add, Applied::done);
  CHECK(bench.problem() == "not read back from frr yet");
  bench.read_router(true);
  CHECK(bench.state() == ServiceState::announced);
  bench.router->reachable = false;
  bench.router->error = "no answer within 2s";
  CHECK(bench.problem() == "frr does not answer: no answer within 2s");
  bench.step(Step::Kind::add, std::unexpected("no answer within 2s"));
  CHECK(bench.problem() == "frr does not answer: no answer within 2s");
  CHECK(bench.state() == ServiceState::announcing);
}

TEST_CASE("withdrawn is gone from the stack too, unless it cannot be asked") {
  Bench bench;
  bench.stack = Stack::bird;
  bench.evaluate(kDown);
  bench.read_router(true);
  CHECK(bench.state() == ServiceState::withdrawing);
  CHECK(bench.problem() == "10.99.0.1/32 is gone from lo but still in bird's BGP table");
  bench.router->reachable = false;
  CHECK(bench.state() == ServiceState::withdrawn);
  bench.read_router(false);
  CHECK(bench.state() == ServiceState::withdrawn);
}

TEST_CASE("what is somebody else's cannot be announced and need not be withdrawn") {
  Bench bench({kVip, kOther});
  bench.look(kVip, Seen::foreign);
  bench.look(kOther, Seen::ours);
  bench.evaluate(kUp);
  CHECK(bench.state() == ServiceState::announcing);
  const std::string text = "10.99.0.1/32 is on lo without herald's mark: somebody else's, left alone";
  CHECK(bench.problem() == text);
  bench.evaluate(kDown);
  CHECK(bench.state() == ServiceState::withdrawing);  // the other one is still there
  CHECK(bench.problem() == "10.99.0.2/32 is still on lo");
  bench.look(kOther, Seen::nothing);
  CHECK(bench.state() == ServiceState::withdrawn);
  CHECK(bench.problem() == text);
}

TEST_CASE(
    "what somebody else has on another interface is told of while it is announced, and what herald has is "
    "withdrawn") {
  Bench bench;
  bench.stack = Stack::frr;
  const AddressKey elsewhere{kVip, "dummy0"};
  bench.addresses[elsewhere] = {elsewhere, false, std::nullopt};
  bench.read_router(true);  // redistributed from there
  const auto made = bench.evaluate(kDown);
  CHECK(bench.state() == ServiceState::withdrawing);
  REQUIRE(made.size() == 1);
  CHECK(made[0].reason.starts_with("10.99.0.1/32 is announced all the same"));
  CHECK(bench.run.blame() == std::optional(bench.problem()));
  bench.read_router(false);
  CHECK(bench.state() == ServiceState::withdrawn);
  CHECK_FALSE(bench.run.blame());
  bench.addresses[elsewhere].ours = true;
  bench.evaluate(kDown);
  CHECK(bench.state() == ServiceState::withdrawing);
  CHECK(bench.problem() == "10.99.0.1/32 is still on dummy0");
}

TEST_CASE("transitions say why: the wish, or what happened out there") {
  Bench bench;
  auto made = bench.evaluate(kUp);
  REQUIRE(made.size() == 1);
  CHECK(made[0] == effect::Transition{kStart, "web", "", "withdrawn", "announcing", "the gate is up"});
  bench.look(kVip, Seen::ours);
  made = bench.evaluate(kUp);
  REQUIRE(made.size() == 1);
  CHECK(made[0].reason == "the gate is up");
  CHECK(bench.evaluate(kUp).empty());
  bench.look(kVip, Seen::nothing);
  made = bench.evaluate(kUp);
  REQUIRE(made.size() == 1);
  CHECK(made[0].to == "announcing");
  CHECK(made[0].reason == "10.99.0.1/32 is not on lo");
}

TEST_CASE("a change of grade is a transition of its own") {
  Bench bench;
  bench.look(kVip, Seen::ours);
  bench.evaluate(kUp);
  const auto made = bench.evaluate({Health::degraded, "front warns"});
  REQUIRE(made.size() == 1);
  CHECK(made[0] ==
        effect::Transition{kStart, "web", "", "healthy", "degraded", "front warns", Subject::health});
  CHECK(bench.shown().state == ServiceState::announced);
}

TEST_CASE("stopping withdraws, or keeps what is wanted and nothing else") {
  const auto want_after_stop = [](OnExit on_exit, const Composed& composed) {
    Bench bench({kVip}, on_exit);
    bench.look(kVip, Seen::ours);
    bench.evaluate(kUp);
    bench.evaluate(composed);
    bench.run.stop();
    bench.evaluate(composed);
    return bench.run.wish().want;
  };
  CHECK(want_after_stop(OnExit::withdraw, kUp) == Want::absent);
  CHECK(want_after_stop(OnExit::keep, kUp) == Want::keep);
  CHECK(want_after_stop(OnExit::keep, kUnknown) == Want::keep);
  CHECK(want_after_stop(OnExit::keep, kDown) == Want::absent);

  Bench withdrawn({kVip}, OnExit::keep);
  withdrawn.run.stop();
  withdrawn.evaluate(kUp);
  CHECK(withdrawn.run.wish().want == Want::absent);
}

TEST_CASE("transitions and steps are kept, and not without end") {
  Bench bench;
  for (int turn = 0; turn < 50; ++turn) {
    bench.look(kVip, turn % 2 == 0 ? Seen::ours : Seen::nothing);
    bench.evaluate(kUp);
    bench.step(Step::Kind::add, turn == 49 ? StepOutcome(std::unexpected("no")) : Applied::done);
    bench.step(Step::Kind::refresh, Applied::done);
  }
  const ServiceSnapshot shown = bench.shown();
  CHECK(shown.transitions.size() == 16);
  REQUIRE(shown.steps.size() == 16);
  CHECK(shown.steps.back().text == "add 10.99.0.1/32 to lo, permanent");
  CHECK(shown.steps.back().outcome == RouteOutcome(std::unexpected("no")));
}

}  // namespace herald::run_test
