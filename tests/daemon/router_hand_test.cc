#include "sidecar/daemon/router_hand.h"

#include <catch2/catch.hpp>
#include <utility>

#include "tests/daemon/fixture.h"
#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"

namespace router_hand_test {

using namespace herald;
using namespace fixture;

namespace {

const RouteStep kAnnounce{Vip{"10.99.0.1/32"}, Policy{.name = "HERALD-web-healthy", .attributes = {}}};
const FallbackStep kDeny{"10.1.1.4", {.denied = {Vip{"10.99.0.1/32"}}}};

// What a lever was asked, of all that a test has made.
struct Asked {
  RouterLever::OnView on_view;
  RouterLever::OnApplied on_applied;
  std::string by;  // which lever
  std::size_t alive = 0;
};

class ScriptedLever final : public RouterLever {
 public:
  ScriptedLever(Asked& asked, std::string name, std::string socket)
      : asked_(asked), name_(std::move(name)), socket_(std::move(socket)) {
    ++asked_.alive;
  }
  ScriptedLever(const ScriptedLever&) = delete;
  ScriptedLever& operator=(const ScriptedLever&) = delete;
  ~ScriptedLever() override { --asked_.alive; }

  void read(OnView on_view) override {
    asked_.on_view = std::move(on_view);
    asked_.by = name_;
  }
  void apply(RouteBatch /*batch*/, OnApplied on_applied) override {
    asked_.on_applied = std::move(on_applied);
    asked_.by = name_;
  }
  [[nodiscard]] std::vector<std::string> commands(const RouteBatch& batch) const override {
    return {name_, to_string(batch.steps.at(0))};
  }
  [[nodiscard]] RouteBatch outstanding(RouteBatch planned) const override {
    planned.fallback.push_back(kDeny);
    return planned;
  }
  [[nodiscard]] std::string socket_path() const override { return socket_; }

 private:
  Asked& asked_;
  std::string name_;
  std::string socket_;
};

struct Bench {
  [[nodiscard]] std::unique_ptr<RouterLever> lever(const std::string& name) {
    return std::make_unique<ScriptedLever>(asked, name, directory.path() / "router.sock");
  }
  static effect::ApplyRoutes batch() { return {.steps = {{RouteStepId{1}, kAnnounce}}, .fallback = {kDeny}}; }

  TemporaryDirectory directory;
  Logged logged;
  Asked asked;
  Told told;
  Loop loop;
  RouterHand hand{loop, logged.log, "would: ", [this](const Event& event) { told(event); }};
};

TEST_CASE_METHOD(Bench, "router hand: what is read is told") {
  hand.use(lever("first"));
  hand.read();
  RouterView view;
  view.reachable = true;
  asked.on_view(view);
  CHECK(told.last<event::RouterRead>().view == view);
}

TEST_CASE_METHOD(Bench, "router hand: what was done is told and logged, what was not is only told") {
  hand.use(lever("first"));
  hand.apply(batch());
  asked.on_applied({std::unexpected("bgpd is busy"), {}});
  CHECK(told.last<event::RoutesApplied>().outcomes == RouteOutcomes{std::unexpected("bgpd is busy"), {}});
  CHECK(logged.has("would: " + to_string(kDeny)));
  CHECK_FALSE(logged.has(to_string(kAnnounce)));
}

TEST_CASE_METHOD(Bench,
                 "router hand: the next lever takes over at once, but after a batch that is in flight") {
  hand.use(lever("first"));
  hand.read();
  hand.use(lever("second"));  // a read ends with its lever
  CHECK(asked.alive == 1);
  hand.apply(batch());
  CHECK(asked.by == "second");
  hand.use(lever("third"));
  hand.read();
  CHECK(asked.by == "second");
  asked.on_applied(RouteOutcomes(2));
  hand.read();
  CHECK(asked.by == "third");
  CHECK(asked.alive == 1);
}

TEST_CASE_METHOD(Bench, "router hand: a socket that appears is a sign that the router was restarted") {
  hand.use(lever("first"));
  hand.read();
  const auto socket = directory.write("router.sock", "");
  CHECK(run_until(loop, [&] { return told.count<event::RouterChanged>() > 0; }));
}

TEST_CASE_METHOD(
    Bench, "router hand: what is outstanding is the lever's to say; without one it is what is planned") {
  CHECK(hand.outstanding({.steps = {kAnnounce}}).fallback.empty());
  CHECK(hand.commands({.steps = {kAnnounce}}).empty());
  hand.use(nullptr);
  CHECK(hand.commands({.steps = {kAnnounce}}).empty());
  hand.use(lever("first"));
  CHECK(hand.outstanding({.steps = {kAnnounce}}).fallback == std::vector{kDeny});
  CHECK(hand.commands({.steps = {kAnnounce}}) == std::vector<std::string>{"first", to_string(kAnnounce)});
  CHECK(hand.commands({}).empty());
}

}  // namespace

}  // namespace router_hand_test
