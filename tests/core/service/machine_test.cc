// ServiceMachine: what needs memory between a composed health and a wish.
#include "sidecar/core/service/machine.h"

#include <catch2/catch.hpp>

namespace herald::machine_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

const Composed kUp{Health::healthy, "up"};
const Composed kGraded{Health::degraded, "graded"};
const Composed kDown{Health::unhealthy, "down"};
const Composed kUnknown{Health::unknown, "unknown"};

ServiceSpec spec(Duration hold_down = 0s) {
  ServiceSpec service;
  service.name = "web";
  service.hold_down = hold_down;
  return service;
}

// A machine whose first look showed nothing, and which was announced at kStart.
ServiceMachine announced(const ServiceSpec& service) {
  ServiceMachine machine(service, kStart);
  machine.evaluate(kUnknown, Presence::none, kStart);
  machine.evaluate(kUp, Presence::none, kStart);
  return machine;
}

}  // namespace

TEST_CASE("nothing is wanted before the first look") {
  ServiceMachine machine(spec(), kStart);
  for (const Composed& composed : {kUnknown, kUp, kDown}) {
    const auto wish = machine.evaluate(composed, Presence::unobserved, kStart);
    CHECK(wish.want == Want::hold);
    CHECK(wish.adopting);
  }
  CHECK_FALSE(machine.next_wakeup(kStart));
}

TEST_CASE("found absent: withdrawn until the health is known to be good") {
  ServiceMachine machine(spec(20s), kStart);
  CHECK(machine.evaluate(kUnknown, Presence::none, kStart).want == Want::absent);
  CHECK(machine.evaluate(kDown, Presence::none, kStart + 1s).want == Want::absent);
  // It was never announced, so no hold_down.
  CHECK(machine.evaluate(kUp, Presence::none, kStart + 2s).want == Want::present);
}

TEST_CASE("adoption: nothing changes until the health is known") {
  for (const Presence presence : {Presence::all, Presence::some}) {
    ServiceMachine machine(spec(20s), kStart);
    const auto wish = machine.evaluate(kUnknown, presence, kStart);
    CHECK(wish.want == Want::hold);
    CHECK(wish.adopting);
    CHECK(wish.reason == "found announced; unknown");
    CHECK(machine.next_wakeup(kStart) == kStart + 30s);
    // Not even that it goes meanwhile.
    CHECK(machine.evaluate(kUnknown, Presence::none, kStart + 1s).want == Want::hold);

    ServiceMachine healthy = machine;
    CHECK(healthy.evaluate(kUp, presence, kStart + 2s) ==
          ServiceMachine::Wish{.want = Want::present, .reason = "up"});
    ServiceMachine graded = machine;
    CHECK(graded.evaluate(kGraded, presence, kStart + 2s).want == Want::present);

    ServiceMachine dead = machine;
    CHECK(dead.evaluate(kDown, presence, kStart + 2s).want == Want::absent);
    // That was a withdrawal: hold_down counts.
    CHECK(dead.evaluate(kUp, Presence::none, kStart + 3s).held_until == kStart + 22s);
  }
}

TEST_CASE("adoption ends at adopt_timeout when nothing is conclusive") {
  ServiceMachine machine(spec(), kStart);
  CHECK(machine.evaluate(kUnknown, Presence::all, kStart).want == Want::hold);
  CHECK(machine.evaluate(kUnknown, Presence::all, kStart + 30s - 1ns).want == Want::hold);
  const auto wish = machine.evaluate(kUnknown, Presence::all, kStart + 30s);
  CHECK(wish.want == Want::absent);
  CHECK(wish.reason == "nothing conclusive within adopt_timeout; unknown");
  CHECK_FALSE(machine.next_wakeup(kStart + 30s));
}

TEST_CASE("unknown holds what is announced, and does not put back what was lost meanwhile") {
  ServiceMachine machine = announced(spec());
  CHECK(machine.evaluate(kUnknown, Presence::all, kStart + 1s).want == Want::hold);
  CHECK(machine.evaluate(kUnknown, Presence::some, kStart + 1h).want == Want::hold);  // for ever
  CHECK(machine.evaluate(kUp, Presence::some, kStart + 2h).want == Want::present);
  CHECK(machine.evaluate(kUnknown, Presence::none, kStart + 3h).want == Want::absent);
  CHECK(machine.evaluate(kUnknown, Presence::all, kStart + 3h).want == Want::absent);
  CHECK(machine.evaluate(kUp, Presence::none, kStart + 4h).want == Want::present);
}

