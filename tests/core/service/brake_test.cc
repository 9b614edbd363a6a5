// Brake: what is held back, what never is, and when it ends.
#include "sidecar/core/service/brake.h"

#include <catch2/catch.hpp>
#include <deque>

#include "sidecar/core/controller.h"

namespace herald::brake_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};
constexpr BrakeSpec kSpec{};  // more than half, at least 3, 30 s

// Services with one VIP and one gate each, which the tests fail.
class Node {
 public:
  explicit Node(const std::vector<std::string>& targets) {
    for (const std::string& target : targets) {
      ProbeSpec probe;
      probe.name = "front";
      probe.target = target;
      probe.thresholds = {.rise = 1, .fall = 2};
      services_.push_back({"s" + std::to_string(services_.size()), probe, HealthTracker(probe.thresholds)});
      pass(services_.size() - 1);
    }
  }

  void fail(std::size_t index, Reason reason = Reason::timeout) {
    services_[index].tracker.record({Verdict::fail, reason, "", {}});
  }
  void pass(std::size_t index) { services_[index].tracker.record({Verdict::pass, Reason::none, "", {}}); }
  void fail_all(int times = 1) {
    for (; times > 0; --times) {
      for (std::size_t index = 0; index < services_.size(); ++index) fail(index);
    }
  }
  // By whatever: it is not announced any more.
  void withdraw(std::size_t index, TimePoint now) {
    brake.withdrew(standing(index), now);
    services_[index].announced = false;
  }
  // By a reload.
  void remove_first() { services_.pop_front(); }
  void announce(std::size_t index) { services_[index].announced = true; }
  void administer(std::size_t index) { services_[index].automatic = false; }
  void set_vips(std::size_t index, std::size_t vips) { services_[index].vips = vips; }

  [[nodiscard]] Standing standing(std::size_t index) const {
    const Service& service = services_[index];
    Standing standing(service.name, service.vips, service.announced, service.automatic);
    standing.count(service.probe, service.tracker);
    standing.judge({});
    return standing;
  }
  std::optional<Brake::Said> decide(TimePoint now, const std::optional<BrakeSpec>& spec = kSpec) {
    Brake::Picture picture{.services = {}, .answered = {}, .window = 5s};
    for (std::size_t index = 0; index < services_.size(); ++index) {
      picture.services.push_back(standing(index));
      const HealthTracker& tracker = services_[index].tracker;
      if (tracker.failures() > 0 && !tracker.is_timeout())
        picture.answered.insert(services_[index].probe.target);
    }
    return brake.decide(spec, picture, now);
  }
  [[nodiscard]] bool holds(std::size_t index) const { return brake.holds(standing(index)); }

  Brake brake;

 private:
  struct Service {
    std::string name;
    ProbeSpec probe;
    HealthTracker tracker;
    std::size_t vips = 1;
    bool announced = true;
    bool automatic = true;
  };
  std::deque<Service> services_;
};

std::vector<std::string> shared(std::size_t count) {
  return std::vector<std::string>(count, "db:5432");
}

}  // namespace

TEST_CASE("brake: a shared target that does not answer is held for a while, said once, and obeyed then") {
  Node node(shared(4));
  node.fail_all();
  CHECK_FALSE(node.decide(kStart));  // falling, and nothing to withdraw yet
  node.fail(0);
  const auto said = node.decide(kStart + 1s);
  REQUIRE(said);
  CHECK(said->error);
  CHECK(
      said->text ==
      "BRAKE: 4 of 4 announced VIPs have only db:5432 against them, which does not answer in time; they are "
      "held for 30 s and then withdrawn");
  CHECK(node.brake.until() == kStart + 31s);
  CHECK(node.holds(0));
  node.fail_all(3);
  CHECK_FALSE(node.decide(kStart + 31s - 1ns));
  CHECK(node.holds(3));
  const auto over = node.decide(kStart + 31s);
  REQUIRE(over);
  CHECK(over->error);
  CHECK(over->text == "the brake is released: its time is over; 4 VIPs are no longer held");
  CHECK_FALSE(node.holds(0));
}

TEST_CASE("brake: it delays once, until the trouble is over") {
  Node node(shared(4));
  node.fail_all(2);
  (void)node.decide(kStart);
  (void)node.decide(kStart + 30s);
  CHECK_FALSE(node.decide(kStart + 31s));
  CHECK_FALSE(node.holds(0));
  for (std::size_t index = 0; index < 4; ++index) node.withdraw(index, kStart + 31s);
  CHECK_FALSE(node.decide(kStart + 32s));
  for (std::size_t index = 0; index < 4; ++index) {
    node.pass(index);
    node.announce(index);
  }
  CHECK_FALSE(node.decide(kStart + 60s));
  CHECK(node.brake.is_free());
  node.fail_all(2);
  CHECK(node.decide(kStart + 61s));
  CHECK(node.holds(0));
}

