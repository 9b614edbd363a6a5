// Many worlds, each drawn from its seed. HERALD_SIM_SEEDS says how many, HERALD_SIM_FIRST_SEED where they begin:
//
//   HERALD_SIM_FIRST_SEED=4711 HERALD_SIM_SEEDS=1 sim_test 'random worlds*'
//
// HERALD_SIM_SURVEY=1 goes on after a failure and only names each. tests/worlds runs many of them.
//
// What failed once is kept in seeds.txt and run each time.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "tests/sim/last_words.h"
#include "tests/sim/random_world.h"
#include "tests/source_dir.h"

namespace herald::sim {
namespace {

constexpr std::uint64_t kSeeds = 1000;
constexpr std::uint64_t kSeedsRunTwice = 20;  // one in so many
constexpr std::size_t kShownLines = 40;

// What has to come about in so many worlds, or they test nothing. The rare is waited for in so many times more of them.
constexpr std::uint64_t kMostTimesMore = 5;
constexpr std::array kHappens{"additions",
                              "removals",
                              "refreshes",
                              "crashes",
                              "crashes before a step",
                              "crashes after a step",
                              "stalls",
                              "long stalls",
                              "stops",
                              "clean exits",
                              "deletions",
                              "fights",
                              "foreigners",
                              "leftovers",
                              "interfaces",
                              "blindness",
                              "batches",
                              "hung batches",
                              "orphaned batches",
                              "failed routes",
                              "lying routes",
                              "denied routes",
                              "route announcements",
                              "route withdrawals",
                              "policy switches",
                              "typists",
                              "fallback denials",
                              "fallback shutdowns",
                              "fallback lifted",
                              "fallback tidied",
                              "failed fallback steps",
                              "lying fallback steps",
                              "denied fallback steps",
                              "denials",
                              "denials lifted",
                              "failed denial steps",
                              "lying denial steps",
                              "denied denial steps",
                              "handovers begun",
                              "handovers done",
                              "reloads done",
                              "alive: dropped services",
                              "alive: returned services",
                              "alive: moved services",
                              "alive: changed thresholds",
                              "alive: swapped VIPs",
                              "alive: other targets",
                              "alive: other times",
                              "alive: other levers",
                              "words: drain",
                              "words: force",
                              "words: auto",
                              "router troubles",
                              "deafness",
                              "failed looks",
                              "failed steps",
                              "lying steps",
                              "denied steps",
                              "lost notifications",
                              "lost stages",
                              "late answers",
                              "router timeouts",
                              "stale router reads",
                              "reads that tell of other origins",
                              "expired leases",
                              "dampings",
                              "outages",
                              "brakes",
                              "late brakes",
                              "obeyed brakes",
                              "brakes that evidence ended",
                              "brakes that recovery ended",
                              "recalled withdrawals",
                              "cleared dampings",
                              "dropped services",
                              "returned services",
                              "moved services",
                              "changed thresholds",
                              "hold-downs",
                              "withdrawals",
                              "withdrawals with --vips",
                              "clean withdrawals",
                              "withdrawals in vain",
                              "killed withdrawals",
                              "leftovers of withdrawals",
                              "moods"};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Totals {
  std::uint64_t worlds = 0;
  double hours = 0;
  std::map<std::string, std::uint64_t> counts;

  void add(const World& world) {
    ++worlds;
    hours += std::chrono::duration<double, std::ratio<3600>>(world.now() - kBeginning).count();
    for (const auto& [what, count] : world.counts()) counts[what] += count;
  }
  [[nodiscard]] std::vector<std::string> missing() const {
    std::vector<std::string> all;
    std::ranges::copy_if(kHappens, std::back_inserter(all),
                         [&](const std::string& what) { return !counts.contains(what); });
    return all;
  }
};

std::string how_to_repeat(std::uint64_t seed) {
  return fmt::format("again: HERALD_SIM_FIRST_SEED={} HERALD_SIM_SEEDS=1 sim_test 'random worlds*'", seed);
}

// Runs the world again with its transcript on, and shows the end of it.
std::string tell_failure(std::uint64_t seed, const std::string& failure) {
  RandomWorld again(seed, Transcript::Detail::everything, from_environment("HERALD_SIM_LINES", kShownLines));
  std::string text = fmt::format("seed {}: {}\n{}", seed, failure, describe(draw_plan(seed)));
  try {
    again.run();
    text += "it did not happen again: the simulation is not deterministic\n";
  } catch (const std::exception& /*the same*/) {
    for (const std::string& line : again.world().transcript().lines()) text += line + "\n";
  }
  return text + how_to_repeat(seed);
}

struct Kept {
  std::uint64_t seed = 0;
  std::string what;
};

// "SEED WHAT IT SHOWED" a line; # begins a comment.
std::vector<Kept> kept_seeds() {
  std::ifstream file(HERALD_SOURCE_DIR "/tests/sim/seeds.txt");
  std::vector<Kept> all;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    char* rest = nullptr;
    const std::uint64_t seed = std::strtoull(line.c_str(), &rest, 10);
    all.push_back({seed, rest});
  }
  return all;
}

std::size_t digest_of(std::uint64_t seed) {
  RandomWorld world(seed, Transcript::Detail::everything, kShownLines);
  world.run();
  return world.world().transcript().digest();
}

// Every probe passes.
void please_all(World& world, const Config& config) {
  for (const ServiceSpec& service : config.services) {
    for (const ProbeSpec& probe : service.probes) {
      Target& target = world.target(fmt::format("{}/{}", service.name, probe.name));
      target.mood = probe.thresholds.invert ? Target::Mood::failing : Target::Mood::up;
    }
  }
}

}  // namespace