TEST_CASE("unknown_limit: what is announced on nothing for so long is withdrawn, adopted or not") {
  ServiceSpec limited = spec();
  limited.unknown_limit = 20s;
  Composed silent = kUnknown;
  silent.silent_since = kStart;
  const auto check = [&](ServiceMachine machine) {
    CHECK(machine.evaluate(silent, Presence::all, kStart + 20s - 1ns).want == Want::hold);
    CHECK(machine.next_wakeup(kStart + 1s) == kStart + 20s);
    const auto wish = machine.evaluate(silent, Presence::all, kStart + 20s);
    CHECK(wish.want == Want::absent);
    CHECK(wish.reason == "nothing conclusive within unknown_limit; unknown");
    // It comes back as any other.
    CHECK(machine.evaluate(kUp, Presence::none, kStart + 21s).want == Want::present);
  };
  SECTION("announced by its health") {
    check(announced(limited));
  }
  SECTION("adopted") {
    ServiceMachine machine(limited, kStart);
    machine.evaluate(silent, Presence::all, kStart);
    check(machine);
  }
  SECTION("without a limit it stays") {
    ServiceMachine machine = announced(spec());
    CHECK(machine.evaluate(silent, Presence::all, kStart + 24h).want == Want::hold);
    CHECK_FALSE(machine.next_wakeup(kStart));
  }
  SECTION("a reload that gives it one is heard") {
    ServiceMachine machine = announced(spec());
    machine.reconfigure(limited, kStart);
    check(machine);
  }
  SECTION("an operator's force beats it") {
    ServiceMachine machine = announced(limited);
    machine.administer({.state = AdminState::force, .reason = "", .who = "root", .since = kStart});
    CHECK(machine.evaluate(silent, Presence::all, kStart + 1h).want == Want::present);
  }
}

TEST_CASE("known to be good: what is lost is wanted at once, without hold_down") {
  ServiceMachine machine = announced(spec(20s));
  CHECK(machine.evaluate(kUp, Presence::none, kStart + 1s).want == Want::present);
}

TEST_CASE("hold_down is the least time between a withdrawal and the next announcement") {
  ServiceMachine machine = announced(spec(20s));
  const TimePoint withdrawn = kStart + 10s;
  CHECK(machine.evaluate(kDown, Presence::all, withdrawn).want == Want::absent);
  machine.evaluate(kDown, Presence::none, withdrawn + 5s);  // still down: not a further withdrawal
  CHECK(machine.next_wakeup(withdrawn) == withdrawn + 20s);
  const auto held = machine.evaluate(kUp, Presence::none, withdrawn + 20s - 1ns);
  CHECK(held.want == Want::absent);
  CHECK(held.held_until == withdrawn + 20s);
  CHECK(held.reason == "up, but held by hold_down");
  CHECK(machine.evaluate(kUp, Presence::none, withdrawn + 20s).want == Want::present);
  CHECK_FALSE(machine.next_wakeup(withdrawn + 20s));
}

TEST_CASE("damping delays coming up only") {
  ServiceSpec service = spec(1s);
  service.damping = Damping{.half_life = 60s, .suppress = 1500, .reuse = 500, .max_suppress = 10min};
  ServiceMachine machine = announced(service);
  TimePoint now = kStart;
  CHECK(machine.evaluate(kDown, Presence::all, now).want == Want::absent);
  CHECK(machine.penalty(now) == Approx(1000));
  now += 1s;
  CHECK(machine.evaluate(kUp, Presence::none, now).want == Want::present);
  CHECK(machine.evaluate(kDown, Presence::all, now).want == Want::absent);  // never delayed
  const auto held = machine.evaluate(kUp, Presence::none, now + 1s);
  CHECK(held.want == Want::absent);
  CHECK(held.reason == "up, but held by damping");
  REQUIRE(held.held_until);
  // 1000 x 2^(-1/60) + 1000 = 1988.5; 60 x log2(1988.5 / 500) = 119.5 s.
  CHECK(std::chrono::duration<double>(*held.held_until - now).count() == Approx(119.5).epsilon(0.001));
  CHECK(machine.evaluate(kUp, Presence::none, *held.held_until).want == Want::present);
}

