#include "sidecar/core/withdrawal.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

namespace herald::withdrawal_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};
const Vip kA{"10.99.0.1/32"};
const Vip kB{"10.99.0.2/32"};
const Vip kGone{"10.99.0.9/32"};  // of no service

using Said = std::vector<std::string>;

ServiceSpec service(std::string name, Vip vip, Via via, OnExit on_exit = OnExit::withdraw) {
  ServiceSpec spec;
  spec.name = std::move(name);
  spec.vips = {std::move(vip)};
  spec.announce.via = via;
  spec.on_exit = on_exit;
  return spec;
}

Config config_of(Stack stack, std::vector<ServiceSpec> services) {
  Config config;
  config.router.stack = stack;
  config.services = std::move(services);
  return config;
}

ObservedAddress ours(const Vip& vip, const std::string& interface = "lo") {
  return {{vip, interface}, true, std::nullopt};
}

RouterView answer(OwnedRoutes owned) {
  RouterView view;
  view.reachable = true;
  view.owned = std::move(owned);
  return view;
}

RouterView silence() {
  RouterView view;
  view.error = "no answer within 2s";
  return view;
}

// A withdrawal whose effects are carried out by the test: each decide() is a line of words, and is asked at the time of the
// next wakeup.
struct Bench {
  Withdrawal withdrawal;
  TimePoint now = kStart;
  std::uint64_t look = 0;
  std::vector<StepId> steps;

  explicit Bench(const Config& config, Withdrawal::Vips vips = Withdrawal::Vips::stay)
      : withdrawal(config, vips, kStart) {}

  std::string words(const effect::Observe& effect) {
    look = effect.sequence;
    return "look";
  }
  std::string words(const effect::Apply& effect) {
    steps.push_back(effect.id);
    return to_string(effect.step);
  }
  static std::string words(const effect::ReadRouter& /*effect*/) { return "read"; }
  static std::string words(const effect::ApplyRoutes& effect) {
    std::string all = "routes:";
    for (const IssuedRouteStep& issued : effect.steps) all += " " + to_string(issued.step);
    for (const DenialStep& step : effect.denials) all += " " + to_string(step);
    return all;
  }
  static std::string words(const effect::Notice& effect) {
    return (effect.error ? "error: " : "notice: ") + effect.text;
  }
  static std::string words(const effect::Exit& effect) { return effect.clean ? "exit 0" : "exit 1"; }

  Said decide() {
    Said said;
    for (auto effects = withdrawal.decide(now); !effects.empty(); effects = withdrawal.decide(now)) {
      for (const auto& effect : effects)
        said.push_back(std::visit([this](const auto& one) { return words(one); }, effect));
    }
    return said;
  }
  Said tell(const Withdrawal::Event& event) {
    withdrawal.handle(event, now);
    return decide();
  }
  Said seen(std::vector<ObservedAddress> addresses) {
    return tell(event::Observed{look, Observation{std::move(addresses)}});
  }
  Said stepped(const StepOutcome& outcome = Applied::done) {
    for (const StepId id : std::exchange(steps, {})) withdrawal.handle(event::StepFinished{id, outcome}, now);
    return decide();
  }
  // How long until then, in ms.
  long wait() {
    const Duration waited = withdrawal.next_wakeup() - now;
    now = withdrawal.next_wakeup();
    return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(waited).count());
  }
};

const std::string kDone = "notice: nothing that herald would withdraw at a stop is announced any more";

const std::string kStays = "stays announced until a herald withdraws it: start it, or run heraldd --withdraw";
const std::string kNoLease = "no lease ends it: what remains " + kStays;
const std::string kSomeLeases =
    "leases end what remains on interfaces, and what the router was told " + kStays;

std::string left(const std::string& why, const std::string& fate = "leases end what remains") {
  return "error: not everything could be withdrawn: " + why + "; " + fate;
}

}  // namespace

TEST_CASE("withdrawal: addresses go, leftovers too, and are seen to be gone; others' stay") {
  Bench bench(config_of(Stack::none, {service("a", kA, Via::loopback), service("b", kB, Via::loopback)}));
  CHECK(bench.decide() == Said{"look"});
  CHECK(bench.seen({ours(kA), {{kB, "lo"}, false, std::nullopt}, ours(kGone, "dummy0")}) ==
        Said{"remove 10.99.0.1/32 from lo", "remove 10.99.0.9/32 from dummy0"});
  CHECK(bench.decide().empty());
  CHECK(bench.stepped().empty());
  CHECK(bench.wait() == 200);
  CHECK(bench.decide() == Said{"look"});
  CHECK(bench.seen({{{kB, "lo"}, false, std::nullopt}}) == Said{kDone, "exit 0"});
  CHECK(bench.withdrawal.next_wakeup() == TimePoint::max());
  CHECK(bench.tell(event::Observed{1, Observation{{ours(kA)}}}).empty());
}

