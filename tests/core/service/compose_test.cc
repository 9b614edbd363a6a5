// The three-valued truth tables of compose(), and what it says to people.
#include "sidecar/core/service/compose.h"

#include <catch2/catch.hpp>
#include <deque>
#include <string>
#include <vector>

namespace herald::compose_test {
namespace {

const ProbeResult kPass{Verdict::pass, Reason::none, "200", {}};
const ProbeResult kWarn{Verdict::warn, Reason::latency, "slow", {}};
const ProbeResult kFail{Verdict::fail, Reason::refused, "Connection refused", {}};
const ProbeResult kTrouble{Verdict::inconclusive, Reason::local, "no descriptors", {}};

// Probes in a given state: 'u' up, 'd' down, '-' unknown, 'w' up and warning.
class Probes {
 public:
  Probes& add(char state, Role role = Role::gate) {
    ProbeSpec& spec = specs_.emplace_back();
    spec.name = std::string(1, static_cast<char>('a' + specs_.size() - 1));
    spec.role = role;
    spec.thresholds = {.rise = 2, .fall = 2};
    HealthTracker& tracker = trackers_.emplace_back(spec.thresholds);
    const ProbeResult* result = state == 'u'   ? &kPass
                                : state == 'w' ? &kWarn
                                : state == 'd' ? &kFail
                                               : nullptr;
    for (int run = 0; run < 2 && result != nullptr; ++run) tracker.record(*result);
    opinions_.push_back({&spec, &tracker, result, result});
    return *this;
  }
  HealthTracker& tracker(std::size_t index) { return trackers_[index]; }
  ProbeOpinion& opinion(std::size_t index) { return opinions_[index]; }
  [[nodiscard]] Composed compose(Require require) const { return herald::compose(require, opinions_); }

