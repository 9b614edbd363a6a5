#include "sidecar/state/operations.h"

#include <sys/mount.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/os/temporary_directory.h"

using namespace herald;
using namespace std::chrono_literals;

namespace {

const std::vector<std::string> kServices{"web", "resolver"};

Operations kept_in(const std::filesystem::path& state_dir) {
  return Operations(std::make_unique<StateFile>(state_dir));
}

Operations untouched_in(const std::filesystem::path& state_dir) {
  return Operations(std::make_unique<UntouchedStateFile>(state_dir));
}

// So many seconds after a fixed moment, on both clocks; a reboot starts the core's anew.
ClockPair at(std::chrono::seconds seconds, TimePoint boot = TimePoint{1000s}) {
  return {boot + seconds, WallClock::time_point{1795428180s} + seconds};
}

AdminRequest drain_web(std::optional<Duration> lasts = std::nullopt) {
  return {AdminState::drain, AdminState::automatic, {"web"}, "update", "root", lasts};
}

AdminRequest undo(AdminState undoes) {
  return {AdminState::automatic, undoes, {"web"}, "", "root", std::nullopt};
}

}  // namespace

TEST_CASE("operations: a drain survives a reboot, with when it began and when it ends") {
  TemporaryDirectory directory;
  Operations before = kept_in(directory.path());
  CHECK(before.start(kServices, at(0s)).words.empty());
  const auto words = before.administer(drain_web(1h), at(10s));
  REQUIRE(words);
  REQUIRE(words->size() == 1);
  CHECK(words->front().service == "web");
  CHECK(words->front().admin == Admin{AdminState::drain, "update", "root", at(10s).core, at(10s).core + 1h});

  const TimePoint boot{5s};
  Operations after = kept_in(directory.path());
  const auto start = after.start(kServices, at(600s, boot));
  CHECK_FALSE(start.problem);
  REQUIRE(start.words.size() == 1);
  CHECK(start.words.front().admin.since == boot + 10s);
  CHECK(start.words.front().admin.expires == boot + 10s + 1h);
  CHECK(kept_in(directory.path()).start(std::vector<std::string>{"other"}, at(20s)).words.empty());

  const auto over = kept_in(directory.path()).start(kServices, at(2h, boot)).words;
  REQUIRE(over.size() == 1);  // for the core to say so, once
  CHECK(*over.front().admin.expires < at(2h, boot).core);
  CHECK(kept_in(directory.path()).start(kServices, at(2h, boot)).words.empty());
}

TEST_CASE("operations: an undrain ends drains only, an unforce forces only") {
  TemporaryDirectory directory;
  Operations operations = kept_in(directory.path());
  (void)operations.start(kServices, at(0s));
  REQUIRE(operations.administer(drain_web(), at(1s)));
  CHECK(operations.administer(undo(AdminState::force), at(2s))->empty());
  CHECK(operations.administer(undo(AdminState::drain), at(3s))->size() == 1);
  CHECK(operations.administer(undo(AdminState::drain), at(4s))->empty());
}

TEST_CASE("operations: drained again, a drain goes on where it is") {
  TemporaryDirectory directory;
  Operations operations = kept_in(directory.path());
  (void)operations.start(kServices, at(0s));
  REQUIRE(operations.administer(drain_web(), at(1s)));
  CHECK(operations.administer(drain_web(), at(9s))->front().admin.since == at(1s).core);
}

TEST_CASE("operations: what cannot be kept has not happened") {
  TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "file";
  std::ofstream(file) << "x";
  Operations operations = kept_in(file / "no-directory");
  (void)operations.start(kServices, at(0s));
  const auto words = operations.administer(drain_web(), at(1s));
  REQUIRE_FALSE(words);
  CHECK(words.error().find("Not a directory") != std::string::npos);
}

TEST_CASE("operations: a state file that makes no sense drains everything, and stays so until it is undone") {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "state.json") << "{";
  const auto start = kept_in(directory.path()).start(kServices, at(0s));
  CHECK(start.words.size() == 2);
  CHECK(start.problem.value_or("").contains("all of them are"));
  Operations again = kept_in(directory.path());
  CHECK(again.start(kServices, at(60s)).words.size() == 2);
  CHECK(again.administer(undo(AdminState::drain), at(61s))->size() == 1);
  CHECK(kept_in(directory.path()).start(kServices, at(62s)).words.size() == 1);
}