TEST_CASE("withdrawal: with nothing there it ends at once") {
  Bench bench(config_of(Stack::frr, {service("a", kA, Via::vtysh)}));
  CHECK(bench.decide() == Said{"look", "read"});
  CHECK(bench.seen({}).empty());
  CHECK(bench.tell(event::RouterRead{answer({})}) == Said{kDone, "exit 0"});
}

TEST_CASE("withdrawal: a step that does nothing is taken again until the address is seen to be gone") {
  Bench bench(config_of(Stack::none, {service("a", kA, Via::loopback)}));
  bench.decide();
  for (int round = 0; round < 3; ++round) {
    CHECK(bench.seen({ours(kA)}) == Said{"remove 10.99.0.1/32 from lo"});
    CHECK(bench.stepped().empty());  // it lies
    CHECK(bench.wait() == 200);
    CHECK(bench.decide() == Said{"look"});
  }
  CHECK(bench.seen({}) == Said{kDone, "exit 0"});
}

TEST_CASE("withdrawal: steps that fail are said once, and the last look counts") {
  Bench bench(config_of(Stack::none, {service("a", kA, Via::loopback), service("b", kB, Via::loopback)}));
  bench.decide();
  CHECK(bench.seen({ours(kA), ours(kB)}).size() == 2);
  bench.withdrawal.handle(event::StepFinished{bench.steps[0], std::unexpected("not permitted")}, bench.now);
  CHECK(bench.decide() == Said{"error: not permitted"});
  CHECK(bench.withdrawal.next_wakeup() == kStart + Withdrawal::kWithin);  // the other is awaited
  bench.withdrawal.handle(event::StepFinished{bench.steps[1], std::unexpected("not permitted")}, bench.now);
  CHECK(bench.decide().empty());
  CHECK(bench.wait() == 200);
  CHECK(bench.decide() == Said{"look"});
  CHECK(bench.seen({}) == Said{kDone, "exit 0"});  // they have worked all the same
}

TEST_CASE("withdrawal: a look that fails is taken again, said once, and late answers are none") {
  Bench bench(config_of(Stack::none, {service("a", kA, Via::loopback)}));
  bench.decide();
  CHECK(bench.tell(event::Observed{1, std::unexpected("netlink: no buffer space")}) ==
        Said{"error: netlink: no buffer space"});
  CHECK(bench.wait() == 200);
  CHECK(bench.decide() == Said{"look"});
  CHECK(bench.tell(event::Observed{2, std::unexpected("netlink: no buffer space")}).empty());
  CHECK(bench.wait() == 200);
  CHECK(bench.decide() == Said{"look"});
  CHECK(bench.tell(event::Observed{2, Observation{}}).empty());
  CHECK(bench.tell(event::Observed{3, Observation{}}) == Said{kDone, "exit 0"});
}

TEST_CASE("withdrawal: routes go, leftovers too, and are read back; VIPs under them stay") {
  Bench bench(config_of(Stack::frr, {service("a", kA, Via::vtysh), service("b", kB, Via::vtysh)}));
  CHECK(bench.decide() == Said{"look", "read"});
  CHECK(bench.seen({ours(kA), ours(kB)}).empty());
  CHECK(bench.tell(event::RouterRead{answer({{kA, "HERALD-a-healthy"}, {kGone, "HERALD-old"}})}) ==
        Said{"routes: withdraw 10.99.0.1/32 withdraw 10.99.0.9/32"});
  CHECK(bench.tell(event::RoutesApplied{RouteOutcomes(2)}).empty());
  CHECK(bench.wait() == 60);
  CHECK(bench.decide() == Said{"read"});
  CHECK(bench.tell(event::RouterRead{answer({})}) == Said{kDone, "exit 0"});
}

