// When the router is read and told, what is taken of its answers, and what a batch claims.
#include "sidecar/core/route/route_side.h"

#include <catch2/catch.hpp>

namespace herald::route_side_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};
const Vip kVip{"10.99.0.1/32"};
const std::vector kWanted{DesiredRoute{kVip, Want::present, {"HERALD-web-healthy", {}}}};

RouterSpec frr(FallbackLevel fallback = FallbackLevel::off) {
  RouterSpec router;
  router.stack = Stack::frr;
  router.fallback = fallback;
  return router;
}

class Bench {
 public:
  explicit Bench(const RouterSpec& router = frr()) : side(router, kStart) {}

  // Until the next read begins; returns when.
  TimePoint next_read() {
    for (side.wake(now); !side.begin_read(now); side.wake(now)) {
      REQUIRE(side.next_due() < TimePoint::max());
      now = side.next_due();
    }
    return now;
  }
  bool read(OwnedRoutes owned = {}, bool settled = false) {
    next_read();
    RouterView view;
    view.reachable = true;
    view.owned = std::move(owned);
    if (!side.answered(view, now)) return false;
    side.pace(settled, now);
    return true;
  }

  TimePoint now = kStart;
  RouteSide side;
};

}  // namespace

TEST_CASE("without a stack there is nothing to do") {
  Bench bench{RouterSpec{}};
  bench.side.changed(kStart);
  bench.side.expect_change(kStart);
  bench.side.wake(kStart);
  CHECK(bench.side.next_due() == TimePoint::max());
  CHECK_FALSE(bench.side.begin_read(kStart));
  CHECK_FALSE(bench.side.may_plan());
}

TEST_CASE("a denial goes with the withdrawal, is a claim, and has a later read of its own") {
  RouterSpec router = frr();
  router.fast_withdraw = true;
  Bench bench(router);
  CHECK(bench.side.wants_standings());
  RouterView view;
  view.reachable = true;
  view.routes[kVip] = {true, {"10.1.1.4"}, {}};
  view.fast.slots[0].peers["10.1.1.4"] = 1;
  const auto read = [&] {
    bench.next_read();
    REQUIRE(bench.side.answered(view, bench.now));
    bench.side.pace(false, bench.now);
  };
  const std::vector going{VipStanding{kVip, VipStanding::Kind::unsure, Want::absent, true}};
  read();
  const RouteSide::Batch batch = bench.side.plan({}, bench.now, going);
  CHECK(batch.denials == std::vector{DenialStep{kVip, true}});
  CHECK(bench.side.is_told());
  CHECK_FALSE(bench.side.may_plan());
  CHECK(bench.side.applied(RouteOutcomes(1), bench.now).denials == batch.denials);
  CHECK_FALSE(bench.side.fast().is_done());
  CHECK(bench.side.difference({}).denials == std::vector{DenialStep{kVip, false}});
  CHECK(bench.side.next_due() == bench.now + 100ms);
  view.fast.denied = {kVip};
  view.routes[kVip] = {};
  read();
  const std::vector gone{VipStanding{kVip, VipStanding::Kind::free, Want::absent, true}};
  CHECK(bench.side.plan({}, bench.now, gone).denials == std::vector{DenialStep{kVip, false}});
  CHECK(bench.side.applied(RouteOutcomes(1), bench.now).size() == 1);
  CHECK(bench.side.difference({}).empty());
}

TEST_CASE("a read that came due while another was under way follows that at once") {
  Bench bench;
  bench.next_read();
  bench.side.expect_change(bench.now);  // an address was stepped on, of which this read may not know
  bench.now += 300ms;
  bench.side.wake(bench.now);
  CHECK_FALSE(bench.side.begin_read(bench.now));
  REQUIRE(bench.side.answered({.reachable = true, .error = "", .peers = {}, .routes = {}}, bench.now));
  bench.side.pace(true, bench.now);
  CHECK(bench.side.begin_read(bench.now));
  REQUIRE(bench.side.answered({.reachable = true, .error = "", .peers = {}, .routes = {}}, bench.now));
  bench.side.pace(true, bench.now);
  CHECK_FALSE(bench.side.begin_read(bench.now));
}

