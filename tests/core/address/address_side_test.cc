// What was seen of the addresses, what steps claim since, and when a step may be planned.
#include "sidecar/core/address/address_side.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace herald::address_side_test {
namespace {

using Answer = AddressSide::Seen::Answer;

constexpr TimePoint kStart{std::chrono::hours(1)};
const Vip kVip{"10.99.0.1/32"};
const AddressKey kKey{kVip, "lo"};
const std::vector kWanted{DesiredAddress{kKey, Want::present, std::nullopt}};

class Bench {
 public:
  Answer look(std::vector<ObservedAddress> addresses) {
    const auto sequence = side.begin_look();
    REQUIRE(sequence);
    seen = side.observed(*sequence, Observation{std::move(addresses)}, now);
    return seen.answer;
  }
  Answer look_fails() {
    const auto sequence = side.begin_look();
    REQUIRE(sequence);
    return side.observed(*sequence, std::unexpected("no netlink"), now).answer;
  }
  std::vector<IssuedStep> plan(const std::vector<DesiredAddress>& wanted = kWanted) {
    REQUIRE(side.may_plan());
    return side.plan(wanted, now);
  }

  TimePoint now = kStart;
  AddressSide side{kStart};
  AddressSide::Seen seen;
};

}  // namespace

TEST_CASE("nothing is planned before a look, and then from every look at once") {
  Bench bench;
  CHECK_FALSE(bench.side.may_plan());
  CHECK(bench.side.seen() == nullptr);
  CHECK(bench.look({}) == Answer::taken);
  CHECK(bench.seen.is_first);
  bench.side.changed();  // without end, it would starve what was seen
  const auto steps = bench.plan();
  REQUIRE(steps.size() == 1);
  CHECK(to_string(steps[0].step) == "add 10.99.0.1/32 to lo, permanent");
  CHECK_FALSE(bench.side.may_plan());
}

TEST_CASE(
    "what is wished for while a look is wanted or under way waits for its answer, unless looking fails") {
  Bench bench;
  bench.look({});
  bench.plan({});
  bench.side.wishes_changed();
  CHECK(bench.side.may_plan());
  bench.side.changed();
  CHECK_FALSE(bench.side.may_plan());
  CHECK(bench.look_fails() == Answer::failed);
  CHECK(bench.side.problem() == "no netlink");
  CHECK(bench.plan().size() == 1);
}

TEST_CASE("an answer to an earlier look is late, and a reload makes the next one the first again") {
  Bench bench;
  bench.look({});
  const auto before = bench.side.begin_look();
  CHECK_FALSE(before);
  bench.side.changed();
  const std::uint64_t late = *bench.side.begin_look();
  bench.side.reconfigured();
  const std::uint64_t next = *bench.side.begin_look();
  CHECK(bench.side.observed(late, Observation{}, bench.now).answer == Answer::late);
  const auto seen = bench.side.observed(next, Observation{}, bench.now);
  CHECK(seen.answer == Answer::taken);
  CHECK(seen.is_first);
}

TEST_CASE("a look tells of the VIPs that have changed, and of those that were said to be removed") {
  Bench bench;
  bench.look({{kKey, true, std::nullopt}});
  CHECK(bench.seen.changed == std::vector{kVip});
  const auto steps = bench.plan({});
  REQUIRE(steps.size() == 1);
  const auto ended = bench.side.finished(steps[0].id, Applied::done, bench.now);
  REQUIRE(ended);
  CHECK(ended->kind == Step::Kind::remove);
  CHECK(bench.side.removed().contains(kKey));
  CHECK(bench.side.seen()->contains(kKey));  // and not yet seen to be gone
  CHECK_FALSE(bench.side.finished(steps[0].id, Applied::done, bench.now));
  bench.look({{kKey, true, std::nullopt}});  // it lied
  CHECK(bench.seen.changed == std::vector{kVip});
  CHECK(bench.side.removed().empty());
  bench.side.changed();
  bench.look({{kKey, true, std::nullopt}});
  CHECK(bench.seen.changed.empty());
}

TEST_CASE("a claim stands for a look only while nobody can look") {
  Bench bench;
  bench.look({});
  const auto steps = bench.plan();
  bench.side.finished(steps[0].id, Applied::done, bench.now);
  CHECK(bench.side.difference(kWanted, bench.now).empty());
  CHECK(bench.side.seen()->empty());
  CHECK_FALSE(bench.side.is_done());  // no look has shown it
  bench.look_fails();
  CHECK(bench.plan().empty());
  bench.side.changed();
  bench.look({});
  CHECK(bench.side.difference(kWanted, bench.now).size() == 1);
}