TEST_CASE("withdrawal: what an earlier herald denies is lifted once it is gone from the table") {
  Bench bench(config_of(Stack::frr, {service("a", kA, Via::vtysh), service("b", kB, Via::loopback)}));
  bench.decide();
  bench.seen({});
  RouterView view = answer({{kA, "HERALD-a-healthy"}});
  view.fast.denied = {kA, kB, kGone};
  view.routes = {{kA, {true, {}, {}}}, {kB, {true, {}, {}}}};
  CHECK(bench.tell(event::RouterRead{view}) ==
        Said{"routes: withdraw 10.99.0.1/32 lift the denial of 10.99.0.9/32"});
  CHECK(bench.tell(event::RoutesApplied{RouteOutcomes(2)}).empty());
  bench.wait();
  CHECK(bench.decide() == Said{"read"});
  view = answer({});
  view.fast.denied = {kA, kB};
  view.routes = {{kA, {true, {}, {}}}, {kB, {}}};
  CHECK(bench.tell(event::RouterRead{view}) == Said{"routes: lift the denial of 10.99.0.2/32"});
  CHECK(bench.tell(event::RoutesApplied{RouteOutcomes(1)}).empty());
  bench.wait();
  CHECK(bench.decide() == Said{"read"});
  view.fast.denied = {kA};
  CHECK(bench.tell(event::RouterRead{view}).empty());  // still in the table: to be asked again
  CHECK(bench.wait() == 200);
  CHECK(bench.decide() == Said{"read"});
  view.routes[kA] = {};
  CHECK(bench.tell(event::RouterRead{view}) == Said{"routes: lift the denial of 10.99.0.1/32"});
  CHECK(bench.tell(event::RoutesApplied{RouteOutcomes(1)}).empty());
  bench.wait();
  CHECK(bench.decide() == Said{"read"});
  CHECK(bench.tell(event::RouterRead{answer({})}) == Said{kDone, "exit 0"});
}

TEST_CASE("withdrawal: a denial of what stays in the table is left, and what to type is said") {
  Bench bench(config_of(Stack::frr, {service("a", kA, Via::loopback)}));
  bench.decide();
  bench.seen({});
  RouterView view = answer({});
  view.fast.denied = {kA};
  view.routes = {{kA, {true, {}, {}}}};
  Said said;
  for (bool silent = false; said.empty() || said.back() != "exit 1"; silent = !silent) {
    said = bench.tell(event::RouterRead{silent ? silence() : view});
    bench.wait();
    for (const std::string& more : bench.decide()) said.push_back(more);
    REQUIRE(bench.now <= kStart + Withdrawal::kWithin);
  }
  const std::string last = said[said.size() - 2];
  CHECK(last.contains("frr"));
  CHECK(last.starts_with("error: not everything could be withdrawn: "));
}

TEST_CASE("withdrawal: what is kept is lifted at once, and a lift that fails is tried again") {
  Bench bench(config_of(Stack::frr, {service("a", kA, Via::vtysh, OnExit::keep)}));
  bench.decide();
  bench.seen({});
  RouterView view = answer({{kA, "HERALD-a-healthy"}});
  view.fast.denied = {kA};
  view.routes = {{kA, {true, {}, {}}}};
  CHECK(bench.tell(event::RouterRead{view}) == Said{"routes: lift the denial of 10.99.0.1/32"});
  CHECK(bench.tell(event::RoutesApplied{{std::unexpected("bgpd refused it")}}) ==
        Said{"error: lift the denial of 10.99.0.1/32: bgpd refused it"});
  CHECK(bench.wait() == 200);
  CHECK(bench.decide() == Said{"read"});
  view.fast.denied.clear();
  CHECK(bench.tell(event::RouterRead{view}) == Said{kDone, "exit 0"});
}

TEST_CASE("withdrawal: what on_exit keeps is not touched, its lease neither") {
  Bench bench(config_of(Stack::bird, {service("a", kA, Via::loopback, OnExit::keep),
                                      service("b", kB, Via::birdc, OnExit::keep)}));
  CHECK(bench.decide() == Said{"look", "read"});
  CHECK(bench.seen({{{kA, "lo"}, true, kStart + 1s}, ours(kB)}).empty());
  CHECK(bench.tell(event::RouterRead{answer({{kA, "HERALD-a-healthy"}, {kB, "HERALD-b-healthy"}})}) ==
        Said{kDone, "exit 0"});
}

