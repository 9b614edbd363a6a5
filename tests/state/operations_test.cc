#include "sidecar/state/operations.h"

#include <sys/mount.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"
#include "tests/state/direct_writer.h"

namespace operations_test {

using namespace herald;
using namespace std::chrono_literals;

namespace {

const std::vector<std::string> kServices{"web", "resolver"};

// Operations on the files of a directory, whose answers are there at once.
struct KeptIn {
  explicit KeptIn(const std::filesystem::path& state_dir, Writer& asked)
      : operations(StateFile(state_dir), asked, [this](const std::string& text) { said.push_back(text); }) {}
  explicit KeptIn(const std::filesystem::path& state_dir) : KeptIn(state_dir, direct) {}

  Operations::Start start(std::span<const std::string> services, const ClockPair& clocks) {
    Operations::Start begun = operations.start(services, clocks);
    operations.flush(clocks);  // as at the end of the first turn
    return begun;
  }
  std::expected<std::vector<event::Administer>, std::string> administer(const AdminRequest& request,
                                                                        const ClockPair& clocks) {
    std::expected<std::vector<event::Administer>, std::string> answer = std::unexpected("no answer");
    operations.administer(request, clocks, [&](auto words) { answer = std::move(words); });
    return answer;
  }
  std::expected<std::vector<event::ClearDamping>, std::string> clear_damping(
      const std::vector<std::string>& services, const std::string& who) {
    std::expected<std::vector<event::ClearDamping>, std::string> answer = std::unexpected("no answer");
    operations.clear_damping(services, who, [&](auto words) { answer = std::move(words); });
    return answer;
  }
  // What it says.
  std::string flush(const ClockPair& clocks) {
    said.clear();
    operations.flush(clocks);
    return said.empty() ? "" : said.back();
  }

