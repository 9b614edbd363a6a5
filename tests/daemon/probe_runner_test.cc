// Against a spawner of the test's own, whose workers say what the test wants; workers_test.cc has the real one.
#include "sidecar/daemon/probe_runner.h"

#include <catch2/catch.hpp>

#include "tests/daemon/fake_workers.h"
#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"
#include "tests/work/packets.h"

namespace probe_runner_test {

using namespace herald;
using namespace fixture;

namespace {

constexpr ProbeId kProbe{3};

struct Bench {
  Bench() {
    REQUIRE(run_until(loop, [&] { return spawner.workers.size() == 2; }));
    runner.put(kProbe, "web/front", tcp(9));
    loop_once();
  }

  void loop_once() { run_for(loop, 5ms); }
  // The worker that was ordered to start it.
  FakeWorker& worker_of(RunId run) {
    FakeWorker* found = nullptr;
    REQUIRE(run_until(loop, [&] {
      for (auto& [slot, worker] : spawner.workers) {
        for (const work::Start& start : worker.ordered<work::Start>()) {
          if (start.run == run) found = &worker;
        }
      }
      return found != nullptr;
    }));
    return *found;
  }
  // It is gone, as the kernel tells it.
  void end(FakeWorker& worker) {
    const auto slot =
        std::ranges::find_if(spawner.workers, [&](auto& one) { return &one.second == &worker; })->first;
    spawner.workers.erase(slot);
  }

