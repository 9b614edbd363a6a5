// What is seen of one service, and what is not yet as wanted, in words.
#include "sidecar/core/service/sight.h"

#include <catch2/catch.hpp>

namespace herald::sight_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

const Vip kVip{"10.99.0.1/32"};
const Vip kOther{"10.99.0.2/32"};
const AddressKey kHere{kVip, "lo"};
const AddressKey kElsewhere{kVip, "dummy0"};

// A service whose VIP is wanted, announced, and seen by everybody; a test takes away what it is about.
class Bench {
 public:
  explicit Bench(Via via) {
    spec.name = "web";
    spec.vips = {kVip};
    spec.announce.via = via;
    for (const Grade grade : {Grade::healthy, Grade::degraded, Grade::draining})
      policies[static_cast<std::size_t>(grade)] = policy_of(spec, grade);
    put(kHere, true);
    router.reachable = true;
    router.peers.emplace_back();
    router.routes[kVip] = {true, {"10.1.1.4"}, {}};
    if (via != Via::loopback) owned[kVip] = "HERALD-web-healthy";
    wish.want = Want::present;
  }

  void put(const AddressKey& key, bool ours) { addresses[key] = {key, ours, std::nullopt}; }
  void withdraw() {
    wish.want = Want::absent;
    owned.clear();
    if (spec.announce.via == Via::loopback) addresses.clear();
    router.routes[kVip] = {};
  }
  // The ladder is told of a stale VIP, and of it again once its time is over.
  void deny() {
    RouterSpec router_spec;
    router_spec.fallback = FallbackLevel::deny;
    ladder.emplace(router_spec);
    const std::vector<VipStanding> standings{{kVip, VipStanding::Kind::stale}};
    static_cast<void>(ladder->judge(standings, router, 1, kStart));
    static_cast<void>(ladder->judge(standings, router, 2, kStart + router_spec.fallback_after));
    REQUIRE(ladder->is_denied(kVip));
  }
  template <typename Ask>
  auto ask(Ask ask) const {
    const Sight sight{.addresses = sees_addresses ? &addresses : nullptr,
                      .look_sequence = 5,
                      .removed = &removed,
                      .router = sees_router ? &router : nullptr,
                      .router_sequence = 5,
                      .stack = stack,
                      .owned = sees_router ? &owned : nullptr,
                      .owned_sequence = 5,
                      .ladder = ladder ? &*ladder : nullptr};
    return ask(ServiceSight(spec, policies, dealings, sight));
  }
  ServiceState state() const {
    return ask([&](const ServiceSight& seen) { return seen.judge(wish).state; });
  }
  std::string problem() const {
    return ask([&](const ServiceSight& seen) { return seen.judge(wish).problem.value_or("none"); });
  }
  Presence presence() const {
    return ask([](const ServiceSight& seen) { return seen.presence(); });
  }
  VipStanding::Kind standing() const {
    return ask([&](const ServiceSight& seen) { return seen.standing(kVip, wish); });
  }
  VipSnapshot shown() const {
    return ask([&](const ServiceSight& seen) { return seen.show(kVip, wish); });
  }

  ServiceSpec spec;
  Policies policies;
  Dealings dealings;
  ObservedIndex addresses;
  std::set<AddressKey> removed;
  RouterView router;
  OwnedRoutes owned;
  std::optional<FallbackLadder> ladder;
  ServiceMachine::Wish wish;
  Stack stack = Stack::frr;
  bool sees_addresses = true;
  bool sees_router = true;
};

}  // namespace

TEST_CASE("a VIP that everybody sees is announced, by its address or by its route") {
  for (const Via via : {Via::loopback, Via::vtysh}) {
    const Bench bench(via);
    CHECK(bench.state() == ServiceState::announced);
    CHECK(bench.problem() == "none");
    CHECK(bench.presence() == Presence::all);
    CHECK(bench.standing() == VipStanding::Kind::free);
  }
}

TEST_CASE("a VIP that is missing, or said to be removed, is not on its interface") {
  for (const Via via : {Via::loopback, Via::vtysh}) {
    Bench bench(via);
    bench.removed.insert(kHere);
    CHECK(bench.problem() == "10.99.0.1/32 is not on lo");
    CHECK(bench.standing() == VipStanding::Kind::unsure);
    bench.removed.clear();
    bench.addresses.clear();
    bench.dealings.step_errors[kVip] = "add: Operation not permitted";
    CHECK(bench.state() == ServiceState::announcing);
    CHECK(bench.problem() == "10.99.0.1/32 is not on lo: add: Operation not permitted");
  }
  Bench unmanaged(Via::vtysh);
  unmanaged.spec.announce.manage_vip = false;
  unmanaged.addresses.clear();
  CHECK(unmanaged.problem() == "none");
}