TEST_CASE("operations: a dry run reads what was said and writes nothing") {
  TemporaryDirectory directory;
  Operations operations = untouched_in(directory.path());
  (void)operations.start(kServices, at(0s));
  CHECK(operations.administer(drain_web(), at(1s))->size() == 1);
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("operations: a dry run leaves a state file that makes no sense for the real heraldd to find") {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "state.json") << "{";
  const auto start = untouched_in(directory.path()).start(kServices, at(0s));
  CHECK(start.words.size() == 2);
  CHECK(start.problem.value_or("").ends_with("; it stays as it is"));
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()),
                      std::filesystem::directory_iterator()) == 1);
  CHECK(kept_in(directory.path()).start(kServices, at(1s)).words.size() == 2);
}

TEST_CASE("operations: while nothing can be kept, a state file that makes no sense drains at every start") {
  if (::geteuid() != 0) return;
  TemporaryDirectory directory;
  REQUIRE(::mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=16k") == 0);
  std::ofstream(directory.path() / "state.json") << "{";
  std::ofstream(directory.path() / "filler") << std::string(64'000, 'x');
  for (int start = 0; start < 2; ++start) {
    const auto said = kept_in(directory.path()).start(kServices, at(0s));
    CHECK(said.words.size() == 2);
    CHECK(said.problem.value_or("").contains("No space left"));
  }
  REQUIRE(::umount(directory.path().c_str()) == 0);
}

namespace {

effect::Remember withdrawal(TimePoint at, double penalty = 2600) {
  return {"web", {at, penalty, true}};
}

}  // namespace

TEST_CASE("operations: penalties are told to the next start by the wall clock") {
  TemporaryDirectory directory;
  Operations before = kept_in(directory.path());
  (void)before.start(kServices, at(0s));
  CHECK_FALSE(before.flush(at(0s)));
  CHECK(std::filesystem::is_empty(directory.path()));
  before.remember(withdrawal(at(10s).core), at(11s));
  CHECK(before.has_unkept());
  CHECK_FALSE(before.flush(at(11s)));
  CHECK_FALSE(before.has_unkept());

  const TimePoint boot{5s};
  Operations after = kept_in(directory.path());
  const auto recalls = after.start(kServices, at(600s, boot)).recalls;
  REQUIRE(recalls.size() == 1);
  CHECK(recalls.front().service == "web");
  CHECK(recalls.front().flaps == Flaps{boot + 10s, 2600, true});
  // A drain is kept with them, and not instead of them.
  REQUIRE(after.administer(drain_web(), at(601s, boot)));
  CHECK(kept_in(directory.path()).start(kServices, at(602s)).recalls.size() == 1);
}

TEST_CASE("operations: clearing is kept before it is told, and hold_down still knows of the withdrawal") {
  TemporaryDirectory directory;
  Operations operations = kept_in(directory.path());
  (void)operations.start(kServices, at(0s));
  operations.remember(withdrawal(at(1s).core), at(1s));
  const auto words = operations.clear_damping(kServices, "root");
  REQUIRE(words);
  REQUIRE(words->size() == 2);
  CHECK(words->front().who == "root");
  const auto recalls = kept_in(directory.path()).start(kServices, at(2s)).recalls;
  REQUIRE(recalls.size() == 1);
  CHECK(recalls.front().flaps == Flaps{at(1s).core, 0, false});

  std::ofstream(directory.path() / "file") << "x";
  Operations nowhere = kept_in(directory.path() / "file" / "no-directory");
  CHECK_FALSE(nowhere.clear_damping(kServices, "root"));
}

TEST_CASE("operations: what cannot be flushed is said once, and kept when it can be") {
  TemporaryDirectory directory;
  const std::filesystem::path place = directory.path() / "state";
  std::ofstream(place) << "x";
  Operations operations = kept_in(place);
  operations.remember(withdrawal(at(1s).core), at(1s));
  CHECK(operations.flush(at(1s)).value_or("").starts_with("penalties cannot be kept"));
  CHECK(operations.has_unkept());
  CHECK_FALSE(operations.flush(at(2s)));
  std::filesystem::remove(place);
  CHECK(operations.flush(at(3s)) == "penalties are kept again");
  // After a week they are of no more use.
  operations.remember(withdrawal(at(4s).core), at(4s));
  CHECK_FALSE(operations.flush(at(4s + 24h * 8)));
  CHECK(kept_in(place).start(kServices, at(5s)).recalls.empty());
}
