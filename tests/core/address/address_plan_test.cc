#include "sidecar/core/address/address_plan.h"

#include <catch2/catch.hpp>
#include <ostream>

namespace herald::address_plan_test {

std::ostream& operator<<(std::ostream& stream, const Step& step) {
  return stream << to_string(step);
}

namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

const AddressKey kA{{"10.99.0.1/32"}, "lo"};
const AddressKey kB{{"10.99.0.2/32"}, "lo"};
const AddressKey kC{{"10.99.0.3/32"}, "lo"};
const AddressKey kAElsewhere{{"10.99.0.1/32"}, "dummy0"};

DesiredAddress want(const AddressKey& key, Want want, std::optional<Duration> lease = 30s) {
  return {key, want, lease};
}
ObservedAddress ours(const AddressKey& key, std::optional<Duration> left = 30s) {
  return {key, true, left ? std::optional{kStart + *left} : std::nullopt};
}
ObservedAddress foreign(const AddressKey& key) {
  return {key, false, std::nullopt};
}

Step add(const AddressKey& key, std::optional<Duration> lease = 30s) {
  return {Step::Kind::add, key, lease};
}
Step refresh(const AddressKey& key, std::optional<Duration> lease = 30s) {
  return {Step::Kind::refresh, key, lease};
}
Step remove(const AddressKey& key) {
  return {Step::Kind::remove, key, {}};
}

using Desired = std::vector<DesiredAddress>;
using Steps = std::vector<Step>;

Steps steps(const Desired& desired, const std::vector<ObservedAddress>& seen) {
  return reconcile(desired, {seen}, kStart);
}

Steps issued_steps(const std::vector<IssuedStep>& issued) {
  Steps all;
  for (const IssuedStep& one : issued) all.push_back(one.step);
  return all;
}

}  // namespace

TEST_CASE("each wish against what is there") {
  struct Row {
    Want wish;
    Steps absent, present, foreign;
  };
  const Row rows[] = {
      {Want::present, {add(kA)}, {}, {}},
      {Want::absent, {}, {remove(kA)}, {}},
      {Want::hold, {}, {}, {}},
      {Want::keep, {}, {refresh(kA, std::nullopt)}, {}},
  };
  for (const Row& row : rows) {
    INFO(static_cast<int>(row.wish));
    const Desired desired{want(kA, row.wish)};
    CHECK(steps(desired, {}) == row.absent);
    CHECK(steps(desired, {ours(kA)}) == row.present);
    CHECK(steps(desired, {foreign(kA)}) == row.foreign);
  }
  CHECK(steps({want(kA, Want::keep)}, {ours(kA, std::nullopt)}).empty());
}

TEST_CASE(
    "a lease is renewed after a quarter to a third of it, also on hold; a wrong kind of lifetime at once") {
  for (const Want wish : {Want::present, Want::hold}) {
    const Desired leased{want(kA, wish)};
    CHECK(steps(leased, {ours(kA, 22500ms + 1ns)}).empty());
    CHECK(steps(leased, {ours(kA, 22500ms)}) == Steps{refresh(kA)});
    CHECK(steps(leased, {ours(kA, 1s)}) == Steps{refresh(kA)});
    CHECK(steps(leased, {ours(kA, std::nullopt)}) == Steps{refresh(kA)});
    const Desired permanent{want(kA, wish, std::nullopt)};
    CHECK(steps(permanent, {ours(kA, std::nullopt)}).empty());
    CHECK(steps(permanent, {ours(kA, 20s)}) == Steps{refresh(kA, std::nullopt)});
  }
  CHECK(steps({want(kA, Want::absent)}, {ours(kA, 1s)}) == Steps{remove(kA)});
}

TEST_CASE("what has run out is gone or about to be: not brought back by a refresh") {
  CHECK(steps({want(kA, Want::hold)}, {ours(kA, 0s)}).empty());
  CHECK(steps({want(kA, Want::present)}, {ours(kA, 0s)}) == Steps{add(kA)});
}

TEST_CASE("removals come first, then additions, then refreshes") {
  const Desired desired{want(kA, Want::present), want(kB, Want::present), want(kC, Want::absent)};
  CHECK(steps(desired, {ours(kB, 5s), ours(kC)}) == Steps{remove(kC), add(kA), refresh(kB)});
}

