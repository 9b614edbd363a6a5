// The fast withdrawal alone: what is denied, when it is lifted, and where it leaves a withdrawal to the lever.
#include "sidecar/core/route/fast_withdraw.h"

#include <catch2/catch.hpp>
#include <functional>

namespace herald::fast_withdraw_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};
const Vip kA{"10.99.0.1/32"};
const Vip kB{"10.99.0.2/32"};
const Vip k6{"fd00:99::1/128"};
const std::string kOne = "10.1.1.4";

using Steps = std::vector<DenialStep>;
using Kind = VipStanding::Kind;

VipStanding wanted(const Vip& vip) {
  return {vip, Kind::free, Want::present, true};
}
VipStanding going(const Vip& vip) {
  return {vip, Kind::unsure, Want::absent, true};
}
VipStanding gone(const Vip& vip) {
  return {vip, Kind::free, Want::absent, true};
}

RouterSpec spec_of(bool on) {
  RouterSpec spec;
  spec.stack = Stack::frr;
  spec.fast_withdraw = on;
  return spec;
}

// A router that does what it is told, with one Route Server that takes part and is sent all three.
struct Bench {
  explicit Bench(bool on = true) : fast(spec_of(on)) {
    view.reachable = true;
    for (FastSlot& slot : view.fast.slots) slot.peers[kOne] = 3;
    for (const Vip& vip : {kA, kB, k6}) view.routes[vip] = {true, {kOne}, {}};
  }

  void read() { fast.read(view.fast, ++sequence); }
  Steps plan(const std::vector<VipStanding>& standings) {
    const Steps steps = fast.plan(standings, view, owned, sequence, now);
    std::vector<RouteOutcome> outcomes;
    for (const DenialStep& step : steps) {
      outcomes.push_back(takes ? RouteOutcome{} : std::unexpected("bgpd refused it"));
      if (takes && step.deny) view.fast.denied.insert(step.vip);
      if (takes && !step.deny) view.fast.denied.erase(step.vip);
    }
    fast.finished(outcomes, sequence);
    return steps;
  }
  // Without the time in between.
  Steps read_and_plan(const std::vector<VipStanding>& standings) {
    read();
    return plan(standings);
  }

  FastWithdraw fast;
  RouterView view;
  OwnedRoutes owned;
  TimePoint now = kStart;
  std::uint64_t sequence = 0;
  bool takes = true;
};

}  // namespace

TEST_CASE("fast withdrawal: denied as it departs, lifted once it is gone, once a departure") {
  Bench bench;
  CHECK(bench.read_and_plan({wanted(kA), wanted(kB)}).empty());
  CHECK(bench.plan({going(kA), wanted(kB)}) == Steps{{kA, true}});
  CHECK(bench.fast.held() == std::set{kA});
  CHECK(bench.plan({going(kA), wanted(kB)}).empty());
  CHECK_FALSE(bench.fast.is_done());
  CHECK(bench.read_and_plan({going(kA), wanted(kB)}).empty());
  CHECK(bench.read_and_plan({gone(kA), wanted(kB)}) == Steps{{kA, false}});
  CHECK(bench.read_and_plan({gone(kA), wanted(kB)}).empty());
  CHECK(bench.fast.is_done());
  CHECK(bench.read_and_plan({going(kA), wanted(kB)}).empty());  // that one is denied already: never again
  CHECK(bench.plan({wanted(kA), wanted(kB)}).empty());
  CHECK(bench.plan({going(kA), wanted(kB)}) == Steps{{kA, true}});
}

TEST_CASE("fast withdrawal: wanted again it is lifted at once, whatever was read") {
  for (const Want want : {Want::present, Want::keep, Want::hand_over}) {
    Bench bench;
    bench.read_and_plan({wanted(kA)});
    REQUIRE(bench.plan({going(kA)}) == Steps{{kA, true}});
    CHECK(bench.plan({{kA, Kind::unsure, want, true}}) == Steps{{kA, false}});
  }
}

TEST_CASE("fast withdrawal: what stays in the table stays denied, and nobody waits for it") {
  Bench bench;
  bench.read_and_plan({wanted(kA)});
  REQUIRE(bench.plan({going(kA)}).size() == 1);
  CHECK(bench.read_and_plan({{kA, Kind::stale, Want::absent, true}}).empty());
  CHECK(bench.fast.is_done());
  CHECK(bench.read_and_plan({{kA, Kind::stale, Want::hold, true}}).empty());
  CHECK(bench.fast.held() == std::set{kA});
}

TEST_CASE("fast withdrawal: several go together, of both families") {
  Bench bench;
  bench.read_and_plan({wanted(kA), wanted(kB), wanted(k6)});
  CHECK(bench.plan({going(kA), going(kB), going(k6)}) == Steps{{kA, true}, {kB, true}, {k6, true}});
  CHECK(bench.read_and_plan({gone(kA), going(kB), gone(k6)}) == Steps{{kA, false}, {k6, false}});
}