TEST_CASE("a step that failed is repeated later, after a look of its own") {
  Bench bench;
  bench.look({});
  const auto steps = bench.plan();
  bench.side.finished(steps[0].id, std::unexpected("no"), bench.now);
  bench.look({});
  CHECK(bench.plan().empty());
  CHECK_FALSE(bench.side.is_done());
  CHECK(bench.side.next_due() == kStart + 100ms);
  bench.now += 100ms;
  bench.side.wake(bench.now);
  CHECK_FALSE(bench.side.may_plan());
  bench.look({});
  CHECK(bench.plan().size() == 1);
}

TEST_CASE("what is handed over is renewed once, however full it looks, and however late that is seen") {
  for (const Duration left : {30s, 29s, 3s}) {
    for (const Duration late : {0s, 1s, 2s, 20s}) {
      CAPTURE(left, late);
      Bench bench;
      const std::vector wanted{DesiredAddress{kKey, Want::hand_over, 30s}};
      bench.look({{kKey, true, kStart + left}});
      CHECK_FALSE(bench.side.is_handed_over(wanted, bench.now));
      const auto steps = bench.plan(wanted);
      REQUIRE(steps.size() == 1);
      CHECK(to_string(steps[0].step) == "refresh 10.99.0.1/32 on lo, lease 30 s");
      bench.now += late;
      bench.side.finished(steps[0].id, Applied::done, bench.now);
      bench.look({{kKey, true, kStart + 30s}});
      CHECK(bench.side.is_handed_over(wanted, bench.now));
      CHECK(bench.plan(wanted).empty());
    }
  }
}

TEST_CASE("a renewal for the successor that failed, or that is not seen, is repeated") {
  for (const bool says_so : {true, false}) {
    CAPTURE(says_so);
    Bench bench;
    const std::vector wanted{DesiredAddress{kKey, Want::hand_over, 30s}};
    const Duration before = says_so ? 30s : 25s;  // a failure counts whatever is seen
    bench.look({{kKey, true, kStart + before}});
    const auto steps = bench.plan(wanted);
    REQUIRE(steps.size() == 1);
    const StepOutcome outcome = says_so ? StepOutcome(std::unexpected("no")) : StepOutcome(Applied::done);
    bench.side.finished(steps[0].id, outcome, bench.now);
    bench.now += 100ms;  // the back-off
    bench.look({{kKey, true, kStart + before}});
    CHECK_FALSE(bench.side.is_handed_over(wanted, bench.now));
    CHECK(bench.plan(wanted).size() == 1);
  }
}

TEST_CASE("it is handed over once leases are long enough and seen to be so") {
  Bench bench;
  const std::vector wanted{DesiredAddress{kKey, Want::hand_over, 30s}};
  bench.look({{kKey, true, kStart + 10s}});
  CHECK_FALSE(bench.side.is_handed_over(wanted, bench.now));
  const auto steps = bench.plan(wanted);
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].step.kind == Step::Kind::refresh);
  CHECK(bench.side.difference(wanted, bench.now).empty());  // routine
  bench.side.finished(steps[0].id, Applied::done, bench.now);
  CHECK_FALSE(bench.side.is_handed_over(wanted, bench.now));
  bench.look({{kKey, true, kStart + 30s}});
  CHECK(bench.side.is_handed_over(wanted, bench.now));
}

TEST_CASE("only what is somebody else's is adopted, and is ours once the kernel says so") {
  Bench bench;
  bench.look({{kKey, false, std::nullopt}});
  CHECK_FALSE(bench.side.adopt({kVip, "dummy0"}, std::nullopt));
  const auto issued = bench.side.adopt(kKey, 30s);
  REQUIRE(issued);
  CHECK(to_string(issued->step) == "take over 10.99.0.1/32 on lo, lease 30 s");
  CHECK_FALSE(bench.side.seen()->at(kKey).ours);
  bench.side.finished(issued->id, Applied::done, bench.now);
  CHECK(bench.side.seen()->at(kKey).ours);
  CHECK_FALSE(bench.side.adopt(kKey, std::nullopt));
  bench.look({{kKey, true, bench.now + 30s}});
  CHECK(bench.plan({{kKey, Want::absent, std::nullopt}}).size() == 1);
}

}  // namespace herald::address_side_test