TEST_CASE("brake: share and least are counted in VIPs") {
  for (const std::size_t failing : {2U, 3U}) {
    Node node(shared(5));
    for (std::size_t index = 0; index < failing; ++index) {
      node.fail(index);
      node.fail(index);
    }
    CHECK(node.decide(kStart).has_value() == (failing == 3));
  }
  Node half(shared(6));
  for (std::size_t index = 0; index < 3; ++index) {
    half.fail(index);
    half.fail(index);
  }
  CHECK_FALSE(half.decide(kStart));  // not more than half
  Node few(shared(2));
  few.fail_all(2);
  CHECK_FALSE(few.decide(kStart));
  few.set_vips(1, 2);
  CHECK(few.decide(kStart));
  Node figures(shared(6));
  figures.fail(0);
  figures.fail(0);
  figures.fail(1);
  CHECK(figures.decide(kStart, BrakeSpec{.share = 0.3, .least = 2, .hold = 5s}));
  CHECK(figures.brake.until() == kStart + 5s);
}

TEST_CASE("brake: one service alone shares its target with nobody") {
  Node node({"db:5432"});
  node.set_vips(0, 10);
  node.fail_all(2);
  CHECK_FALSE(node.decide(kStart));
}

TEST_CASE("brake: targets that differ or are not known are not one fault") {
  for (const char* target : {"", "other:1"}) {
    Node node({"db:5432", "db:5432", target, target});
    node.fail_all(2);
    CHECK_FALSE(node.decide(kStart));
  }
}

TEST_CASE("brake: a refused connection is obeyed at once, and ends the hold of all who share its target") {
  Node refused(shared(4));
  refused.fail_all(2);
  refused.fail(3, Reason::refused);
  CHECK_FALSE(refused.decide(kStart));
  CHECK_FALSE(refused.holds(0));

  Node later(shared(4));
  later.fail_all(2);
  CHECK(later.decide(kStart));
  later.fail(2, Reason::status);
  CHECK_FALSE(later.holds(2));
  const auto over = later.decide(kStart + 2s);
  REQUIRE(over);
  CHECK(over->text.find("db:5432 fails otherwise than by a timeout") != std::string::npos);
  CHECK_FALSE(later.holds(0));

  Node at_once(shared(4));
  at_once.fail_all(2);
  CHECK(at_once.decide(kStart));
  for (std::size_t index = 0; index < 4; ++index) at_once.fail(index, Reason::reset);
  const auto all = at_once.decide(kStart + 2s);
  REQUIRE(all);
  CHECK(all->text ==
        "the brake is released: db:5432 fails otherwise than by a timeout; 4 VIPs are no longer held");

  // Of a service that has its own trouble it says nothing about the others.
  Node other({"db:5432", "db:5432", "db:5432", "own:1"});
  other.fail_all(2);
  other.fail(3, Reason::refused);
  CHECK(other.decide(kStart));
  CHECK(other.holds(0));
  CHECK_FALSE(other.holds(3));
}

TEST_CASE("brake: herald's own lateness makes timeouts of anything doubtful, but not evidence") {
  Node node({"a:1", "b:1", "c:1", "d:1"});
  node.fail_all(2);
  node.fail(3, Reason::refused);
  CHECK_FALSE(node.decide(kStart));
  node.brake.ran_late(60ms, kStart);
  CHECK_FALSE(node.decide(kStart));  // a little is nothing
  node.brake.ran_late(60ms, kStart + 1s);
  const auto said = node.decide(kStart + 1s);
  REQUIRE(said);
  CHECK(said->text.find("herald itself ran late") != std::string::npos);
  CHECK(node.holds(0));
  CHECK_FALSE(node.holds(3));

  Node before({"a:1", "b:1", "c:1"});
  before.fail_all(2);
  before.brake.ran_late(1s, kStart);
  CHECK_FALSE(before.decide(kStart + 5s + 1ns));  // long ago
}