TEST_CASE("somebody else's address is not announced by herald, and carries its route all the same") {
  const std::string text = "10.99.0.1/32 is on lo without herald's mark: somebody else's, left alone";
  Bench loopback(Via::loopback);
  loopback.put(kHere, false);
  CHECK(loopback.problem() == text);
  CHECK(loopback.presence() == Presence::none);
  CHECK(loopback.shown().foreign);
  CHECK_FALSE(loopback.shown().on_interface);
  loopback.wish.want = Want::absent;
  loopback.router.routes[kVip] = {};
  CHECK(loopback.state() == ServiceState::withdrawn);
  CHECK(loopback.problem() == text);

  Bench route(Via::vtysh);
  route.put(kHere, false);
  CHECK(route.state() == ServiceState::announced);
  CHECK(route.shown().foreign);
  CHECK(route.shown().on_interface);
}

TEST_CASE("what is not in the router's configuration or table is told by what is missing") {
  Bench loopback(Via::loopback);
  loopback.router.routes.clear();
  CHECK(
      loopback.problem() ==
      "10.99.0.1/32 is on lo but not in frr's BGP table; is it redistributed (connected, protocol direct)?");
  loopback.stack = Stack::none;  // nobody can be asked
  CHECK(loopback.problem() == "none");

  Bench route(Via::vtysh);
  route.router.routes[kVip].in_rib = false;
  CHECK(route.problem() ==
        "10.99.0.1/32 is in frr's configuration but not in its BGP table; is `no bgp network import-check` "
        "set?");
  route.stack = Stack::bird;
  CHECK(route.problem() == "10.99.0.1/32 is in bird's configuration but not in its BGP table");
  route.owned[kVip] = "";
  CHECK(route.problem() ==
        "10.99.0.1/32 is in bird's configuration with a policy that is not herald's and not yet with " +
            route.policies[0].name);
  route.owned.clear();
  CHECK(route.problem() == "10.99.0.1/32 is not in bird's configuration");
  CHECK(route.standing() == VipStanding::Kind::unsure);
}

TEST_CASE("what is in the table and not sent to a peer is not announced yet") {
  Bench bench(Via::loopback);
  bench.router.routes[kVip] = {true, {"10.1.1.4"}, {"10.1.1.5", "10.1.1.6"}};
  CHECK(bench.problem() ==
        "10.99.0.1/32 is in frr's BGP table but not advertised to 10.1.1.5, 10.1.1.6; does the outbound "
        "policy permit it?");
  bench.router.routes[kVip] = {true, {}, {}};
  CHECK(bench.problem() ==
        "10.99.0.1/32 is in frr's BGP table, and no session is established to advertise it by");
  bench.router.peers.clear();
  CHECK(bench.problem() == "none");
}

TEST_CASE("a router that is silent leaves a route unknown, unless it was seen withdrawn before") {
  Bench bench(Via::vtysh);
  bench.router.reachable = false;
  bench.router.error = "no answer within 2s";
  bench.dealings.step_errors[kVip] = "no answer within 2s";
  CHECK(bench.problem() == "frr does not answer: no answer within 2s");  // once
  bench.dealings.step_errors[kVip] = "exit status 1";
  CHECK(bench.problem() == "frr does not answer: no answer within 2s: exit status 1");
  bench.withdraw();
  CHECK(bench.state() == ServiceState::withdrawing);
  bench.dealings.gone_at = kStart;
  CHECK(bench.state() == ServiceState::withdrawn);
  CHECK(bench.standing() == VipStanding::Kind::unsure);

  Bench loopback(Via::loopback);
  loopback.withdraw();
  loopback.router.reachable = false;
  CHECK(loopback.state() == ServiceState::withdrawn);
}

TEST_CASE("a sight that is older than what was done does not count") {
  Bench bench(Via::vtysh);
  bench.dealings.read_after = 5;
  CHECK(bench.problem() == "not read back from frr yet");
  CHECK(bench.presence() == Presence::some);
  bench.dealings.read_after = 4;
  CHECK(bench.problem() == "none");
  bench.dealings.routes_in_flight = 1;
  CHECK(bench.problem() == "not read back from frr yet");
  bench.dealings.since.read = 6;
  CHECK(bench.presence() == Presence::unobserved);

  Bench loopback(Via::loopback);
  loopback.dealings.since.look = 6;
  CHECK(loopback.presence() == Presence::unobserved);
  loopback.wish.want = Want::absent;
  loopback.sees_addresses = false;
  CHECK(loopback.problem() == "the interfaces were not read yet");
}