  fixture::DirectWriter direct;
  std::vector<std::string> said;
  Operations operations;
};

// So many seconds after a fixed moment, on both clocks; a reboot starts the core's anew.
ClockPair at(std::chrono::seconds seconds, TimePoint boot = TimePoint{1000s}) {
  return {boot + seconds, WallClock::time_point{1795428180s} + seconds};
}

// The same with the clock of a boot, and with a wall clock that was stepped so far.
ClockPair booted(std::chrono::seconds seconds, std::chrono::seconds stepped,
                 const std::string& boot_id = "b1") {
  ClockPair clocks = at(seconds);
  clocks.wall += stepped;
  clocks.boot = BootMoment{boot_id, clocks.core.time_since_epoch() + 50s};
  return clocks;
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
  KeptIn before(directory.path());
  CHECK(before.start(kServices, at(0s)).words.empty());
  const auto words = before.administer(drain_web(1h), at(10s));
  REQUIRE(words);
  REQUIRE(words->size() == 1);
  CHECK(words->front().service == "web");
  CHECK(words->front().admin == Admin{AdminState::drain, "update", "root", at(10s).core, at(10s).core + 1h});

  const TimePoint boot{5s};
  KeptIn after(directory.path());
  const auto start = after.start(kServices, at(600s, boot));
  CHECK_FALSE(start.problem);
  REQUIRE(start.words.size() == 1);
  CHECK(start.words.front().admin.since == boot + 10s);
  CHECK(start.words.front().admin.expires == boot + 10s + 1h);
  CHECK(KeptIn(directory.path()).start(std::vector<std::string>{"other"}, at(20s)).words.empty());

  const auto over = KeptIn(directory.path()).start(kServices, at(2h, boot)).words;
  REQUIRE(over.size() == 1);  // for the core to say so, once
  CHECK(*over.front().admin.expires < at(2h, boot).core);
  CHECK(KeptIn(directory.path()).start(kServices, at(2h, boot)).words.empty());
}

TEST_CASE(
    "operations: a wall clock that jumps moves no drain's end, in this run and in the next one of the boot") {
  for (const std::chrono::seconds step : {std::chrono::seconds(2h), std::chrono::seconds(-2h)}) {
    CAPTURE(step.count());
    TemporaryDirectory directory;
    KeptIn before(directory.path());
    (void)before.start(kServices, booted(0s, 0s));
    REQUIRE(before.administer(drain_web(1h), booted(10s, 0s)));
    AdminRequest other = drain_web();
    other.services = {"resolver"};
    REQUIRE(before.administer(other, booted(20s, step)));
    const auto standing =
        before.operations.standing(std::vector<std::string>{"web"}, booted(30s, step)).words;
    REQUIRE(standing.size() == 1);
    CHECK(standing.front().admin.expires == at(10s).core + 1h);

    KeptIn after(directory.path());
    const auto words = after.start(kServices, booted(40s, step)).words;
    REQUIRE(words.size() == 2);
    CHECK(words.back().service == "web");
    CHECK(words.back().admin.expires == at(10s).core + 1h);
    CHECK(words.back().admin.since <= booted(40s, step).core);
    REQUIRE(after.administer(undo(AdminState::drain), booted(50s, step)));
    CHECK(KeptIn(directory.path()).start(kServices, booted(60s, step)).words.size() == 1);
  }
}

TEST_CASE(
    "operations: over a reboot the wall clock says when a drain ends, and where no boot is known, too") {
  for (const bool is_known : {true, false}) {
    TemporaryDirectory directory;
    KeptIn before(directory.path());
    ClockPair clocks = booted(0s, 0s);
    if (!is_known) clocks.boot.reset();
    (void)before.start(kServices, clocks);
    REQUIRE(before.administer(drain_web(1h), clocks));
    const auto words = KeptIn(directory.path()).start(kServices, booted(5s, 600s, "b2")).words;
    REQUIRE(words.size() == 1);
    CHECK(words.front().admin.expires == at(5s).core + 1h - 605s);
  }
}

TEST_CASE("operations: an undrain ends drains only, an unforce forces only") {
  TemporaryDirectory directory;
  KeptIn operations(directory.path());
  (void)operations.start(kServices, at(0s));
  REQUIRE(operations.administer(drain_web(), at(1s)));
  CHECK(operations.administer(undo(AdminState::force), at(2s))->empty());
  CHECK(operations.administer(undo(AdminState::drain), at(3s))->size() == 1);
  CHECK(operations.administer(undo(AdminState::drain), at(4s))->empty());
}

TEST_CASE("operations: drained again, a drain goes on where it is") {
  TemporaryDirectory directory;
  KeptIn operations(directory.path());
  (void)operations.start(kServices, at(0s));
  REQUIRE(operations.administer(drain_web(), at(1s)));
  CHECK(operations.administer(drain_web(), at(9s))->front().admin.since == at(1s).core);
}

TEST_CASE(
    "operations: drains of several people stand beside each other, also over a restart, and each ends his "
    "own") {
  TemporaryDirectory directory;
  KeptIn operations(directory.path());
  (void)operations.start(kServices, at(0s));
  const auto drain = [](const char* who, std::optional<Duration> lasts = std::nullopt) {
    AdminRequest request = drain_web(lasts);
    request.who = who;
    return request;
  };
  const auto undrain = [](std::vector<std::string> whose) {
    AdminRequest request = undo(AdminState::drain);
    request.whose = std::move(whose);
    return request;
  };
  REQUIRE(operations.administer(drain("ann"), at(1s)));
  REQUIRE(operations.administer(drain("bob", 1h), at(2s)));
  AdminRequest force = drain_web();
  force.state = AdminState::force;
  REQUIRE(operations.administer(force, at(3s)));
  // One's own is the same one, by when it was given.
  CHECK(operations.administer(drain("ann", 60s), at(4s))->front().admin.since == at(1s).core);

  KeptIn after(directory.path());
  const auto words = after.start(kServices, at(10s)).words;
  REQUIRE(words.size() == 3);
  CHECK(words[0].admin.who == "ann");
  CHECK(words[0].admin.expires == at(64s).core);
  CHECK(words[1].admin.who == "bob");
  CHECK(words[2].admin.state == AdminState::force);
  CHECK(after.administer(undrain({"cy", "herald"}), at(11s))->empty());
  const auto bobs = after.administer(undrain({"bob", "herald"}), at(12s));
  REQUIRE(bobs->size() == 1);
  CHECK(bobs->front().ends == Ends{AdminState::drain, "bob"});
  CHECK(bobs->front().admin.who == "root");
  REQUIRE(after.administer(drain("bob"), at(13s)));
  CHECK(after.administer(undrain({}), at(14s))->size() == 2);
  const auto left = KeptIn(directory.path()).start(kServices, at(15s)).words;
  REQUIRE(left.size() == 1);
  CHECK(left[0].admin.state == AdminState::force);
}

TEST_CASE("operations: of forces the newest stands, whosever it is") {
  TemporaryDirectory directory;
  KeptIn operations(directory.path());
  (void)operations.start(kServices, at(0s));
  AdminRequest force = drain_web();
  force.state = AdminState::force;
  REQUIRE(operations.administer(force, at(1s)));
  force.who = "ann";
  CHECK(operations.administer(force, at(2s))->front().admin.since == at(2s).core);
  const auto words = KeptIn(directory.path()).start(kServices, at(3s)).words;
  REQUIRE(words.size() == 1);
  CHECK(words[0].admin.who == "ann");
}

TEST_CASE(
    "operations: so many drains stand beside each other, and another one is refused and changes nothing") {
  TemporaryDirectory directory;
  KeptIn operations(directory.path());
  (void)operations.start(kServices, at(0s));
  AdminRequest request = drain_web();
  for (std::size_t i = 0; i < Operations::kMostDrains; ++i) {
    request.who = "name " + std::to_string(i);
    REQUIRE(operations.administer(request, at(1s)));
  }
  REQUIRE(operations.administer(request, at(2s)));  // one's own again
  request.who = "one more";
  request.services = {"resolver", "web"};
  const auto refused = operations.administer(request, at(3s));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().starts_with("web has 32 drains already"));
  CHECK(KeptIn(directory.path()).start(kServices, at(4s)).words.size() == Operations::kMostDrains);
  request.state = AdminState::force;
  CHECK(operations.administer(request, at(5s))->size() == 2);
}

TEST_CASE("operations: what cannot be kept has not happened") {
  TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "file";
  std::ofstream(file) << "x";
  KeptIn operations(file / "no-directory");
  (void)operations.start(kServices, at(0s));
  const auto words = operations.administer(drain_web(), at(1s));
  REQUIRE_FALSE(words);
  CHECK(words.error().find("Not a directory") != std::string::npos);
}

TEST_CASE("operations: a state file that makes no sense drains everything, and stays so until it is undone") {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "state.json") << "{";
  const auto start = KeptIn(directory.path()).start(kServices, at(0s));
  CHECK(start.words.size() == 2);
  CHECK(start.problem.value_or("").contains("all of them are"));
  KeptIn again(directory.path());
  CHECK(again.start(kServices, at(60s)).words.size() == 2);
  CHECK(again.administer(undo(AdminState::drain), at(61s))->size() == 1);
  CHECK(KeptIn(directory.path()).start(kServices, at(62s)).words.size() == 1);
}

