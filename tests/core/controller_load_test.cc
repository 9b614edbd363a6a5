// Thousands of probes: spread evenly, all of them run, and bounded.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <queue>

#include "tests/core/controller_bench.h"

namespace herald::controller_load_test {
namespace {

Config many_probes(int services, int probes) {
  Config config;
  for (int service = 0; service < services; ++service) {
    ServiceSpec spec;
    spec.name = fmt::format("service-{}", service);
    spec.vips = {{fmt::format("10.{}.{}.1/32", service / 256, service % 256)}};
    for (int probe = 0; probe < probes; ++probe) {
      spec.probes.push_back(probe_spec(fmt::format("probe-{}", probe)));
      spec.probes.back().timing.jitter = 0.05;
    }
    config.services.push_back(std::move(spec));
  }
  return config;
}

// Runs a controller whose attempts all pass after `takes`, and notes when each began.
struct Load {
  ControllerBench bench;
  Duration takes;
  std::queue<std::pair<TimePoint, RunId>> answers;
  std::vector<TimePoint> starts;
  std::size_t most_running = 0;

  Load(Config config, Duration takes_each) : bench(std::move(config)), takes(takes_each) {}

  void run(Duration duration) {
    const TimePoint end = bench.now + duration;
    for (;;) {
      TimePoint next = std::max(bench.now, bench.controller.next_wakeup());
      if (!answers.empty()) next = std::min(next, answers.front().first);
      if (next > end) break;
      bench.now = next;
      while (!answers.empty() && answers.front().first <= next) {
        bench.controller.handle(
            event::ProbeFinished{answers.front().second, {Verdict::pass, Reason::none, "", takes}}, next);
        answers.pop();
      }
      for (const auto& start : of_kind<effect::StartProbe>(bench.turn())) {
        starts.push_back(next);
        answers.emplace(next + takes, start.run);
      }
      most_running = std::max(most_running, answers.size());
    }
    bench.now = end;
  }
};

}  // namespace

TEST_CASE("5,000 probes for a virtual minute: every due attempt runs, evenly spread") {
  constexpr int kProbes = 5000;
  Load load(many_probes(100, 50), 2ms);
  load.run(3s);  // until all are up
  CHECK(load.bench.kernel.size() == 100);
  load.starts.clear();
  load.run(60s);
  CHECK(load.starts.size() >= kProbes * 60 * 99 / 100);
  CHECK(load.starts.size() <= kProbes * 60 * 101 / 100);
  std::vector<int> bins(100);  // of 10 ms, over one second
  const TimePoint from = kStart + 30s;
  for (const TimePoint start : load.starts) {
    if (start >= from && start < from + 1s) ++bins[static_cast<std::size_t>((start - from) / 10ms)];
  }
  CHECK(*std::ranges::min_element(bins) >= 20);
  CHECK(*std::ranges::max_element(bins) <= 85);
  CHECK(load.most_running <= 100);
}

TEST_CASE("attempts in flight are bounded; those beyond wait for a place") {
  constexpr std::size_t kMost = 16384;
  Config config = many_probes(170, 100);
  for (ServiceSpec& service : config.services) {
    for (ProbeSpec& probe : service.probes) probe.timing.timeout = 1s;
  }
  Load load(std::move(config), 990ms);
  load.run(3s);
  CHECK(load.most_running == kMost);
  CHECK(load.starts.size() > 2 * kMost);
}

}  // namespace herald::controller_load_test