TEST_CASE("what is not wanted and still seen is withdrawing") {
  Bench route(Via::vtysh);
  route.wish.want = Want::absent;
  CHECK(route.problem() == "10.99.0.1/32 is still in frr's configuration");
  CHECK(route.standing() == VipStanding::Kind::unsure);
  route.withdraw();
  CHECK(route.state() == ServiceState::withdrawn);  // its VIP may stay
  CHECK(route.standing() == VipStanding::Kind::free);

  Bench loopback(Via::loopback);
  loopback.addresses.clear();
  loopback.put(kElsewhere, true);
  loopback.wish.want = Want::absent;
  CHECK(loopback.problem() == "10.99.0.1/32 is still on dummy0");
  CHECK(loopback.presence() == Presence::all);
}

TEST_CASE("what is withdrawn and still in the table is stale, unless somebody else has it") {
  Bench route(Via::vtysh);
  route.withdraw();
  route.router.routes[kVip].in_rib = true;
  CHECK(route.state() == ServiceState::withdrawing);
  CHECK(route.problem() == "10.99.0.1/32 is gone from frr's configuration but still in its BGP table");
  CHECK(route.standing() == VipStanding::Kind::stale);

  Bench loopback(Via::loopback);
  loopback.withdraw();
  loopback.router.routes[kVip].in_rib = true;
  CHECK(loopback.problem() == "10.99.0.1/32 is gone from lo but still in frr's BGP table");
  CHECK(loopback.standing() == VipStanding::Kind::stale);
  loopback.put(kElsewhere, false);
  CHECK(loopback.state() == ServiceState::withdrawing);
  CHECK(loopback.standing() == VipStanding::Kind::free);
}

TEST_CASE("what the fallback denies is withdrawn once no peer is sent it, and is told of") {
  Bench bench(Via::loopback);
  bench.withdraw();
  bench.router.routes[kVip] = {true, {"10.1.1.4"}, {}};
  bench.deny();
  const std::string stale = "10.99.0.1/32 is gone from lo but still in frr's BGP table";
  const std::string hint = "; was zebra restarted alone? bgpd hears of no address any more: restart bgpd";
  CHECK(bench.state() == ServiceState::withdrawing);
  CHECK(bench.problem() == stale + ", advertised to 10.1.1.4; FALLBACK: to be denied" + hint);
  bench.router.fallback["10.1.1.4"].denied.insert(kVip);
  bench.router.routes[kVip].advertised_to.clear();
  CHECK(bench.state() == ServiceState::withdrawn);
  CHECK(bench.problem() == stale + "; FALLBACK: denied to the peers" + hint);
  CHECK(bench.shown().denied_to == std::vector<std::string>{"10.1.1.4"});
}

TEST_CASE("what a fast withdrawal denies is withdrawn, though it stays in the table") {
  Bench bench(Via::loopback);
  bench.withdraw();
  bench.router.routes[kVip] = {true, {}, {}};
  bench.router.fast.denied = {kVip};
  CHECK(bench.state() == ServiceState::withdrawn);
  CHECK(bench.problem().starts_with(
      "10.99.0.1/32 is gone from lo but still in frr's BGP table; denied to the peers"));
  CHECK(bench.shown().denied_fast);
  bench.router.routes[kVip].advertised_to = {"10.1.1.4"};  // which does not take part
  CHECK(bench.state() == ServiceState::withdrawing);
  Bench wanted(Via::loopback);
  wanted.router.routes[kVip] = {true, {}, {"10.1.1.4"}};
  wanted.router.fast.denied = {kVip};
  CHECK(wanted.problem() ==
        "10.99.0.1/32 is denied to 10.1.1.4 by herald's own list (router.fast_withdraw), and is about to be "
        "lifted");
}

TEST_CASE("some of several VIPs are some, and the first that is missing is told") {
  Bench bench(Via::loopback);
  bench.spec.vips = {kVip, kOther};
  CHECK(bench.presence() == Presence::some);
  CHECK(bench.problem() == "10.99.0.2/32 is not on lo");
  CHECK(bench.ask([](const ServiceSight& seen) { return seen.ready(); }) == 1);
}

TEST_CASE("while its VIPs move to a route, an address counts as well as the route") {
  Bench bench(Via::vtysh);
  bench.owned.clear();
  CHECK(bench.presence() == Presence::none);
  bench.dealings.moving = true;
  CHECK(bench.presence() == Presence::all);
  CHECK_FALSE(bench.ask([](const ServiceSight& seen) { return seen.has_arrived(); }));
  bench.owned[kVip] = bench.policies[0].name;
  CHECK(bench.ask([](const ServiceSight& seen) { return seen.has_arrived(); }));
}

TEST_CASE("an adopted service has no problems, a draining one tells what is not done, a held one waits") {
  Bench bench(Via::loopback);
  bench.addresses.clear();
  bench.wish.adopting = true;
  CHECK(bench.state() == ServiceState::adopting);
  CHECK(bench.problem() == "none");
  bench.wish = {.want = Want::present, .draining = true, .reason = ""};
  CHECK(bench.state() == ServiceState::draining);
  CHECK(bench.problem() == "10.99.0.1/32 is not on lo");
  bench.withdraw();
  bench.wish = {.want = Want::absent, .held_until = kStart, .reason = ""};
  CHECK(bench.state() == ServiceState::held);
}

