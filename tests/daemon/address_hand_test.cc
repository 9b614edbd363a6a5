#include "sidecar/daemon/address_hand.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <utility>

#include "tests/daemon/fixture.h"
#include "tests/os/own_namespace.h"
#include "tests/os/run_until.h"

namespace address_hand_test {

using namespace herald;
using namespace fixture;

namespace {

const AddressKey kVip{Vip{"10.99.0.1/32"}, "lo"};

struct Script {
  std::expected<Observation, std::string> look;
  StepOutcome applied = Applied::done;
};

class ScriptedLever final : public AddressLever {
 public:
  explicit ScriptedLever(const Script& script) : script_(script) {}
  std::expected<Observation, std::string> look(TimePoint /*now*/) override { return script_.look; }
  StepOutcome apply(const Step& /*step*/) override { return script_.applied; }

 private:
  const Script& script_;
};

struct Bench {
  Bench() { hand.use(std::make_unique<ScriptedLever>(script)); }

  Script script;
  Logged logged;
  Told told;
  Loop loop;
  AddressHand hand{loop, logged.log, "would: ", [this](const Event& event) { told(event); }};
};

TEST_CASE_METHOD(Bench, "address hand: a look is answered by its sequence, also when it fails") {
  script.look = std::unexpected("netlink: no buffers");
  hand.observe({4});
  CHECK(told.last<event::Observed>().sequence == 4);
  CHECK(told.last<event::Observed>().observation.error() == "netlink: no buffers");
  CHECK_FALSE(hand.has_observed());
  script.look = Observation{{{kVip, true, std::nullopt}}};
  hand.observe({5});
  CHECK(told.last<event::Observed>().observation->addresses.size() == 1);
  script.look = std::unexpected("netlink: no buffers");
  hand.observe({6});
  CHECK(hand.has_observed());  // it has
}

TEST_CASE_METHOD(Bench,
                 "address hand: what was done is told and logged, but neither a refresh nor what was there") {
  const Step add{Step::Kind::add, kVip, {}};
  hand.apply({StepId{1}, add});
  CHECK(told.last<event::StepFinished>().id == StepId{1});
  CHECK(told.last<event::StepFinished>().outcome == Applied::done);
  const std::string once = logged.text();
  CHECK(once.find("would: " + to_string(add)) != std::string::npos);

  hand.apply({StepId{2}, {Step::Kind::refresh, kVip, 30s}});
  script.applied = Applied::was_there;
  hand.apply({StepId{3}, add});
  CHECK(told.last<event::StepFinished>().outcome == Applied::was_there);
  script.applied = std::unexpected("there is no interface dummy9");
  hand.apply({StepId{4}, add});
  CHECK(told.last<event::StepFinished>().outcome ==
        std::unexpected<std::string>("there is no interface dummy9"));
  CHECK(logged.text() == once);
}

TEST_CASE_METHOD(Bench, "address hand: a change that the kernel tells of is told") {
  enter_new_namespace();
  REQUIRE(hand.open());
  REQUIRE(std::system("ip address add 10.99.0.7/32 dev lo") == 0);
  CHECK(run_until(loop, [&] { return told.count<event::AddressesChanged>() > 0; }));
}

}  // namespace

}  // namespace address_hand_test
