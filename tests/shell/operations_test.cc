#include "sidecar/operations.h"

#include <sys/mount.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/shell/temporary_directory.h"

using namespace herald;
using namespace std::chrono_literals;

namespace {

const std::vector<std::string> kServices{"web", "resolver"};

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
  Operations before(directory.path(), true);
  CHECK(before.start(kServices, at(0s)).words.empty());
  const auto words = before.administer(drain_web(1h), at(10s));
  REQUIRE(words);
  REQUIRE(words->size() == 1);
  CHECK(words->front().service == "web");
  CHECK(words->front().admin == Admin{AdminState::drain, "update", "root", at(10s).core, at(10s).core + 1h});

  const TimePoint boot{5s};
  Operations after(directory.path(), true);
  const auto start = after.start(kServices, at(600s, boot));
  CHECK(start.problem.empty());
  REQUIRE(start.words.size() == 1);
  CHECK(start.words.front().admin.since == boot + 10s);
  CHECK(start.words.front().admin.expires == boot + 10s + 1h);
  CHECK(Operations(directory.path(), true).start(std::vector<std::string>{"other"}, at(20s)).words.empty());

  const auto over = Operations(directory.path(), true).start(kServices, at(2h, boot)).words;
  REQUIRE(over.size() == 1);  // for the core to say so, once
  CHECK(*over.front().admin.expires < at(2h, boot).core);
  CHECK(Operations(directory.path(), true).start(kServices, at(2h, boot)).words.empty());
}

TEST_CASE("operations: an undrain ends drains only, an unforce forces only") {
  TemporaryDirectory directory;
  Operations operations(directory.path(), true);
  (void)operations.start(kServices, at(0s));
  REQUIRE(operations.administer(drain_web(), at(1s)));
  CHECK(operations.administer(undo(AdminState::force), at(2s))->empty());
  CHECK(operations.administer(undo(AdminState::drain), at(3s))->size() == 1);
  CHECK(operations.administer(undo(AdminState::drain), at(4s))->empty());
}

TEST_CASE("operations: drained again, a drain goes on where it is") {
  TemporaryDirectory directory;
  Operations operations(directory.path(), true);
  (void)operations.start(kServices, at(0s));
  REQUIRE(operations.administer(drain_web(), at(1s)));
  CHECK(operations.administer(drain_web(), at(9s))->front().admin.since == at(1s).core);
}

TEST_CASE("operations: what cannot be kept has not happened") {
  TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "file";
  std::ofstream(file) << "x";
  Operations operations(file / "no-directory", true);
  (void)operations.start(kServices, at(0s));
  const auto words = operations.administer(drain_web(), at(1s));
  REQUIRE_FALSE(words);
  CHECK(words.error().find("Not a directory") != std::string::npos);
}

TEST_CASE("operations: a state file that makes no sense drains everything, and stays so until it is undone") {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "state.json") << "{";
  const auto start = Operations(directory.path(), true).start(kServices, at(0s));
  CHECK(start.words.size() == 2);
  CHECK(start.problem.find("all of them are") != std::string::npos);
  Operations again(directory.path(), true);
  CHECK(again.start(kServices, at(60s)).words.size() == 2);
  CHECK(again.administer(undo(AdminState::drain), at(61s))->size() == 1);
  CHECK(Operations(directory.path(), true).start(kServices, at(62s)).words.size() == 1);
}

TEST_CASE("operations: a dry run reads what was said and writes nothing") {
  TemporaryDirectory directory;
  Operations operations(directory.path(), false);
  (void)operations.start(kServices, at(0s));
  CHECK(operations.administer(drain_web(), at(1s))->size() == 1);
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("operations: a dry run leaves a state file that makes no sense for the real heraldd to find") {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "state.json") << "{";
  CHECK(Operations(directory.path(), false).start(kServices, at(0s)).words.size() == 2);
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()),
                      std::filesystem::directory_iterator()) == 1);
  CHECK(Operations(directory.path(), true).start(kServices, at(1s)).words.size() == 2);
}

TEST_CASE("operations: while nothing can be kept, a state file that makes no sense drains at every start") {
  if (::geteuid() != 0) return;
  TemporaryDirectory directory;
  REQUIRE(::mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=16k") == 0);
  std::ofstream(directory.path() / "state.json") << "{";
  std::ofstream(directory.path() / "filler") << std::string(64'000, 'x');
  for (int start = 0; start < 2; ++start) {
    const auto said = Operations(directory.path(), true).start(kServices, at(0s));
    CHECK(said.words.size() == 2);
    CHECK(said.problem.find("No space left") != std::string::npos);
  }
  REQUIRE(::umount(directory.path().c_str()) == 0);
}