TEST_CASE("operations: a dry run reads what was said and writes nothing") {
  TemporaryDirectory directory;
  Loop loop;
  PretendingWriter pretending(loop);
  KeptIn dry(directory.path(), pretending);
  (void)dry.start(kServices, at(0s));
  std::optional<std::size_t> words;
  dry.operations.administer(drain_web(), at(1s), [&](const auto& told) { words = told->size(); });
  CHECK_FALSE(words);
  CHECK(run_until(loop, [&] { return words.has_value(); }));
  CHECK(words == 1);
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("operations: a dry run leaves a state file that makes no sense for the real heraldd to find") {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "state.json") << "{";
  Loop loop;
  PretendingWriter pretending(loop);
  KeptIn dry(directory.path(), pretending);
  const auto start = dry.start(kServices, at(0s));
  CHECK(start.words.size() == 2);
  CHECK(start.problem.value_or("").ends_with("; it stays as it is"));
  CHECK(run_until(loop, [&] { return pretending.is_idle(); }));
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()),
                      std::filesystem::directory_iterator()) == 1);
  CHECK(KeptIn(directory.path()).start(kServices, at(1s)).words.size() == 2);
}

TEST_CASE("operations: a state file that makes no sense is kept aside") {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "state.json") << "{";
  const auto start = KeptIn(directory.path()).start(kServices, at(0s));
  CHECK(start.problem.value_or("").ends_with("; it is kept as " +
                                             (directory.path() / "state.json.bad").native()));
  CHECK(std::filesystem::file_size(directory.path() / "state.json.bad") == 1);
}

TEST_CASE("operations: words are carried out in turn, each upon what the former one has left") {
  TemporaryDirectory directory;
  KeptIn operations(directory.path());
  (void)operations.start(kServices, at(0s));
  operations.direct.is_held = true;
  std::vector<std::size_t> told;
  const auto note = [&](const auto& words) { told.push_back(words ? words->size() : 99); };
  operations.operations.administer(drain_web(), at(1s), note);
  operations.operations.remember({"resolver", {at(1s).core, 700, false}}, at(1s));
  operations.operations.administer(undo(AdminState::drain), at(2s), note);
  operations.operations.administer(undo(AdminState::drain), at(3s), note);
  CHECK(told.empty());
  operations.direct.release();
  CHECK(told == std::vector<std::size_t>{1, 1, 0});
  const auto after = KeptIn(directory.path()).start(kServices, at(4s));
  CHECK(after.words.empty());
  CHECK(after.recalls.size() == 1);  // what was remembered meanwhile is not lost
}