TEST_CASE("reads follow each other more and more slowly, and slowest once all is as wanted") {
  Bench bench;
  CHECK(bench.next_read() == kStart);
  CHECK(bench.side.latest_sequence() == 1);
  CHECK_FALSE(bench.side.begin_read(bench.now));
  REQUIRE(bench.side.answered({.reachable = true, .error = "", .peers = {}, .routes = {}}, bench.now));
  CHECK(bench.side.is_answered());
  bench.side.pace(false, bench.now);
  TimePoint last = kStart;
  for (const Duration pace : {100ms, 200ms, 400ms}) {
    CHECK(bench.read());
    CHECK(bench.now - std::exchange(last, bench.now) == pace);
  }
  REQUIRE(bench.read({}, true));
  last = bench.now;
  CHECK(bench.next_read() == last + 2s);
  bench.now += 100ms;  // what it took
  REQUIRE(bench.side.answered({.reachable = true, .error = "", .peers = {}, .routes = {}}, bench.now));
  bench.side.pace(true, bench.now);
  last = bench.now;
  CHECK(bench.next_read() == last + 5s);
  bench.now += 1s;
  REQUIRE(bench.side.answered({.reachable = true, .error = "", .peers = {}, .routes = {}}, bench.now));
  bench.side.pace(true, bench.now);
  last = bench.now;
  CHECK(bench.next_read() == last + 10s);
  REQUIRE(bench.side.answered({.reachable = true, .error = "", .peers = {}, .routes = {}}, bench.now));
  bench.side.pace(true, bench.now);
  bench.side.changed(bench.now);
  last = bench.now;
  CHECK(bench.next_read() == last + 100ms);
}

TEST_CASE("after a restart the router is read often for a while, whatever it shows") {
  Bench bench;
  REQUIRE(bench.read({}, true));
  bench.side.changed(bench.now);
  const TimePoint restarted = bench.now;
  REQUIRE(bench.read({}, true));
  for (TimePoint last = bench.now; last < restarted + 10s; last = bench.now) {
    REQUIRE(bench.read({}, true));
    CHECK(bench.now - last == 200ms);
  }
  const TimePoint last = bench.now;
  CHECK(bench.next_read() == last + 2s);
}

TEST_CASE("what FRR comes back with was saved, unless it was told since its restart") {
  const OwnedRoutes held{{kVip, "HERALD-web-healthy"}};
  for (const Stack stack : {Stack::frr, Stack::bird}) {
    RouterSpec router = frr();
    router.stack = stack;
    Bench bench{router};
    REQUIRE(bench.read(held));
    CHECK(bench.side.came_back().empty());  // by herald, before it was started
    bench.next_read();
    bench.side.changed(bench.now);
    RouterView view{.reachable = true, .error = "", .peers = {}, .routes = {}, .owned = held};
    REQUIRE(bench.side.answered(view, bench.now));
    bench.side.pace(true, bench.now);
    CHECK(bench.side.came_back().empty());  // that read began before
    REQUIRE(bench.read(held));
    CHECK(bench.side.came_back() == (stack == Stack::frr ? std::vector{kVip} : std::vector<Vip>{}));
    REQUIRE(bench.read({}));
    CHECK(bench.side.came_back().empty());
    REQUIRE(bench.side.may_plan());
    REQUIRE(bench.side.plan(kWanted, bench.now).size() == 1);
    (void)bench.side.applied({RouteOutcome{}}, bench.now);
    REQUIRE(bench.read(held));
    CHECK(bench.side.came_back().empty());
  }
}

TEST_CASE("a router that is about to change by itself is read then") {
  Bench bench;
  bench.next_read();
  RouterView view{.reachable = true, .error = "", .peers = {}, .routes = {}};
  view.read_within = 700ms;
  REQUIRE(bench.side.answered(view, bench.now));
  bench.side.pace(true, bench.now);
  const TimePoint last = bench.now;
  CHECK(bench.next_read() == last + 700ms);
}