TEST_CASE("fast withdrawal: what the lever has to do alone") {
  const auto denied = [](const std::function<void(Bench&)>& change, VipStanding standing = going(kA)) {
    Bench bench;
    bench.read_and_plan({wanted(kA)});
    change(bench);
    return bench.plan({std::move(standing)}).size() == 1;
  };
  CHECK(denied([](Bench&) {}));
  CHECK_FALSE(denied([](Bench& bench) { bench.fast.reconfigure(spec_of(false)); }));
  CHECK_FALSE(denied([](Bench& bench) { bench.view.reachable = false; }));
  CHECK_FALSE(denied([](Bench& bench) { bench.view.fast.slots[0].peers = {{"10.1.1.132", 3}}; }));
  CHECK_FALSE(denied([](Bench& bench) { bench.view.fast.slots[0].problem = "it is broken"; }));
  CHECK_FALSE(denied([](Bench& bench) { bench.view.routes[kA].advertised_to.clear(); }));
  CHECK_FALSE(denied([](Bench& bench) { bench.view.fast.slots[0].peers["10.1.1.132"] = 101; }));
  CHECK(denied([](Bench& bench) { bench.view.fast.slots[0].peers["10.1.1.132"] = 100; }));
  CHECK_FALSE(denied([](Bench&) {}, {kA, Kind::unsure, Want::absent, false}));  // herald stops
  CHECK_FALSE(denied([](Bench&) {}, {kA, Kind::stale, Want::absent, true}));    // the fallback's
}

TEST_CASE("fast withdrawal: over a limit it is said why") {
  Bench bench;
  bench.read_and_plan({wanted(kA)});
  bench.view.fast.slots[0].peers[kOne] = 101;
  bench.plan({going(kA)});
  CHECK(bench.fast.take_news() ==
        std::vector<std::string>{"10.99.0.1/32 goes without router.fast_withdraw: 10.1.1.4 is sent 101 "
                                 "routes, and all of them would be "
                                 "sent again (fast_withdraw_max_routes is 100)"});
  CHECK(bench.fast.take_news().empty());
}

TEST_CASE("fast withdrawal: in a minute it denies five times, and can lift all of it") {
  Bench bench;
  std::size_t denied = 0;
  for (int turn = 0; turn < 8; ++turn) {
    bench.read_and_plan({wanted(kA)});
    denied += bench.plan({going(kA)}).size();
    bench.read_and_plan({gone(kA)});
    bench.now += 1s;
  }
  CHECK(denied == 5);
  CHECK(bench.fast.take_news().front().ends_with(
      "it has changed its list as often as it may in a minute, 10 times"));
  bench.now += 60s;
  bench.read_and_plan({wanted(kA)});
  CHECK(bench.plan({going(kA)}).size() == 1);
}

TEST_CASE("fast withdrawal: of six that go together the sixth goes by the lever alone") {
  Bench bench;
  std::vector<VipStanding> all;
  for (int number = 1; number <= 6; ++number) {
    const Vip vip{"10.99.1." + std::to_string(number) + "/32"};
    bench.view.routes[vip] = {true, {kOne}, {}};
    all.push_back(going(vip));
  }
  bench.read();
  CHECK(bench.plan(all).size() == 5);
}

TEST_CASE("fast withdrawal: a lift that fails is repeated after a while, by a later read") {
  Bench bench;
  bench.read_and_plan({wanted(kA)});
  REQUIRE(bench.plan({going(kA)}).size() == 1);
  bench.takes = false;
  CHECK(bench.read_and_plan({gone(kA)}) == Steps{{kA, false}});
  CHECK(bench.read_and_plan({gone(kA)}).empty());
  REQUIRE(bench.fast.next_wakeup());
  CHECK_FALSE(bench.fast.is_done());
  bench.now = *bench.fast.next_wakeup();
  bench.takes = true;
  CHECK(bench.read_and_plan({gone(kA)}) == Steps{{kA, false}});
  bench.read_and_plan({gone(kA)});
  CHECK(bench.fast.is_done());
}

TEST_CASE("fast withdrawal: a denial that was refused is looked for, and not repeated") {
  Bench bench;
  bench.takes = false;
  bench.read_and_plan({wanted(kA)});
  CHECK(bench.plan({going(kA)}) == Steps{{kA, true}});
  CHECK(bench.fast.held() == std::set{kA});
  CHECK(bench.read_and_plan({going(kA)}).empty());
  CHECK(bench.fast.held().empty());
}

TEST_CASE("fast withdrawal: an earlier herald's denials are lifted, with the key off too") {
  for (const bool on : {true, false}) {
    Bench bench(on);
    bench.view.fast.denied = {kA, kB, k6};
    bench.owned[k6] = "HERALD-old-healthy";
    bench.read();
    CHECK(bench.fast.is_active());
    // A is not known to be wanted or not; B is gone; of the third, which nobody is configured to announce, the route goes first.
    CHECK(bench.plan({{kA, Kind::unsure, Want::hold, true}, gone(kB)}) == Steps{{kB, false}});
    bench.owned.clear();
    CHECK(bench.read_and_plan({wanted(kA), gone(kB)}) == Steps{{kA, false}, {k6, false}});
  }
}

TEST_CASE("fast withdrawal: nobody waits for a router that does not answer") {
  Bench bench;
  bench.read_and_plan({wanted(kA)});
  REQUIRE(bench.plan({going(kA)}).size() == 1);
  CHECK_FALSE(bench.fast.is_done());
  bench.fast.blind();
  CHECK(bench.fast.is_done());
}

TEST_CASE("fast withdrawal: in words") {
  CHECK(to_string(DenialStep{kA, true}) == "deny 10.99.0.1/32 to the peers");
  CHECK(to_string(DenialStep{kA, false}) == "lift the denial of 10.99.0.1/32");
}

}  // namespace herald::fast_withdraw_test