TEST_CASE(
    "what somebody else has announced under a dead service is not withdrawn, and told with the way out") {
  Bench bench(Via::loopback);
  bench.withdraw();
  bench.put(kHere, false);
  bench.router.routes[kVip] = {true, {"10.1.1.4"}, {}, {}, {{"redistribute connected", true}}};
  CHECK(bench.state() == ServiceState::withdrawing);
  CHECK(bench.problem() ==
        "10.99.0.1/32 is announced all the same, to 10.1.1.4: it is on lo without herald's mark, somebody "
        "else's, and frr originates it by redistribute connected; `heraldctl adopt web` takes it over, `ip "
        "address del 10.99.0.1/32 dev lo` removes it");
  CHECK(bench.standing() == VipStanding::Kind::free);  // not the fallback's to deny
  bench.router.peers.front().established = true;
  bench.router.routes[kVip].advertised_to.clear();  // a policy holds it back
  CHECK(bench.state() == ServiceState::withdrawn);
  bench.router.peers.front().established = false;  // nobody knows what a session would be sent
  CHECK(bench.state() == ServiceState::withdrawing);
  CHECK(bench.problem().starts_with("10.99.0.1/32 is announced all the same, as soon as there is a session"));
  bench.put(kHere, true);
  CHECK(bench.problem() == "10.99.0.1/32 is still on lo");

  Bench network(Via::loopback);
  network.withdraw();
  network.router.routes[kVip] = {true, {"10.1.1.4"}, {}, {}, {{"a `network` line"}}};
  CHECK(network.problem() ==
        "10.99.0.1/32 is announced all the same, to 10.1.1.4: frr originates it by a `network` line");
}

TEST_CASE(
    "what an address does in the router's table is known from a read while it is there, and guessed before") {
  Bench bench(Via::vtysh);
  bench.withdraw();
  const auto exposure = [&] { return bench.ask([](const ServiceSight& seen) { return seen.exposure(); }); };
  const auto proof = [&] {
    return bench.ask([](const ServiceSight& seen) { return seen.prove_exposure(); });
  };
  const InterfaceImport connected{"redistribute connected", false};
  RouterRoute& route = bench.router.routes[kVip];
  CHECK(exposure() == Exposure::none);
  route.import = connected;
  CHECK(exposure() == Exposure::likely);
  route.import->filtered = true;
  CHECK(exposure() == Exposure::perhaps);

  bench.dealings.address_after = 5;  // this read may be too early to show it
  CHECK_FALSE(proof());
  bench.dealings.address_after = 4;
  REQUIRE(proof());
  CHECK_FALSE(proof()->exposed);
  bench.dealings.exposure = proof();
  CHECK(exposure() == Exposure::none);
  route.import = connected;  // other means: that proves nothing of these
  CHECK(exposure() == Exposure::likely);
  bench.dealings.address_after = 9;
  route.others = {{"redistribute connected", true}};
  route.in_rib = true;
  REQUIRE(proof());  // what is announced is announced
  CHECK(proof()->exposed);
  bench.dealings.exposure = proof();
  CHECK(exposure() == Exposure::seen);
  bench.router.reachable = false;
  CHECK(exposure() == Exposure::unknown);  // it was proven by other means than those of the last answer
  bench.dealings.import = bench.dealings.exposure->import;
  CHECK(exposure() == Exposure::seen);
  bench.dealings.exposure.reset();
  CHECK(exposure() == Exposure::unknown);
}

TEST_CASE("a VIP that is kept off its interface is told of, and is a fault where nothing may leave it out") {
  Bench bench(Via::vtysh);
  bench.withdraw();
  bench.addresses.clear();
  bench.router.routes[kVip].import = InterfaceImport{"protocol direct1", true};
  const std::string kept = "10.99.0.1/32 is kept off lo until the service is announced, for frr ";
  CHECK(bench.shown().kept_off == kept + "may announce what is there (protocol direct1)");
  CHECK(bench.problem() == "none");
  bench.router.routes[kVip].import->filtered = false;
  CHECK(bench.state() == ServiceState::withdrawn);
  CHECK(bench.problem() ==
        kept + "may announce what is there (protocol direct1); leave it out there (heraldctl doctor)");
  bench.dealings.exposure = {true, bench.router.routes[kVip].import};
  CHECK(bench.shown().kept_off == kept + "announces what is there (protocol direct1)");
  bench.spec.announce.vip_on_down = VipOnDown::remove;  // then it is meant to be off
  CHECK(bench.problem() == "none");
}

}  // namespace herald::sight_test