TEST_CASE("withdrawal: --vips takes what is kept, too, and VIPs once their routes are seen to be gone") {
  Bench bench(
      config_of(Stack::frr, {service("a", kA, Via::loopback, OnExit::keep), service("b", kB, Via::vtysh)}),
      Withdrawal::Vips::go);
  CHECK(bench.decide() == Said{"look", "read"});
  CHECK(bench.seen({ours(kA), ours(kB)}) == Said{"remove 10.99.0.1/32 from lo"});
  CHECK(bench.stepped().empty());
  CHECK(bench.tell(event::RouterRead{answer({{kB, "HERALD-b-healthy"}})}) ==
        Said{"routes: withdraw 10.99.0.2/32"});
  CHECK(bench.tell(event::RoutesApplied{RouteOutcomes(1)}).empty());
  CHECK(bench.wait() == 60);
  CHECK(bench.decide() == Said{"read"});
  CHECK(bench.tell(event::RouterRead{answer({})}) == Said{"look"});
  CHECK(bench.seen({ours(kB)}) == Said{"remove 10.99.0.2/32 from lo"});
  CHECK(bench.stepped().empty());
  CHECK(bench.wait() == 200);
  CHECK(bench.decide() == Said{"look"});
  CHECK(bench.seen({}) == Said{kDone, "exit 0"});
}

TEST_CASE("withdrawal: a router that says done and shows the route still is told again, to the end") {
  Bench bench(config_of(Stack::frr, {service("a", kA, Via::vtysh), service("b", kB, Via::vtysh)}));
  CHECK(bench.decide() == Said{"look", "read"});
  CHECK(bench.seen({}).empty());
  int rounds = 0;
  Said said;
  while (bench.now < kStart + Withdrawal::kWithin) {
    said = bench.tell(event::RouterRead{answer({{kA, "HERALD-a-healthy"}, {kB, ""}})});
    CHECK(said == Said{"routes: withdraw 10.99.0.1/32 withdraw 10.99.0.2/32"});
    CHECK(bench.tell(event::RoutesApplied{RouteOutcomes(2)}).empty());
    ++rounds;
    bench.wait();
    said = bench.decide();
  }
  CHECK(rounds == 84);  // every 60 ms
  CHECK(bench.now == kStart + 5s);
  CHECK(said == Said{left("frr still announces 10.99.0.1/32 and 1 more", kNoLease), "exit 1"});
}

TEST_CASE("withdrawal: a router that takes nothing is asked again a little later, and quoted at the end") {
  Bench bench(config_of(Stack::frr, {service("a", kA, Via::vtysh)}));
  bench.decide();
  bench.seen({});
  CHECK(bench.tell(event::RouterRead{answer({{kA, "HERALD-a-healthy"}})}) ==
        Said{"routes: withdraw 10.99.0.1/32"});
  CHECK(bench.tell(event::RoutesApplied{{{}, std::unexpected("one too many")}})
            .empty());  // not an answer to this batch
  CHECK(bench.tell(event::RoutesApplied{{std::unexpected("% Unknown command")}}) ==
        Said{"error: withdraw 10.99.0.1/32: % Unknown command"});
  CHECK(bench.wait() == 200);
  CHECK(bench.decide() == Said{"read"});
  CHECK(bench.wait() == 4800);  // no answer
  CHECK(bench.decide() == Said{left("withdraw 10.99.0.1/32: % Unknown command", kNoLease), "exit 1"});
}

TEST_CASE("withdrawal: a silent router is told all the same, and it is said that nobody saw it obey") {
  Bench bench(config_of(Stack::bird, {service("a", kA, Via::birdc), service("b", kB, Via::loopback)}));
  CHECK(bench.decide() == Said{"look", "read"});
  CHECK(bench.seen({ours(kA), ours(kB)}) == Said{"remove 10.99.0.2/32 from lo"});
  bench.stepped();
  bench.wait();
  CHECK(bench.decide() == Said{"look"});
  CHECK(bench.seen({ours(kA)}).empty());
  const std::string silent = "bird does not answer: no answer within 2s";
  CHECK(bench.tell(event::RouterRead{silence()}) ==
        Said{"routes: withdraw 10.99.0.1/32 withdraw 10.99.0.2/32", "error: " + silent});
  CHECK(bench.tell(event::RoutesApplied{RouteOutcomes(2)}).empty());
  CHECK(bench.wait() == 60);
  CHECK(bench.decide() == Said{"read"});
  CHECK(bench.tell(event::RouterRead{silence()}) ==
        Said{"routes: withdraw 10.99.0.1/32 withdraw 10.99.0.2/32"});
  bench.now = kStart + 5s;  // the batch hangs
  CHECK(bench.decide() == Said{left(silent, kSomeLeases), "exit 1"});
}

TEST_CASE("withdrawal: a silent router that can hold leftovers alone is not waited for, which is said") {
  Bench bench(
      config_of(Stack::frr, {service("a", kA, Via::loopback), service("b", kB, Via::vtysh, OnExit::keep)}));
  bench.decide();
  CHECK(bench.seen({}).empty());
  CHECK(bench.tell(event::RouterRead{silence()}) ==
        Said{"notice: frr does not answer: no answer within 2s; it was not seen whether it has routes of an "
             "earlier configuration",
             kDone, "exit 0"});
}

