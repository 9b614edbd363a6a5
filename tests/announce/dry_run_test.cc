#include "sidecar/announce/dry_run.h"

#include <catch2/catch.hpp>

#include "tests/announce/router/outcomes.h"

namespace dry_run_test {

using namespace herald;
using namespace std::chrono_literals;

namespace {

const Vip kWeb{"10.99.0.1/32"};
const Vip kOld{"10.99.0.2/32"};
const RouteStep kAnnounce{kWeb, Policy{.name = "HERALD-web-healthy", .attributes = {}}};
const RouteStep kWithdraw{kOld, std::nullopt};

RouterView read_with(OwnedRoutes owned) {
  RouterView view;
  view.reachable = true;
  view.owned = std::move(owned);
  return view;
}

// Shows what a test says, and fails the test when it is asked to act.
class Looks final : public AddressLever {
 public:
  explicit Looks(const Observation& seen) : seen_(seen) {}
  std::expected<Observation, std::string> look(TimePoint /*now*/) override { return seen_; }
  StepOutcome apply(const Step& step) override {
    FAIL_CHECK("a dry run acts: " << to_string(step));
    return Applied::done;
  }

 private:
  const Observation& seen_;
};

class Reads final : public RouterLever {
 public:
  explicit Reads(OnView& asked) : asked_(asked) {}
  void read(OnView on_view) override { asked_ = std::move(on_view); }
  void apply(RouteBatch /*batch*/, OnApplied /*on_applied*/) override { FAIL_CHECK("a dry run acts"); }
  std::vector<std::string> commands(const RouteBatch& batch) const override {
    return {to_string(batch.steps.at(0))};
  }
  std::string socket_path() const override { return "/run/router"; }

 private:
  OnView& asked_;
};

struct Addresses {
  Observation real;
  Loop loop;
  PretendedAddresses pretended;
  DryRunAddresses lever{std::make_unique<Looks>(real), pretended, loop};
};

struct Routes {
  // The real lever answers.
  void answer(const RouterView& view) { asked(view); }
  RouterView read(const RouterView& really) {
    RouterView seen;
    lever.read([&](const RouterView& view) { seen = view; });
    answer(really);
    return seen;
  }
  // Until what was sent is told.
  std::vector<std::string> apply(RouteBatch batch) {
    std::vector<std::string> told{"never"};
    lever.apply(std::move(batch), [&](const RouteOutcomes& outcomes) {
      told = texts_of(outcomes);
      loop.exit(0);
    });
    CHECK(told == std::vector<std::string>{"never"});  // later, from the loop
    loop.run();
    return told;
  }

