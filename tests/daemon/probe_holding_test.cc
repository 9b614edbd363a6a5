// Which worker keeps the connection to a target, against workers that are the test's own.
#include <catch2/catch.hpp>

#include "tests/daemon/fake_workers.h"
#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"

namespace probe_holding_test {

using namespace herald;
using namespace fixture;

namespace {

constexpr ProbeId kProbe{3};

struct Bench {
  Bench() {
    REQUIRE(run_until(loop, [&] { return spawner.workers.size() == 2; }));
    ProbeSpec spec = tcp(9);
    spec.hold = true;
    runner.put(kProbe, "web/front", spec);
    loop_once();
  }

  void loop_once() { run_for(loop, 10ms); }
  std::vector<work::Hold> holds(std::uint32_t slot) { return spawner.workers.at(slot).ordered<work::Hold>(); }
  void start(std::uint64_t run) {
    runner.start(kProbe, RunId{run});
    loop_once();
  }
  bool hears(std::size_t many) {
    return run_until(loop, [&] { return heard.held.size() >= many; });
  }

  static constexpr std::uint32_t kItsSlot = 1;  // by its id

  TemporaryDirectory directory;
  Heard heard;
  Loop loop;
  FakeSpawner spawner{loop, directory.path() / "spawner"};
  ProbeRunner runner{loop, {.link = {.socket = directory.path() / "spawner"}, .processes = 2}, heard.told()};
};

}  // namespace

TEST_CASE_METHOD(Bench, "holding: the worker that runs a probe is told once, and its word is passed on") {
  CHECK(holds(kItsSlot).empty());
  start(7);
  start(8);
  REQUIRE(holds(kItsSlot).size() == 1);
  CHECK(holds(kItsSlot)[0].probe == kProbe);
  CHECK(holds(kItsSlot)[0].is_wanted);
  CHECK(holds(0).empty());
  spawner.workers.at(kItsSlot).say({work::Held{kProbe, work::HeldChange::ended, "closed\x1b[2J"}});
  REQUIRE(hears(1));
  CHECK(heard.held[0].probe == kProbe);
  CHECK(heard.held[0].change == work::HeldChange::ended);
  CHECK(heard.held[0].text.find('\x1b') == std::string::npos);
}

TEST_CASE_METHOD(Bench,
                 "holding: what another worker says of it is dropped, and of probes that are nobody's") {
  start(7);
  spawner.workers.at(0).say({work::Held{kProbe, work::HeldChange::ended, ""}});
  spawner.workers.at(kItsSlot).say({work::Held{ProbeId{4711}, work::HeldChange::ended, ""}});
  run_for(loop, 50ms);
  CHECK(heard.held.empty());
  CHECK(spawner.killed.empty());
}

TEST_CASE_METHOD(Bench,
                 "holding: where the worker ends it is no end of the target's, and the next one is told") {
  start(7);
  spawner.workers.erase(kItsSlot);
  REQUIRE(hears(1));
  CHECK(heard.held[0].change == work::HeldChange::failed);
  CHECK(heard.held[0].text == "its worker has ended");
  runner.start(kProbe, RunId{8});
  REQUIRE(run_until(loop, [&] { return holds(0).size() == 1; }));
  REQUIRE(run_until(loop, [&] { return spawner.workers.contains(kItsSlot); }));
  loop_once();
  start(9);  // in its own slot again
  REQUIRE(holds(kItsSlot).size() == 1);
  REQUIRE(holds(0).size() == 2);
  CHECK_FALSE(holds(0)[1].is_wanted);
}

TEST_CASE_METHOD(Bench, "holding: a reload begins and ends it, and a probe that is another begins anew") {
  start(7);
  runner.hold(kProbe, true);
  loop_once();
  CHECK(holds(kItsSlot).size() == 1);
  runner.hold(kProbe, false);
  start(8);
  REQUIRE(holds(kItsSlot).size() == 2);
  CHECK_FALSE(holds(kItsSlot)[1].is_wanted);
  runner.hold(kProbe, true);
  start(9);
  CHECK(holds(kItsSlot).size() == 3);
  ProbeSpec other = tcp(10);
  other.hold = true;
  runner.put(kProbe, "web/front", other);
  REQUIRE(heard.held.size() == 1);
  CHECK(heard.held[0].change == work::HeldChange::failed);
  start(10);
  REQUIRE(holds(kItsSlot).size() == 4);
  CHECK(holds(kItsSlot)[3].is_wanted);
}

}  // namespace probe_holding_test