TEST_CASE("withdrawal: a leftover that was seen is waited for, also by a router that falls silent") {
  Bench bench(config_of(Stack::bird, {service("a", kA, Via::loopback)}));
  bench.decide();
  bench.seen({});
  CHECK(bench.tell(event::RouterRead{answer({{kGone, "HERALD-old"}})}) ==
        Said{"routes: withdraw 10.99.0.9/32"});
  CHECK(bench.tell(event::RoutesApplied{RouteOutcomes(1)}).empty());
  bench.wait();
  CHECK(bench.decide() == Said{"read"});
  CHECK(bench.tell(event::RouterRead{silence()}) ==
        Said{"routes: withdraw 10.99.0.1/32 withdraw 10.99.0.9/32",
             "error: bird does not answer: no answer within 2s"});
  CHECK(bench.tell(event::RoutesApplied{RouteOutcomes(2)}).empty());
  bench.wait();
  CHECK(bench.decide() == Said{"read"});
  CHECK(bench.tell(event::RouterRead{answer({})}) == Said{kDone, "exit 0"});
}

TEST_CASE("withdrawal: with --vips a silent router is no reason to leave the VIPs") {
  Bench bench(config_of(Stack::frr, {service("a", kA, Via::vtysh)}), Withdrawal::Vips::go);
  CHECK(bench.decide() == Said{"look", "read"});
  CHECK(bench.seen({ours(kA)}).empty());
  CHECK(bench.wait() == 4000);
  CHECK(bench.decide() == Said{"look"});
  CHECK(bench.seen({ours(kA)}) == Said{"remove 10.99.0.1/32 from lo"});
  bench.stepped();
  CHECK(bench.wait() == 200);
  CHECK(bench.decide() == Said{"look"});
  CHECK(bench.seen({}).empty());
  CHECK(bench.wait() == 800);
  CHECK(bench.decide() == Said{left("it was not seen what is there", kNoLease), "exit 1"});
}

TEST_CASE("withdrawal: VIPs that may go are taken by the look that is awaited") {
  Bench bench(config_of(Stack::frr, {service("a", kA, Via::vtysh)}), Withdrawal::Vips::go);
  CHECK(bench.decide() == Said{"look", "read"});
  CHECK(bench.tell(event::RouterRead{answer({})}).empty());
  CHECK(bench.seen({ours(kA)}) == Said{"remove 10.99.0.1/32 from lo"});
}

TEST_CASE("withdrawal: at its end it says what is left of both, and why") {
  Bench bench(config_of(Stack::frr, {service("a", kA, Via::loopback), service("b", kB, Via::vtysh)}));
  bench.decide();
  bench.seen({ours(kA)});
  bench.tell(event::RouterRead{answer({{kB, "HERALD-b-healthy"}})});
  CHECK(bench.wait() == 5000);
  CHECK(bench.decide() ==
        Said{left("frr still announces 10.99.0.2/32; 10.99.0.1/32 is still on lo", kSomeLeases), "exit 1"});
  CHECK(bench.stepped().empty());
  CHECK(bench.tell(event::RoutesApplied{RouteOutcomes(1)}).empty());
}

TEST_CASE("withdrawal: without a configuration the marks alone tell what goes") {
  Bench bench(config_of(Stack::frr, {}));
  CHECK(bench.decide() == Said{"look", "read"});
  CHECK(bench.seen({ours(kA)}) == Said{"remove 10.99.0.1/32 from lo"});
  CHECK(bench.tell(event::RouterRead{answer({{kA, "HERALD-a-healthy"}})}) ==
        Said{"routes: withdraw 10.99.0.1/32"});
}

TEST_CASE("withdrawal: what is left is said to end by itself only where a lease ends it") {
  ServiceSpec leased;
  leased.announce.lease = 30s;
  ServiceSpec kept = leased;
  kept.announce.lease.reset();
  ServiceSpec steered = leased;
  steered.announce.via = Via::birdc;
  const std::string stays =
      " stays announced until a herald withdraws it: start it, or run heraldd --withdraw";
  CHECK(fate_of_the_rest({leased}) == "leases end what remains");
  CHECK(fate_of_the_rest({kept, steered}) == "no lease ends it: what remains" + stays);
  CHECK(fate_of_the_rest({leased, steered}) ==
        "leases end what remains on interfaces, and what the router was told" + stays);
}

}  // namespace herald::withdrawal_test