TEST_CASE("an address that moves between interfaces is removed once it is seen where it is wanted") {
  CHECK(steps({want(kA, Want::present)}, {ours(kAElsewhere)}) == Steps{add(kA)});
  CHECK(steps({want(kA, Want::present)}, {ours(kAElsewhere), foreign(kA)}).empty());
  CHECK(steps({want(kA, Want::present)}, {ours(kAElsewhere), ours(kA)}) == Steps{remove(kAElsewhere)});
  CHECK(steps({want(kA, Want::hold)}, {ours(kAElsewhere)}).empty());
  CHECK(steps({want(kA, Want::absent)}, {ours(kAElsewhere)}) == Steps{remove(kAElsewhere)});
  CHECK(steps({want(kA, Want::present)}, {foreign(kAElsewhere)}) == Steps{add(kA)});
}

TEST_CASE(
    "an address that moves is not removed because a step claims to have added it: that has to be seen") {
  const Desired desired{want(kA, Want::present)};
  Observation seen{{ours(kAElsewhere)}};
  claim(add(kA), kStart, seen);
  CHECK(reconcile(desired, seen, kStart).empty());
  claim(refresh(kA), kStart, seen);
  CHECK(reconcile(desired, seen, kStart).empty());
  seen = {{ours(kAElsewhere), ours(kA)}};
  claim(refresh(kA), kStart, seen);
  CHECK(reconcile(desired, seen, kStart) == Steps{remove(kAElsewhere)});
}

TEST_CASE("what was only claimed to be added is not refreshed, but added again once it has run out") {
  const Desired desired{want(kA, Want::present)};
  Observation seen;
  claim(add(kA), kStart, seen);
  CHECK(reconcile(desired, seen, kStart + 20s).empty());
  CHECK(reconcile(desired, seen, kStart + 30s) == Steps{add(kA)});
}

TEST_CASE("what is ours and wanted by nobody is removed; what is not ours is in no step") {
  CHECK(steps({}, {ours(kA), foreign(kB)}) == Steps{remove(kA)});
  CHECK(steps({want(kB, Want::absent)}, {foreign(kA), foreign(kB)}).empty());
}

TEST_CASE("steps done leave nothing to do") {
  const Desired desired{want(kA, Want::present), want(kB, Want::absent), want(kC, Want::hold)};
  std::map<AddressKey, ObservedAddress> kernel{{kB, ours(kB)}, {kC, ours(kC, 3s)}};
  const auto seen = [&] {
    std::vector<ObservedAddress> all;
    for (const auto& [key, address] : kernel) all.push_back(address);
    return all;
  };
  for (const Step& step : steps(desired, seen())) {
    if (step.kind == Step::Kind::remove)
      kernel.erase(step.key);
    else
      kernel[step.key] = ours(step.key, step.lease);
  }
  CHECK(steps(desired, seen()).empty());
  CHECK(kernel.size() == 2);
}

TEST_CASE("steps in words") {
  CHECK(to_string(add(kA)) == "add 10.99.0.1/32 to lo, lease 30 s");
  CHECK(to_string(refresh(kA, std::nullopt)) == "refresh 10.99.0.1/32 on lo, permanent");
  CHECK(to_string(remove(kA)) == "remove 10.99.0.1/32 from lo");
}

TEST_CASE("one step in flight an address, and the next only from a look that was begun after it ended") {
  Reconciler reconciler;
  const Desired desired{want(kA, Want::present)};
  const auto first = reconciler.plan(desired, {}, 1, kStart);
  REQUIRE(issued_steps(first) == Steps{add(kA)});
  CHECK(reconciler.in_flight());
  CHECK(reconciler.plan(desired, {}, 2, kStart + 1s).empty());
  // Looks 3 and 4 were begun before it ended.
  CHECK(reconciler.finished(first[0].id, 4) == add(kA));
  CHECK_FALSE(reconciler.in_flight());
  CHECK(reconciler.needs_look_after() == 4);
  CHECK(reconciler.plan(desired, {}, 4, kStart + 2s).empty());
  CHECK(issued_steps(reconciler.plan(desired, {}, 5, kStart + 2s)) == Steps{add(kA)});
  // Other addresses do not wait for it.
  const Desired both{want(kA, Want::present), want(kB, Want::present)};
  CHECK(issued_steps(reconciler.plan(both, {}, 5, kStart + 2s)) == Steps{add(kB)});
  CHECK_FALSE(reconciler.finished(StepId{99}, 5));
  CHECK_FALSE(reconciler.finished(first[0].id, 5));
}