  RouterLever::OnView asked;
  Loop loop;
  PretendedRoutes pretended;
  DryRunRoutes lever{std::make_unique<Reads>(asked), pretended, loop};
};

}  // namespace

TEST_CASE("a dry run pretends on top of what is there") {
  Addresses dry;
  const AddressKey present{kWeb, "lo"};
  const AddressKey absent{kOld, "lo"};
  dry.real = {{{present, true, std::nullopt}}};
  CHECK(dry.lever.look({})->addresses.size() == 1);
  CHECK(dry.lever.apply({Step::Kind::remove, present, {}}) == Applied::done);
  const TimePoint before = dry.loop.now();
  CHECK(dry.lever.apply({Step::Kind::add, absent, 30s}) == Applied::done);
  const auto seen = dry.lever.look({});
  REQUIRE(seen);
  REQUIRE(seen->addresses.size() == 1);
  CHECK(seen->addresses[0].key == absent);
  CHECK(seen->addresses[0].ours);
  CHECK(seen->addresses[0].expires >= before + 30s);
  CHECK(seen->addresses[0].expires <= dry.loop.now() + 30s);
}

TEST_CASE("a dry run tells what it has pretended, until it is so") {
  using Kind = Step::Kind;
  Addresses dry;
  const AddressKey present{kWeb, "lo"};
  const AddressKey absent{kOld, "lo"};
  dry.real = {{{present, true, std::nullopt}}};
  (void)dry.lever.look({});
  (void)dry.lever.apply({Kind::remove, present, {}});
  (void)dry.lever.apply({Kind::refresh, absent, 30s});
  CHECK(dry.lever.outstanding({}) ==
        std::vector<Step>{{Kind::remove, present, {}}, {Kind::add, absent, 30s}});
  CHECK(dry.lever.outstanding({{Kind::remove, absent, {}}}) ==
        std::vector<Step>{{Kind::remove, present, {}}, {Kind::remove, absent, {}}});
  dry.real = {{{absent, false, std::nullopt}}};  // somebody else has put it there
  (void)dry.lever.look({});
  CHECK(dry.lever.outstanding({}).empty());
}

TEST_CASE("what a dry run has pretended outlives its levers") {
  Addresses dry;
  (void)dry.lever.apply({Step::Kind::add, {kWeb, "lo"}, {}});
  DryRunAddresses next(std::make_unique<Looks>(dry.real), dry.pretended, dry.loop);
  CHECK(next.look({})->addresses.size() == 1);
}

TEST_CASE("a dry run's routes are seen as pretended, and told as what they are") {
  Routes dry;
  const RouterView before = read_with({{kOld, "HERALD-old-healthy"}});
  (void)dry.read(before);
  CHECK(dry.apply({.steps = {kAnnounce, kWithdraw}}) == std::vector<std::string>(2, "taken"));
  CHECK(dry.read(before).owned == OwnedRoutes{{kWeb, "HERALD-web-healthy"}});
  CHECK(dry.lever.outstanding({}).steps == std::vector{kAnnounce, kWithdraw});
  (void)dry.read({});  // no answer says nothing new
  CHECK(dry.lever.outstanding({}).steps == std::vector{kAnnounce, kWithdraw});
  const RouteStep now{kWeb, std::nullopt};
  CHECK(dry.lever.outstanding({.steps = {now}}).steps == std::vector{now, kWithdraw});
  (void)dry.read(read_with({{kWeb, "HERALD-web-healthy"}}));
  CHECK(dry.lever.outstanding({}).empty());
  CHECK(dry.lever.commands({.steps = {kAnnounce}}) == std::vector{to_string(kAnnounce)});
}

TEST_CASE("a dry run's fallback is told until the router holds it") {
  Routes dry;
  const FallbackStep deny{"10.1.1.4", {.denied = {kWeb}}};
  CHECK(dry.apply({.fallback = {deny, FallbackStep{"", {}}}}) == std::vector<std::string>(2, "taken"));
  CHECK(dry.lever.outstanding({}).fallback == std::vector{deny});
  RouterView view = read_with({});
  CHECK(dry.read(view).fallback.at("10.1.1.4") == deny.wanted);
  view.fallback["10.1.1.4"] = deny.wanted;
  (void)dry.read(view);
  CHECK(dry.lever.outstanding({}).empty());
}

TEST_CASE("a dry run's denials are told until the router has them, and lifted in pretence too") {
  Routes dry;
  const DenialStep deny{kWeb, true};
  CHECK(dry.apply({.denials = {deny}}) == std::vector<std::string>(1, "taken"));
  CHECK(dry.lever.outstanding({}).denials == std::vector{deny});
  CHECK(dry.read(read_with({})).fast.denied == std::set{kWeb});
  const DenialStep lift{kWeb, false};
  CHECK(dry.lever.outstanding({.denials = {lift}}).denials == std::vector{lift});
  CHECK(dry.apply({.denials = {lift}}) == std::vector<std::string>(1, "taken"));
  CHECK(dry.lever.outstanding({}).empty());
  RouterView view = read_with({});
  view.fast.denied = {kWeb};
  CHECK(dry.read(view).fast.denied.empty());
  CHECK(dry.lever.outstanding({}).denials == std::vector{lift});
}

TEST_CASE("a dry run gives up a read for steps, as every router's lever does") {
  Routes dry;
  bool read = false;
  dry.lever.read([&](const RouterView& /*view*/) { read = true; });
  (void)dry.apply({.steps = {kAnnounce}});
  dry.answer(read_with({}));
  CHECK_FALSE(read);
}

TEST_CASE("a dry run ends steps before a read that began after them") {
  Routes dry;
  std::string order;
  dry.lever.apply({.steps = {kAnnounce}}, [&](const RouteOutcomes& /*outcomes*/) { order += "applied "; });
  dry.lever.read([&](const RouterView& /*view*/) { order += "read"; });
  dry.answer(read_with({}));
  CHECK(order == "applied read");
}

}  // namespace dry_run_test