 private:
  std::deque<ProbeSpec> specs_;
  std::deque<HealthTracker> trackers_;
  std::vector<ProbeOpinion> opinions_;
};

Health health_of(const std::string& gates, Require require) {
  Probes probes;
  for (const char gate : gates) probes.add(gate);
  return probes.compose(require).health;
}

constexpr Require kAll{};
constexpr Require kAny{Require::Kind::any, 0};
constexpr Require at_least(std::uint32_t count) {
  return {Require::Kind::at_least, count};
}

}  // namespace

TEST_CASE("all, any and at_least over up, down and unknown") {
  constexpr Health kHealthy = Health::healthy, kDown = Health::unhealthy, kUnknown = Health::unknown;
  struct Row {
    const char* gates;
    Health all, any, two;
  };
  const Row rows[] = {
      {"uuu", kHealthy, kHealthy, kHealthy}, {"uud", kDown, kHealthy, kHealthy},
      {"uu-", kUnknown, kHealthy, kHealthy}, {"udd", kDown, kHealthy, kDown},
      {"ud-", kDown, kHealthy, kUnknown},    {"u--", kUnknown, kHealthy, kUnknown},
      {"ddd", kDown, kDown, kDown},          {"dd-", kDown, kUnknown, kDown},
      {"d--", kDown, kUnknown, kUnknown},    {"---", kUnknown, kUnknown, kUnknown},
  };
  for (const Row& row : rows) {
    std::string gates = row.gates;
    std::ranges::sort(gates);
    do {  // the order of the gates does not matter
      INFO(gates);
      CHECK(health_of(gates, kAll) == row.all);
      CHECK(health_of(gates, kAny) == row.any);
      CHECK(health_of(gates, at_least(2)) == row.two);
      CHECK(health_of(gates, at_least(3)) == row.all);
      CHECK(health_of(gates, at_least(1)) == row.any);
    } while (std::ranges::next_permutation(gates).found);
  }
}

TEST_CASE("only gates count; degrade can only degrade, info does nothing") {
  CHECK(Probes().add('u').add('d', Role::degrade).compose(kAll).health == Health::degraded);
  CHECK(Probes().add('u').add('w', Role::degrade).compose(kAll).health == Health::degraded);
  CHECK(Probes().add('u').add('-', Role::degrade).compose(kAll).health == Health::healthy);
  CHECK(Probes().add('u').add('d', Role::info).add('w', Role::info).compose(kAll).health == Health::healthy);
  CHECK(Probes().add('d').add('u', Role::degrade).add('u', Role::info).compose(kAny).health ==
        Health::unhealthy);
  CHECK(Probes().add('-').add('d', Role::degrade).compose(kAll).health == Health::unknown);
}

TEST_CASE("a gate that warns degrades, and one that is down besides does not") {
  CHECK(Probes().add('u').add('w').compose(kAll).health == Health::degraded);
  CHECK(Probes().add('u').add('d').compose(kAny).health == Health::healthy);
  Probes probes;
  probes.add('u').add('w');
  probes.tracker(1).record(kFail);
  probes.tracker(1).record(kFail);
  CHECK(probes.compose(kAny).health == Health::healthy);
}

TEST_CASE("reasons name what people look for") {
  CHECK(Probes().add('u').compose(kAll).reason == "the gate is up");
  CHECK(Probes().add('u').add('u').compose(kAll).reason == "all 2 gates up");
  CHECK(Probes().add('u').add('d').add('-').compose(kAny).reason ==
        "1 of 3 gates up; not: b (refused: Connection refused), c (not known yet)");
  CHECK(Probes().add('u').add('d').compose(kAll).reason ==
        "1 of 2 gates down: b (refused: Connection refused)");
  CHECK(Probes().add('u').add('d', Role::degrade).compose(kAll).reason ==
        "the gate is up; degraded: b (refused: Connection refused) is down");
  CHECK(Probes().add('w').compose(kAll).reason == "the gate is up; degraded: a (latency: slow) warns");
  CHECK(Probes().add('d').add('d').add('d').add('d').compose(kAll).reason ==
        "4 of 4 gates down: a (refused: Connection refused), b (refused: Connection refused), c (refused: "
        "Connection "
        "refused), ...");
}

TEST_CASE("a gate that is down and passes again shows how far it is") {
  Probes probes;
  probes.add('d');
  probes.tracker(0).record(kPass);
  probes.opinion(0).conclusive = &kPass;
  CHECK(probes.compose(kAll).reason == "1 of 1 gates down: a (1 of 2 passes)");
}

TEST_CASE("what is waited for") {
  Probes probes;
  probes.add('-').add('u');
  CHECK(probes.compose(kAll).reason == "waiting for a: no result yet");
  probes.opinion(0).latest = &kTrouble;
  CHECK(probes.compose(kAll).reason == "waiting for a: no descriptors");
  probes.tracker(0).record(kPass);
  CHECK(probes.compose(kAll).reason == "waiting for a: 1 of 2 passes");
  probes.tracker(0).record(kFail);
  probes.opinion(0).conclusive = &kFail;
  CHECK(probes.compose(kAll).reason == "waiting for a: 1 of 2 failures (Connection refused)");
}

TEST_CASE("unknown is as silent as the gate that has told nothing the longest") {
  constexpr TimePoint kLast{std::chrono::hours(1)};
  Probes probes;
  probes.add('-').add('-').add('u').add('-', Role::degrade);
  for (const std::size_t index : {0, 1, 2, 3})
    probes.opinion(index).silent_since = kLast - std::chrono::seconds(index);
  CHECK(probes.compose(kAll).silent_since ==
        kLast - std::chrono::seconds(1));  // not those that are known, nor degraders
  CHECK_FALSE(Probes().add('u').compose(kAll).silent_since);
  CHECK_FALSE(Probes().add('d').add('-').compose(kAll).silent_since);  // down, whatever the other says
}

TEST_CASE("unknown is conclusive once every gate that is not known has a result that counts") {
  Probes probes;
  probes.add('-').add('-').add('-', Role::degrade);
  CHECK_FALSE(probes.compose(kAll).conclusive);
  probes.tracker(0).record(kFail);
  CHECK_FALSE(probes.compose(kAll).conclusive);
  probes.tracker(1).record(kPass);
  CHECK(probes.compose(kAll).conclusive);
  CHECK_FALSE(Probes().add('u').compose(kAll).conclusive);  // said of unknown health alone
}

TEST_CASE("healthy waits for what may degrade it and is not known, and nothing else does") {
  CHECK(Probes().add('u').add('u', Role::degrade).add('-', Role::degrade).compose(kAll).waits_for == "c");
  CHECK_FALSE(Probes().add('u').add('u', Role::degrade).compose(kAll).waits_for);
  CHECK_FALSE(Probes().add('u').add('-', Role::info).compose(kAll).waits_for);
  CHECK_FALSE(Probes().add('u').add('-').compose(kAny).waits_for);
  CHECK_FALSE(Probes().add('d').add('-', Role::degrade).compose(kAll).waits_for);
  CHECK_FALSE(Probes().add('w').add('-', Role::degrade).compose(kAll).waits_for);  // degraded already
}

}  // namespace herald::compose_test