namespace {

// Plays a wish against a kernel where every step ends at once, and notes when steps are taken.
struct Bench {
  Reconciler reconciler;
  std::uint64_t look = 1;
  std::vector<Duration> taken;

  // `seen` is what each look shows, whatever the steps do.
  void run(const Desired& desired, const std::vector<ObservedAddress>& seen, TimePoint from, TimePoint to) {
    for (TimePoint now = from; now <= to; now += 10ms) {
      for (const IssuedStep& issued : reconciler.plan(desired, {seen}, look, now)) {
        taken.push_back(now - kStart);
        reconciler.finished(issued.id, look);
      }
      ++look;
    }
  }
};

}  // namespace

TEST_CASE("what is not seen to work is repeated after 100 ms, doubled to at most 5 s") {
  Bench bench;
  bench.run({want(kA, Want::present)}, {}, kStart, kStart + 20s);
  CHECK(bench.taken ==
        std::vector<Duration>{0ms, 100ms, 300ms, 700ms, 1500ms, 3100ms, 6300ms, 11300ms, 16300ms});
}

TEST_CASE("a step of another kind never waits") {
  Bench bench;
  bench.run({want(kA, Want::present)}, {}, kStart, kStart + 7s);
  bench.taken.clear();
  bench.run({want(kA, Want::absent)}, {ours(kA)}, kStart + 7010ms, kStart + 7020ms);
  CHECK(bench.taken == std::vector<Duration>{7010ms});
}

TEST_CASE("a loss after a success is repaired at once; a fight slows down; peace forgets it") {
  Bench bench;
  const Desired desired{want(kA, Want::present, std::nullopt)};
  const std::vector<ObservedAddress> there{ours(kA, std::nullopt)};
  bench.run(desired, {}, kStart, kStart);
  bench.run(desired, there, kStart + 10ms, kStart + 10ms);
  // Deleted at once after each repair.
  TimePoint now = kStart + 20ms;
  for (; now < kStart + 30s; now += 20ms) {
    const std::size_t before = bench.taken.size();
    bench.run(desired, {}, now, now);
    if (bench.taken.size() > before) bench.run(desired, there, now + 10ms, now + 10ms);
  }
  CHECK(bench.taken[1] == 20ms);
  for (std::size_t index = 3; index < bench.taken.size(); ++index) {
    const Duration pause = bench.taken[index] - bench.taken[index - 1];
    CHECK(pause >= bench.taken[index - 1] - bench.taken[index - 2]);
    CHECK(pause <= 5s + 20ms);
  }
  CHECK(bench.taken.size() <= 12);
  // It stays for more than 10 s; the next loss is repaired at once.
  bench.run(desired, there, now, now + 11s);
  bench.taken.clear();
  bench.run(desired, {}, now + 12s, now + 12s);
  CHECK(bench.taken.size() == 1);
}

TEST_CASE("next_wakeup tells of back-offs and leases, and of nothing else") {
  Reconciler reconciler;
  const Desired desired{want(kA, Want::present)};
  const auto issued = reconciler.plan(desired, {}, 1, kStart);
  CHECK_FALSE(reconciler.next_wakeup());  // in flight: its end tells
  reconciler.finished(issued[0].id, 1);
  reconciler.plan(desired, {}, 2, kStart + 10ms);
  CHECK(reconciler.next_wakeup() == kStart + 100ms);
  reconciler.plan(desired, {{ours(kA)}}, 3, kStart + 10ms);
  CHECK(reconciler.next_wakeup() == kStart + 10s);
  reconciler.plan({{want(kA, Want::present, std::nullopt)}}, {{ours(kA, std::nullopt)}}, 4, kStart + 20ms);
  CHECK_FALSE(reconciler.next_wakeup());
}

}  // namespace herald::address_plan_test