TEST_CASE("a withdrawal counts once") {
  ServiceSpec service = spec();
  service.damping = Damping{};
  ServiceMachine machine = announced(service);
  for (int again = 0; again < 5; ++again) machine.evaluate(kDown, Presence::all, kStart);
  CHECK(machine.penalty(kStart) == Approx(1000));
  ServiceMachine never = ServiceMachine(service, kStart);
  never.evaluate(kDown, Presence::none, kStart);
  CHECK(never.penalty(kStart) == 0);
}

TEST_CASE("a restart forgets neither the penalty nor hold_down") {
  ServiceSpec service = spec(20s);
  service.damping = Damping{.half_life = 60s, .suppress = 1000, .reuse = 500, .max_suppress = 10min};
  ServiceMachine before = announced(service);
  CHECK_FALSE(before.flaps());
  before.evaluate(kDown, Presence::all, kStart);
  REQUIRE(before.flaps());
  ServiceMachine after(service, kStart + 5s);
  after.recall(*before.flaps(), kStart + 5s);
  after.evaluate(kDown, Presence::none, kStart + 5s);
  const auto held = after.evaluate(kUp, Presence::none, kStart + 10s);
  CHECK(held.held_until == kStart + 60s);
  CHECK(held.reason == "up, but held by damping");

  after.clear_damping();
  const auto held_down = after.evaluate(kUp, Presence::none, kStart + 10s);
  CHECK(held_down.held_until == kStart + 20s);
  CHECK(held_down.reason == "up, but held by hold_down");
  CHECK(after.evaluate(kUp, Presence::none, kStart + 20s).want == Want::present);

  // By a clock that was set back, the withdrawal is yet to come.
  ServiceMachine set_back(spec(20s), kStart);
  set_back.recall({kStart + 1h, 0, false}, kStart);
  set_back.evaluate(kDown, Presence::none, kStart);
  CHECK(set_back.evaluate(kUp, Presence::none, kStart).held_until == kStart + 20s);
}

TEST_CASE("nothing is to be remembered of a service that nothing would hold") {
  ServiceMachine machine = announced(spec());
  machine.evaluate(kDown, Presence::all, kStart);
  CHECK_FALSE(machine.flaps());
}

TEST_CASE("the brake holds what is announced, and announces nothing") {
  const TimePoint until = kStart + 30s;
  const Composed braked{.health = Health::unhealthy, .reason = "down", .braked_until = until};
  ServiceMachine machine = announced(spec(20s));
  const auto held = machine.evaluate(braked, Presence::all, kStart);
  CHECK(held.want == Want::hold);
  CHECK(held.held_until == until);
  CHECK(held.reason == "down, but held by the BRAKE");
  CHECK(machine.is_announced());
  ServiceMachine lost = machine;
  CHECK(lost.evaluate(braked, Presence::none, kStart + 1s).want == Want::absent);
  CHECK(machine.evaluate(kDown, Presence::all, kStart + 2s).want == Want::absent);
  CHECK_FALSE(machine.is_announced());
  CHECK(machine.evaluate(braked, Presence::none, kStart + 3s).want == Want::absent);

  ServiceMachine adopts(spec(), kStart);
  CHECK_FALSE(adopts.is_announced());
  adopts.evaluate(kUnknown, Presence::all, kStart);
  CHECK(adopts.is_announced());
  const auto adopting = adopts.evaluate(braked, Presence::all, kStart + 40s);
  CHECK(adopting.want == Want::hold);
  CHECK(adopting.adopting);

  ServiceMachine drained = announced(spec());
  drained.administer({AdminState::drain, "", "root", kStart, std::nullopt});
  CHECK_FALSE(drained.is_announced());
  CHECK(drained.evaluate(braked, Presence::all, kStart).want == Want::absent);
}