TEST_CASE("a batch gives the read up, and nothing is read or planned until it has ended") {
  Bench bench;
  bench.read();
  bench.next_read();
  const RouteSide::Batch batch = bench.side.plan(kWanted, bench.now);
  REQUIRE(batch.steps.size() == 1);
  CHECK(bench.side.is_told());
  CHECK_FALSE(bench.side.answered({}, bench.now));  // it was given up
  bench.side.wake(bench.now + 1h);
  CHECK_FALSE(bench.side.begin_read(bench.now));
  bench.side.wishes_changed();
  CHECK_FALSE(bench.side.may_plan());

  CHECK(bench.side.applied(RouteOutcomes(2), bench.now).size() == 0);  // not its answers
  CHECK(bench.side.is_told());
  CHECK(bench.side.applied(RouteOutcomes(1), bench.now).size() == 1);
  CHECK(bench.side.owned()->contains(kVip));  // it claims so
  CHECK(bench.side.difference(kWanted).empty());
  const TimePoint ended = bench.now;
  CHECK(bench.next_read() == ended + 60ms);
  REQUIRE(bench.side.answered({.reachable = true, .error = "", .peers = {}, .routes = {}}, bench.now));
  CHECK_FALSE(bench.side.owned()->contains(kVip));  // it lied
  CHECK(bench.side.difference(kWanted).size() == 1);
}

TEST_CASE("a router that does not answer is planned from by what it said last, and the fallback has no say") {
  Bench bench{frr(FallbackLevel::deny)};
  CHECK_FALSE(bench.side.may_plan());
  bench.read({{kVip, "HERALD-web-healthy"}});
  CHECK(bench.side.may_judge());
  bench.side.judge({}, bench.now);
  CHECK_FALSE(bench.side.may_judge());
  bench.next_read();
  RouterView silent;
  silent.error = "no answer within 2s";
  REQUIRE(bench.side.answered(silent, bench.now));
  CHECK_FALSE(bench.side.may_judge());
  CHECK(bench.side.view()->error == "no answer within 2s");
  CHECK(bench.side.owned()->contains(kVip));
  REQUIRE(bench.side.may_plan());
  CHECK(bench.side.plan({}, bench.now).steps.size() == 1);  // the withdrawal does not wait
}

TEST_CASE(
    "once the router is asked otherwise, a read under way is given up and only a later one is planned from") {
  Bench bench;
  bench.read();
  bench.next_read();
  bench.side.reconfigure(frr(), {kVip}, true, bench.now);
  CHECK_FALSE(bench.side.may_plan());
  CHECK_FALSE(bench.side.answered({}, bench.now));
  const TimePoint asked = bench.now;
  REQUIRE(bench.read());
  CHECK(bench.now == asked);
  CHECK(bench.side.may_plan());
}

TEST_CASE("a step that failed is repeated after a read, and it is not done before") {
  Bench bench;
  bench.read();
  bench.side.plan(kWanted, bench.now);
  bench.side.applied({std::unexpected("no")}, bench.now);
  bench.read();
  REQUIRE(bench.side.may_plan());
  CHECK(bench.side.plan(kWanted, bench.now).size() == 0);
  CHECK_FALSE(bench.side.is_done());
  bench.read();
  REQUIRE(bench.side.may_plan());
  CHECK(bench.side.plan(kWanted, bench.now).size() == 1);
  CHECK(bench.side.is_told());
}

TEST_CASE("the first read is due at the start, where there is a stack, before anybody has woken it") {
  CHECK(RouteSide(frr(), kStart).next_due() == kStart);
  CHECK(RouteSide(RouterSpec{}, kStart).next_due() == TimePoint::max());
}

TEST_CASE("what was planned is not planned again until something has changed") {
  Bench bench;
  REQUIRE(bench.read({{kVip, "HERALD-web-healthy"}}));
  REQUIRE(bench.side.may_plan());
  CHECK(bench.side.plan(kWanted, bench.now).size() == 0);
  CHECK_FALSE(bench.side.may_plan());
  bench.side.wishes_changed();
  CHECK(bench.side.may_plan());
}

}  // namespace herald::route_side_test