TEST_CASE("random worlds keep the invariants and end as they should") {
  const std::uint64_t seeds = from_environment("HERALD_SIM_SEEDS", kSeeds);
  const std::uint64_t first = from_environment("HERALD_SIM_FIRST_SEED", 1);
  const bool surveys = std::getenv("HERALD_SIM_SURVEY") != nullptr;
  Totals totals;
  const auto goes_on = [&](std::uint64_t seed) {
    if (seed < first + seeds) return true;
    return seeds >= kSeeds && seed < first + kMostTimesMore * seeds && !totals.missing().empty();
  };
  for (std::uint64_t seed = first; goes_on(seed); ++seed) {
    INFO(how_to_repeat(seed));
    const LastWords last_words(
        fmt::format("it died in the world of seed {}; {}\n", seed, how_to_repeat(seed)));
    try {
      RandomWorld world(seed, Transcript::Detail::nothing, 0);
      world.run();
      totals.add(world.world());
      if (seed % kSeedsRunTwice == 0 && digest_of(seed) != digest_of(seed))
        throw Violation("it is not deterministic");
    } catch (const std::exception& failure) {
      if (!surveys) FAIL(tell_failure(seed, failure.what()));
      std::cout << fmt::format("seed {}: {}\n", seed, failure.what());
      FAIL_CHECK("seed " << seed);
    }
  }
  std::string text = fmt::format("{} worlds, {:.1f} virtual hours", totals.worlds, totals.hours);
  for (const auto& [what, count] : totals.counts) text += fmt::format(", {} {}", count, what);
  std::cout << text << "\n";
  if (seeds >= kSeeds) CHECK(totals.missing() == std::vector<std::string>{});
}

TEST_CASE("seeds that failed once") {
  const std::vector<Kept> kept = kept_seeds();
  REQUIRE(kept.size() >= 21);
  for (const auto& [seed, what] : kept) {
    INFO("it once showed:" << what);
    REQUIRE(seed > 0);
    const LastWords last_words(fmt::format("it died in the world of seed {}\n", seed));
    try {
      RandomWorld world(seed, Transcript::Detail::nothing, 0);
      world.run();
    } catch (const std::exception& failure) {
      FAIL_CHECK(tell_failure(seed, failure.what()));
    }
  }
}

TEST_CASE("a crash or a handover, and a successor within the lease: under healthy targets nobody notices") {
  constexpr std::uint64_t kWorlds = 100;
  for (std::uint64_t seed = 1; seed <= kWorlds; ++seed) {
    INFO("seed " << seed);
    const LastWords last_words(fmt::format("it died in the restarts of seed {}\n", seed));
    const Plan plan = draw_plan(seed);
    World world(seed, {.look_delay = plan.faults.look_delay, .step_delay = plan.faults.step_delay});
    please_all(world, plan.config);
    Duration lease = 20s;  // the shortest
    std::size_t vips = 0, routes = 0;
    for (const ServiceSpec& service : plan.config.services) {
      lease = std::min(lease, service.announce.lease.value_or(lease));
      if (service.announce.manage_vip) vips += service.vips.size();
      if (service.announce.via != Via::loopback) routes += service.vips.size();
    }
    for (int life = 0; life < 4; ++life) {
      world.start(plan.config);
      world.run_until(world.now() + 12s + world.up_to(10s));
      if (life % 2 == 0) {
        world.crash();
        world.run_until(world.now() + world.up_to(lease / 3));
      } else {  // which leaves the whole lease, not a third of it
        world.hand_over();
        world.run_until(world.now() + 1s + world.up_to(lease - 3s));
        CHECK_FALSE(world.runs());
      }
    }
    std::map<std::string, std::uint64_t> counts = world.counts();
    CHECK(counts["additions"] == vips);
    CHECK(counts["route announcements"] == routes);
    CHECK_FALSE(counts.contains("route withdrawals"));
    CHECK_FALSE(counts.contains("policy switches"));
    CHECK_FALSE(counts.contains("removals"));
    CHECK_FALSE(counts.contains("expired leases"));
    CHECK(world.kernel().addresses().size() == vips);
  }
}

}  // namespace herald::sim