TEST_CASE("operations: what comes too late has not happened, and what stands is written again behind it") {
  TemporaryDirectory directory;
  KeptIn operations(directory.path());
  (void)operations.start(kServices, at(0s));
  AdminRequest drain = drain_web();
  drain.services = {"resolver"};
  REQUIRE(operations.administer(drain, at(1s)));
  operations.direct.is_held = true;
  std::string refused;
  operations.operations.administer(drain_web(), at(2s), [&](const auto& words) { refused = words.error(); });
  operations.direct.time_out();
  CHECK(refused == "the disk does not answer within 2 s");
  CHECK(KeptIn(directory.path()).start(kServices, at(3s)).words.size() == 2);  // it has come to the disk yet
  REQUIRE(operations.operations.has_unkept());
  operations.operations.flush(at(3s));
  operations.direct.release();
  const auto after = KeptIn(directory.path()).start(kServices, at(4s)).words;
  REQUIRE(after.size() == 1);
  CHECK(after.front().service == "resolver");
}

TEST_CASE("operations: while nothing can be kept, a state file that makes no sense drains at every start") {
  if (::geteuid() != 0) return;
  TemporaryDirectory directory;
  REQUIRE(::mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=16k") == 0);
  std::ofstream(directory.path() / "state.json") << "{";
  std::ofstream(directory.path() / "filler") << std::string(64'000, 'x');
  for (int start = 0; start < 2; ++start) {
    KeptIn operations(directory.path());
    CHECK(operations.start(kServices, at(0s)).words.size() == 2);
    REQUIRE_FALSE(operations.said.empty());
    CHECK(operations.said.back().contains("No space left"));
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
  KeptIn before(directory.path());
  (void)before.start(kServices, at(0s));
  CHECK(before.flush(at(0s)).empty());
  CHECK(std::filesystem::is_empty(directory.path()));
  before.operations.remember(withdrawal(at(10s).core), at(11s));
  CHECK(before.operations.has_unkept());
  CHECK(before.flush(at(11s)).empty());
  CHECK_FALSE(before.operations.has_unkept());

  const TimePoint boot{5s};
  KeptIn after(directory.path());
  const auto recalls = after.start(kServices, at(600s, boot)).recalls;
  REQUIRE(recalls.size() == 1);
  CHECK(recalls.front().service == "web");
  CHECK(recalls.front().flaps == Flaps{boot + 10s, 2600, true});
  // A drain is kept with them, and not instead of them.
  REQUIRE(after.administer(drain_web(), at(601s, boot)));
  CHECK(KeptIn(directory.path()).start(kServices, at(602s)).recalls.size() == 1);
}

TEST_CASE("operations: clearing is kept before it is told, and hold_down still knows of the withdrawal") {
  TemporaryDirectory directory;
  KeptIn operations(directory.path());
  (void)operations.start(kServices, at(0s));
  operations.operations.remember(withdrawal(at(1s).core), at(1s));
  const auto words = operations.clear_damping(kServices, "root");
  REQUIRE(words);
  REQUIRE(words->size() == 2);
  CHECK(words->front().who == "root");
  const auto recalls = KeptIn(directory.path()).start(kServices, at(2s)).recalls;
  REQUIRE(recalls.size() == 1);
  CHECK(recalls.front().flaps == Flaps{at(1s).core, 0, false});

  std::ofstream(directory.path() / "file") << "x";
  KeptIn nowhere(directory.path() / "file" / "no-directory");
  CHECK_FALSE(nowhere.clear_damping(kServices, "root"));
}

TEST_CASE("operations: what cannot be flushed is said once, and kept when it can be") {
  TemporaryDirectory directory;
  const std::filesystem::path place = directory.path() / "state";
  std::ofstream(place) << "x";
  KeptIn operations(place);
  operations.operations.remember(withdrawal(at(1s).core), at(1s));
  CHECK(operations.flush(at(1s)).starts_with("penalties cannot be kept"));
  CHECK(operations.operations.has_unkept());
  CHECK(operations.flush(at(2s)).empty());
  std::filesystem::remove(place);
  CHECK(operations.flush(at(3s)) == "penalties are kept again");
  // After a week they are of no more use.
  operations.operations.remember(withdrawal(at(4s).core), at(4s));
  CHECK(operations.flush(at(4s + 24h * 8)).empty());
  CHECK(KeptIn(place).start(kServices, at(5s)).recalls.empty());
}

}  // namespace operations_test