TEST_CASE("brake: who noticed first and was withdrawn counts with those who notice now") {
  Node node(shared(4));
  node.fail(0);
  node.fail(0);
  CHECK_FALSE(node.decide(kStart));
  node.withdraw(0, kStart);
  for (const std::size_t index : {1U, 2U}) {
    node.fail(index);
    node.fail(index);
  }
  const auto said = node.decide(kStart + 4s);
  REQUIRE(said);
  CHECK(said->text.find("3 of 4") != std::string::npos);
  CHECK_FALSE(node.holds(0));  // it announces nothing
  CHECK(node.holds(1));

  Node long_ago(shared(4));
  long_ago.fail(0);
  long_ago.fail(0);
  long_ago.withdraw(0, kStart);
  for (const std::size_t index : {1U, 2U}) {
    long_ago.fail(index);
    long_ago.fail(index);
  }
  CHECK_FALSE(long_ago.decide(kStart + 6s));

  Node removed(shared(3));
  for (std::size_t index = 0; index < 3; ++index) {
    removed.fail(index);
    removed.fail(index);
  }
  removed.withdraw(0, kStart);
  removed.remove_first();
  CHECK_FALSE(removed.decide(kStart + 1s));  // the two that are left are fewer than `least`

  Node shrunk(shared(2));
  shrunk.set_vips(0, 2);
  for (std::size_t index = 0; index < 2; ++index) {
    shrunk.fail(index);
    shrunk.fail(index);
  }
  shrunk.withdraw(0, kStart);
  shrunk.set_vips(0, 1);  // by a reload: with the VIPs of today there are fewer than `least`
  CHECK_FALSE(shrunk.decide(kStart + 1s));
}

TEST_CASE("brake: what is drained, forced or not announced is neither held nor counted as failing") {
  Node node(shared(4));
  node.fail_all(2);
  node.administer(0);
  node.withdraw(1, kStart - 10s);
  CHECK_FALSE(node.decide(kStart));
  CHECK_FALSE(node.holds(0));
  CHECK_FALSE(node.holds(1));
}

TEST_CASE("brake: it ends when everything has recovered, and is ready again") {
  Node node(shared(4));
  node.fail_all(2);
  CHECK(node.decide(kStart));
  for (std::size_t index = 0; index < 4; ++index) node.pass(index);
  const auto said = node.decide(kStart + 5s);
  REQUIRE(said);
  CHECK_FALSE(said->error);
  CHECK(node.brake.is_free());
}

TEST_CASE("brake: off, nothing is held, also what was") {
  Node node(shared(4));
  node.fail_all(2);
  CHECK_FALSE(node.decide(kStart, std::nullopt));
  CHECK_FALSE(node.holds(0));
  CHECK(node.decide(kStart));
  const auto said = node.decide(kStart + 1s, std::nullopt);
  REQUIRE(said);
  CHECK(said->text == "the brake is released: it was switched off");
  CHECK_FALSE(node.holds(0));
  CHECK_FALSE(node.decide(kStart + 2s, std::nullopt));
}

TEST_CASE("brake: a service fails for its gates alone, and by the rule over them") {
  ProbeSpec gate;
  gate.target = "db:5432";
  ProbeSpec own = gate;
  own.target = "own:1";
  ProbeSpec shown = own;
  shown.role = Role::degrade;
  HealthTracker timed_out(ProbeThresholds{.fall = 1});
  timed_out.record({Verdict::fail, Reason::timeout, "", {}});
  HealthTracker up(ProbeThresholds{.rise = 1});
  up.record({Verdict::pass, Reason::none, "", {}});
  const std::string name = "web";
  const auto stand = [&](const Require& require, const HealthTracker& second) {
    Standing standing(name, 1, true, true);
    standing.count(gate, timed_out);
    standing.count(own, second);
    standing.count(shown, timed_out);
    standing.judge(require);
    return standing;
  };
  CHECK(stand({Require::Kind::all}, up).is_down());
  CHECK(stand({Require::Kind::all}, up).target() == "db:5432");
  CHECK_FALSE(stand({Require::Kind::any}, up).fails());
  CHECK(stand({Require::Kind::any}, timed_out).fails());
  CHECK(stand({Require::Kind::any}, timed_out).target().empty());
  CHECK_FALSE(stand({Require::Kind::at_least, 1}, up).fails());
}

TEST_CASE("brake: the window is the longest time that a gate takes to notice, and bounded") {
  ServiceSpec service;
  service.probes.resize(2);
  service.probes[1].role = Role::info;
  service.probes[1].timing.interval = 1h;
  CHECK(detection_window(std::span(&service, 1)) == 1s + 4 * 800ms);
  service.probes[1].role = Role::gate;
  CHECK(detection_window(std::span(&service, 1)) == 60s);
}

}  // namespace herald::brake_test