TEST_CASE(
    "several drains: the service is back when the last has ended, and its delay is counted from the first") {
  ServiceSpec service = spec();
  service.announce.via = Via::vtysh;
  service.announce.attributes[static_cast<std::size_t>(Grade::draining)] = Attributes{.prepend = 3};
  service.drain.delay = 10s;
  ServiceMachine machine = announced(service);
  machine.administer({AdminState::drain, "disks", "ann", kStart, kStart + 15s});
  CHECK(machine.evaluate(kUp, Presence::all, kStart).draining);
  machine.administer({AdminState::drain, "", "bob", kStart + 5s, kStart + 40s});
  const auto both = machine.evaluate(kUp, Presence::all, kStart + 6s);
  CHECK(both.draining);
  CHECK(both.reason == "drained by ann: disks; and by bob");
  CHECK(machine.next_wakeup(kStart + 6s) == kStart + 10s);
  CHECK(machine.evaluate(kUp, Presence::all, kStart + 10s).want == Want::absent);
  CHECK(machine.next_wakeup(kStart + 10s) == kStart + 15s);
  CHECK(machine.expire(kStart + 15s).value().who == "ann");
  CHECK(machine.evaluate(kUp, Presence::none, kStart + 15s).reason == "drained by bob");
  SECTION("by itself") {
    CHECK(machine.evaluate(kUp, Presence::none, kStart + 40s - 1ns).want == Want::absent);
    CHECK(machine.evaluate(kUp, Presence::none, kStart + 40s).want == Want::present);
  }
  SECTION("by undrain") {
    CHECK(machine.end({AdminState::drain, "ann"}).empty());
    CHECK(machine.end({AdminState::drain, "bob"}).size() == 1);
    CHECK(machine.evaluate(kUp, Presence::none, kStart + 20s).want == Want::present);
  }
  SECTION("a force waits behind it") {
    machine.administer({AdminState::force, "", "root", kStart + 16s, std::nullopt});
    CHECK(machine.evaluate(kDown, Presence::none, kStart + 16s).want == Want::absent);
    machine.end({AdminState::drain, std::nullopt});
    CHECK(machine.evaluate(kDown, Presence::none, kStart + 17s).want == Want::present);
    // A new drain is shown for its whole delay.
    machine.administer({AdminState::drain, "", "bob", kStart + 20s, std::nullopt});
    CHECK(machine.evaluate(kDown, Presence::all, kStart + 29s).draining);
    CHECK(machine.evaluate(kDown, Presence::all, kStart + 30s).want == Want::absent);
  }
}

TEST_CASE("what leaves is drained for good, whatever was said") {
  ServiceMachine machine = announced(spec());
  machine.administer({AdminState::drain, "", "ann", kStart, kStart + 1s});
  machine.administer({AdminState::force, "", "root", kStart, std::nullopt});
  machine.drain_for_good({AdminState::drain, "gone", "herald", kStart, std::nullopt});
  CHECK(machine.orders().all().size() == 1);
  CHECK(machine.evaluate(kUp, Presence::all, kStart + 1h).reason == "drained by herald: gone");
}

TEST_CASE("what was announced by force and is healthy since is withdrawn like any other") {
  ServiceSpec service = spec(20s);
  service.damping = Damping{};
  const auto forced = [&] {
    ServiceMachine machine(service, kStart);
    machine.evaluate(kDown, Presence::none, kStart);
    machine.administer({AdminState::force, "", "root", kStart, std::nullopt});
    CHECK(machine.evaluate(kDown, Presence::none, kStart).want == Want::present);
    machine.end({});
    return machine;
  };
  ServiceMachine dead = forced();
  CHECK(dead.evaluate(kDown, Presence::all, kStart + 1s).want == Want::absent);
  CHECK(dead.penalty(kStart + 1s) == 0);  // the end of the force, and no failure
  CHECK(dead.evaluate(kUp, Presence::none, kStart + 2s).want == Want::present);
  CHECK(dead.evaluate(kDown, Presence::all, kStart + 3s).want == Want::absent);
  CHECK(dead.penalty(kStart + 3s) == Approx(1000));

  ServiceMachine alive = forced();
  CHECK(alive.evaluate(kUp, Presence::all, kStart + 1s).want == Want::present);
  CHECK(alive.evaluate(kDown, Presence::all, kStart + 2s).want == Want::absent);
  CHECK(alive.penalty(kStart + 2s) == Approx(1000));
  CHECK(alive.evaluate(kUp, Presence::none, kStart + 3s).held_until == kStart + 22s);
}

}  // namespace herald::machine_test