  TemporaryDirectory directory;
  Heard heard;
  Loop loop;
  FakeSpawner spawner{loop, directory.path() / "spawner"};
  ProbeRunner runner{loop, {.link = {.socket = directory.path() / "spawner"}, .processes = 2}, heard.told()};
};

const ProbeResult kPass{Verdict::pass, Reason::none, "connected", 1ms};
const Ran kRan{TimePoint{1s}, TimePoint{2s}, 3ms};

}  // namespace

TEST_CASE_METHOD(Bench,
                 "probe runner: an attempt is ordered once its probe is known, and its result is told once") {
  runner.start(kProbe, RunId{7});
  FakeWorker& worker = worker_of(RunId{7});
  REQUIRE(worker.orders.all().size() == 2);
  CHECK(std::get<work::Put>(worker.orders.all()[0]).spec.settings == tcp(9).settings);
  CHECK(heard.finished.empty());
  worker.say({work::Finished{RunId{7}, kPass, kRan}, work::Finished{RunId{7}, kPass, kRan}});
  REQUIRE(run_until(loop, [&] { return !heard.finished.empty(); }));
  loop_once();
  REQUIRE(heard.finished.size() == 1);
  CHECK(heard.finished[0].run == RunId{7});
  CHECK(heard.finished[0].result == kPass);
  CHECK(heard.finished[0].ran == kRan);
  runner.start(kProbe, RunId{8});
  CHECK(worker_of(RunId{8}).ordered<work::Put>().size() == 1);
}

TEST_CASE_METHOD(Bench, "probe runner: a cancelled attempt is told of by the word of its worker") {
  runner.start(kProbe, RunId{7});
  FakeWorker& worker = worker_of(RunId{7});
  runner.cancel(RunId{7});
  REQUIRE(run_until(loop, [&] { return worker.ordered<work::Cancel>().size() == 1; }));
  SECTION("what it was waiting for") {
    worker.say({work::Cancelled{RunId{7}, "connecting\x1b[2J", kRan}});
    REQUIRE(run_until(loop, [&] { return !heard.cancelled.empty(); }));
    CHECK(heard.cancelled[0].run == RunId{7});
    CHECK(heard.cancelled[0].stage == "connecting\\x1b[2J");
    CHECK(heard.cancelled[0].ran == kRan);
  }
  SECTION("it had just ended") {
    worker.say({work::Finished{RunId{7}, kPass, kRan}, work::Cancelled{RunId{7}, "", kRan}});
    REQUIRE(run_until(loop, [&] { return !heard.finished.empty(); }));
    CHECK(heard.finished[0].run == RunId{7});
    CHECK(heard.finished[0].ran == kRan);
  }
  runner.cancel(RunId{99});  // which is over, or never was
  loop_once();
  CHECK(heard.cancelled.size() + heard.finished.size() == 1);  // told once
}

TEST_CASE_METHOD(Bench, "probe runner: of runs that are not its own a worker may say what it likes") {
  runner.start(kProbe, RunId{7});
  FakeWorker& worker = worker_of(RunId{7});
  FakeWorker& other = &worker == &spawner.workers[0] ? spawner.workers[1] : spawner.workers[0];
  other.say(
      {work::Finished{RunId{7}, kPass, kRan}, work::Cancelled{RunId{7}, "", kRan}, work::Tried{1, "no"}});
  worker.say({work::Finished{RunId{8}, kPass, kRan}, work::Cancelled{RunId{7}, "", kRan}});
  loop_once();
  loop_once();
  CHECK(heard.finished.empty());
  CHECK(heard.cancelled.empty());
}

TEST_CASE_METHOD(Bench, "probe runner: a worker that says what is no message is ended, and another comes") {
  work::send_packet(spawner.workers[0].socket, "\x7f");
  REQUIRE(run_until(loop, [&] { return spawner.spawned.size() == 3; }));
  CHECK(spawner.killed == std::vector<std::uint32_t>{0});
  CHECK(spawner.spawned.back() == 0);
}

TEST_CASE_METHOD(Bench, "probe runner: a worker of another network namespace is not used") {
  spawner.workers[0].say({work::Hello{1, HERALD_VERSION}});
  spawner.workers[1].say({work::Hello{1, HERALD_VERSION}});
  REQUIRE(run_until(loop, [&] { return heard.has_notice("another network namespace"); }));
  loop_once();
  runner.start(kProbe, RunId{7});
  REQUIRE(heard.finished.size() == 1);
  CHECK(heard.finished[0].result.verdict == Verdict::inconclusive);
}

TEST_CASE_METHOD(Bench, "probe runner: a worker of another version is replaced by one that is installed") {
  spawner.workers[0].say({work::Hello{0, "0.0.9"}});
  spawner.workers[1].say({work::Hello{0, "0.0.9"}});
  REQUIRE(run_until(loop, [&] { return spawner.installed.size() == 2; }));
  loop_once();
  spawner.workers[0].say({work::Hello{0, HERALD_VERSION}});
  spawner.workers[1].say({work::Hello{0, HERALD_VERSION}});
  runner.start(kProbe, RunId{7});
  worker_of(RunId{7}).say({work::Finished{RunId{7}, kPass, kRan}});
  REQUIRE(run_until(loop, [&] { return heard.finished.size() == 1; }));
  CHECK(heard.finished[0].result == kPass);
  CHECK(heard.notices.empty());
  CHECK(spawner.killed == std::vector<std::uint32_t>{0, 1});
  // Another spawner is asked for its own again.
  spawner.hang_up();
  REQUIRE(run_until(loop, [&] { return spawner.spawned.size() == 6; }));
  CHECK(spawner.installed.size() == 2);
}

TEST_CASE_METHOD(Bench, "probe runner: where what is installed is of another version, too, it is said") {
  for (const std::size_t installed : {0U, 2U}) {
    REQUIRE(run_until(loop, [&] { return spawner.spawned.size() == installed + 2; }));
    loop_once();
    for (auto& [slot, worker] : spawner.workers) worker.say({work::Hello{0, "9.0"}});
  }
  REQUIRE(run_until(loop, [&] { return heard.has_notice("it is of version 9.0, and heraldd is of "); }));
  loop_once();
  runner.start(kProbe, RunId{7});
  REQUIRE(heard.finished.size() == 1);
  CHECK(heard.finished[0].result.verdict == Verdict::inconclusive);
}

TEST_CASE_METHOD(Bench, "probe runner: a check goes on with a worker of heraldd's version") {
  std::optional<std::vector<std::string>> problems;
  Config config;
  config.services.emplace_back().probes = {tcp(9)};
  runner.check(config, [&](std::vector<std::string> found, const std::string& untried) {
    problems = std::move(found);
    if (!untried.empty()) problems->push_back(untried);
  });
  spawner.workers[0].say({work::Hello{0, "0.0.9"}});
  spawner.workers[1].say({work::Hello{0, "0.0.9"}});
  REQUIRE(run_until(loop, [&] { return spawner.installed.size() == 2; }));
  loop_once();
  CHECK(!problems);
  const auto tries = [&] {
    std::vector<work::Try> all;
    for (auto& [slot, worker] : spawner.workers) {
      for (const work::Try& one : worker.ordered<work::Try>()) all.push_back(one);
    }
    return all;
  };
  REQUIRE(run_until(loop, [&] { return tries().size() == 1; }));
  const std::uint64_t ticket = tries()[0].ticket;
  for (auto& [slot, worker] : spawner.workers)
    worker.say({work::Hello{0, HERALD_VERSION}, work::Tried{ticket, "no such file"}});
  REQUIRE(run_until(loop, [&] { return problems.has_value(); }));
  REQUIRE(problems->size() == 1);
  CHECK(problems->front().ends_with("no such file"));
}

TEST_CASE_METHOD(
    Bench, "probe runner: what a worker was at when it ended gets the blame, and all else begins again") {
  runner.put(ProbeId{5}, "dns/query", tcp(10));
  runner.start(kProbe, RunId{7});
  runner.start(ProbeId{5}, RunId{8});  // in the same slot
  FakeWorker& worker = worker_of(RunId{8});
  REQUIRE(&worker == &worker_of(RunId{7}));
  SECTION("it crashed") {
    worker.is_at(RunId{7});
    end(worker);
    REQUIRE(run_until(loop, [&] { return !heard.finished.empty(); }));
    CHECK(heard.finished[0].result.verdict == Verdict::inconclusive);
    CHECK(heard.finished[0].result.detail == "its worker ended while it was at this attempt");
    CHECK(heard.has_notice("web/front: it ended its worker"));
  }
  SECTION("it cost too much") {
    worker.is_at(RunId{7}, true);
    end(worker);
    REQUIRE(run_until(loop, [&] { return !heard.finished.empty(); }));
    CHECK(heard.finished[0].result.verdict == Verdict::fail);
    CHECK(heard.finished[0].result.reason == Reason::cost);
    CHECK(heard.has_notice("web/front: its target's answer costs too much CPU time"));
  }
  CHECK(heard.finished[0].run == RunId{7});
  FakeWorker& next = worker_of(RunId{8});
  next.say({work::Finished{RunId{8}, kPass, kRan}});
  REQUIRE(run_until(loop, [&] { return heard.finished.size() == 2; }));
  CHECK(heard.finished[1].result == kPass);

  // The one that is to blame runs apart, in the last slot, once there is a worker there.
  REQUIRE(run_until(loop, [&] { return spawner.workers.contains(2); }));
  loop_once();
  runner.start(kProbe, RunId{9});
  CHECK(&worker_of(RunId{9}) == &spawner.workers[2]);
  runner.start(ProbeId{5}, RunId{10});
  CHECK(&worker_of(RunId{10}) != &spawner.workers[2]);
}

TEST_CASE_METHOD(Bench, "probe runner: whose target costs too much runs apart from then on") {
  runner.start(kProbe, RunId{7});
  const ProbeResult cost{Verdict::fail, Reason::cost, "too much", 1s};
  worker_of(RunId{7}).say({work::Finished{RunId{7}, cost, kRan}});
  REQUIRE(run_until(loop, [&] { return heard.finished.size() == 1; }));
  CHECK(heard.finished[0].result == cost);
  CHECK(heard.has_notice("web/front: its target's answer costs too much CPU time"));
  REQUIRE(run_until(loop, [&] { return spawner.workers.contains(2); }));
  loop_once();
  runner.start(kProbe, RunId{8});
  CHECK(&worker_of(RunId{8}) == &spawner.workers[2]);
}

TEST_CASE_METHOD(Bench, "probe runner: what has been begun twice and lost is inconclusive") {
  runner.start(kProbe, RunId{7});
  end(worker_of(RunId{7}));
  FakeWorker& again = worker_of(RunId{7});
  end(again);
  REQUIRE(run_until(loop, [&] { return !heard.finished.empty(); }));
  CHECK(heard.finished[0].run == RunId{7});
  CHECK(heard.finished[0].result.verdict == Verdict::inconclusive);
}

TEST_CASE_METHOD(Bench, "probe runner: a worker that leaves a cancellation unanswered is ended") {
  runner.start(kProbe, RunId{7});
  FakeWorker& worker = worker_of(RunId{7});
  worker.is_at(RunId{7});
  runner.cancel(RunId{7});
  const TimePoint before = Loop::clock();
  REQUIRE(run_until(loop, [&] { return !heard.cancelled.empty(); }));
  CHECK(Loop::clock() - before >= 1s);
  CHECK(heard.cancelled[0].ran == Ran{});  // which is no time at all
  CHECK(spawner.killed.size() == 1);
  CHECK(heard.has_notice("web/front: it ended its worker"));
}

TEST_CASE_METHOD(Bench, "probe runner: what a worker was at beyond its deadline gets the blame, too") {
  runner.start(kProbe, RunId{7});
  FakeWorker& worker = worker_of(RunId{7});
  worker.is_at(RunId{7}, true);
  runner.cancel(RunId{7});
  SECTION("the probe is the same") {
    end(worker);
    REQUIRE(run_until(loop, [&] { return !heard.cancelled.empty(); }));
    CHECK(heard.has_notice("web/front: its target's answer costs too much CPU time"));
    REQUIRE(run_until(loop, [&] { return spawner.workers.contains(2); }));
  }
  SECTION("it is another by now") {
    runner.put(kProbe, "web/front", tcp(11));
    end(worker);
    REQUIRE(run_until(loop, [&] { return !heard.cancelled.empty(); }));
    CHECK(heard.notices.empty());
  }
}

TEST_CASE_METHOD(Bench, "probe runner: what is in flight of a probe that is another now ends untold") {
  runner.start(kProbe, RunId{7});
  FakeWorker& worker = worker_of(RunId{7});
  runner.put(kProbe, "web/front", tcp(11));
  REQUIRE(run_until(loop, [&] { return worker.ordered<work::Put>().size() == 2; }));
  CHECK(worker.ordered<work::Put>()[1].spec.settings == tcp(11).settings);
  worker.say({work::Finished{RunId{7}, kPass, kRan}});
  loop_once();
  CHECK(heard.finished.empty());
}

TEST_CASE_METHOD(Bench, "probe runner: what a worker was to try when it ended is tried elsewhere, once") {
  Config config;
  config.services.emplace_back().name = "web";
  config.services.back().probes = {tcp(9), tcp(10)};
  std::optional<std::vector<std::string>> problems;
  runner.check(config, [&](std::vector<std::string> found, const std::string& untried) {
    problems = std::move(found);
    if (!untried.empty()) problems->push_back(untried);
  });
  const auto trier = [&]() -> FakeWorker& {
    FakeWorker* found = nullptr;
    REQUIRE(run_until(loop, [&] {
      for (auto& [slot, worker] : spawner.workers) {
        if (!worker.ordered<work::Try>().empty()) found = &worker;
      }
      return found != nullptr;
    }));
    return *found;
  };
  FakeWorker& first = trier();
  first.say({work::Tried{first.ordered<work::Try>()[0].ticket, "no such file"}});
  loop_once();
  end(first);
  FakeWorker& second = trier();
  const auto asked = second.ordered<work::Try>();
  REQUIRE(asked.size() == 1);  // what was tried already is not tried again
  SECTION("and made") {
    second.say({work::Tried{asked[0].ticket, std::nullopt}});
    REQUIRE(run_until(loop, [&] { return problems.has_value(); }));
    CHECK(*problems == std::vector<std::string>{"probe web/port: no such file"});
  }
  SECTION("and ends that one, too") {
    end(second);
    REQUIRE(run_until(loop, [&] { return problems.has_value(); }));
    REQUIRE(problems->size() == 2);
    CHECK(problems->back().starts_with("the probes cannot be tried: "));
  }
}

TEST_CASE_METHOD(Bench,
                 "probe runner: without a spawner every attempt is inconclusive at once, and it comes back") {
  spawner.hang_up();
  REQUIRE(run_until(loop, [&] { return heard.has_notice("is gone"); }));
  runner.start(kProbe, RunId{7});
  REQUIRE(heard.finished.size() == 1);
  CHECK(heard.finished[0].result.verdict == Verdict::inconclusive);
  REQUIRE(run_until(loop, [&] { return spawner.spawned.size() == 4; }));
  loop_once();
  runner.start(kProbe, RunId{8});
  worker_of(RunId{8});
}

TEST_CASE_METHOD(Bench, "probe runner: a slot that waits long does not keep another waiting") {
  end(spawner.workers[0]);
  loop_once();
  spawner.workers[1].say({work::Hello{1, HERALD_VERSION}});  // of another namespace: the next one in 5 s
  REQUIRE(run_until(loop, [&] { return spawner.spawned.size() == 3; }, 3s));
  CHECK(spawner.spawned.back() == 0);
}

TEST_CASE_METHOD(Bench, "probe runner: a spawner that is silent is given up, and another asked") {
  spawner.is_silent = true;
  end(spawner.workers[0]);
  REQUIRE(run_until(loop, [&] { return spawner.spawned.size() == 3; }));
  spawner.is_silent = false;
  REQUIRE(run_until(loop, [&] { return heard.has_notice("is silent"); }));
  REQUIRE(run_until(loop, [&] { return spawner.spawned.size() == 5; }));
  loop_once();
  runner.start(kProbe, RunId{7});
  worker_of(RunId{7});
}

}  // namespace probe_runner_test
