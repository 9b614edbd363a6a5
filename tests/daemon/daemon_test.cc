#include "sidecar/daemon/daemon.h"

#include <fcntl.h>
#include <sys/file.h>

#include "tests/daemon/daemon_bench.h"
#include "tests/os/bound_socket.h"

namespace daemon_test {

using namespace herald;
using namespace fixture;

namespace {

using Bench = DaemonBench;
const std::string kWeb = "10.99.0.1/32";

TEST_CASE_METHOD(Bench,
                 "daemon: what lives is announced, what dies withdrawn, and both are logged and kept") {
  start();
  CHECK_FALSE(has(kWeb));
  REQUIRE(run_until(loop, [this] { return has(kWeb); }));
  CHECK(logged.has("web/front: unknown -> up"));
  listener.close();
  REQUIRE(run_until(loop, [this] { return !has(kWeb); }));
  REQUIRE(run_until(loop, [this] { return logged.has("web: withdrawing -> withdrawn"); }));
  const std::string kept = R"("service":"web","probe":"front","peer":"","from":"up","to":"down")";
  CHECK(run_until(loop, [&] { return history().find(kept) != std::string::npos; }));
}

TEST_CASE_METHOD(Bench, "daemon: SIGTERM takes everything away, and that is a clean exit") {
  start();
  REQUIRE(run_until(loop, [this] { return has(kWeb); }));
  CHECK(stop() == 0);
  CHECK_FALSE(has(kWeb));
  CHECK(logged.has("Terminated: stopping"));
  CHECK_FALSE(logged.has("not everything could be left"));
  const std::string kept = history();
  CHECK(kept.find(R"("to":"started")") < kept.find(R"("to":"stopped")"));
  CHECK(kept.find(R"("to":"stopped")") != std::string::npos);
}

TEST_CASE_METHOD(Bench, "daemon: what cannot be taken away is said, and the exit is not clean") {
  Hands hands = real_hands(loop, config.state_dir, {});
  hands.levers = std::make_unique<KeepingLevers>(loop);
  start(std::move(hands));
  REQUIRE(run_until(loop, [this] { return has(kWeb); }));
  CHECK(stop() == 1);
  CHECK(has(kWeb));
  CHECK(logged.has("not everything could be left as it should be in time; leases end what remains"));
}

TEST_CASE_METHOD(Bench, "daemon: beside another herald it does not start, and touches nothing") {
  const auto other = NamespaceLock::take();
  REQUIRE(other);
  const auto opened = make(real_hands(loop, config.state_dir, {})).open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error() == NamespaceLock::take().error());
  CHECK_FALSE(std::filesystem::exists(config.control.socket));
  CHECK(history().empty());
}

TEST_CASE_METHOD(Bench,
                 "daemon: an interface that there is not is said at the start, once for all its VIPs") {
  config.services[0].announce.interface = "nope0";
  add("mail", "10.99.0.2/32").announce.interface = "nope0";
  start();
  const std::string said = "there is no interface nope0: its VIPs cannot be announced until it is there";
  const std::string text = logged.text();
  REQUIRE(text.find(said) != std::string::npos);
  CHECK(text.find(said) == text.rfind(said));
  CHECK_FALSE(logged.has("there is no interface lo"));
}

TEST_CASE_METHOD(Bench, "daemon: templates that a lever needs are looked at before anything is begun") {
  config.services[0].announce.via = Via::vtysh;
  daemon.emplace(loop, logged.log, config,
                 DaemonOptions{.hands = real_hands(loop, config.state_dir, {directory.path()}),
                               .workers = workers(),
                               .load = {},
                               .accepted = {}});
  CHECK(daemon->prepare().size() == 4);  // of FRR's objects
}

TEST_CASE_METHOD(Bench, "daemon: workers of a unit of their own may come later, but for a check") {
  WorkerOptions nobody;
  nobody.link.socket = directory.path() / "nobody";
  const auto problems = [&](bool only_checks) {
    daemon.emplace(loop, logged.log, config,
                   DaemonOptions{.hands = real_hands(loop, config.state_dir, {}),
                                 .workers = nobody,
                                 .load = {},
                                 .accepted = {},
                                 .only_checks = only_checks});
    return daemon->prepare();
  };
  CHECK(problems(false).empty());
  CHECK(logged.has("the probes cannot be tried: "));
  const auto found = problems(true);
  REQUIRE(found.size() == 1);
  CHECK(found[0].starts_with("the probes cannot be tried: "));
}

TEST_CASE_METHOD(Bench, "daemon: a port that is taken is an error at the start, and no matter of a check") {
  const Open taken = bound("127.0.0.1", SocketKind::tcp);
  config.http.listen = {"127.0.0.1:" + std::to_string(taken.port)};
  const auto problems = [&](bool only_checks) {
    daemon.emplace(loop, logged.log, config,
                   DaemonOptions{.hands = real_hands(loop, config.state_dir, {}),
                                 .workers = workers(),
                                 .http = {.socket = {}, .program = HERALD_BUILT_HTTP, .user = "root"},
                                 .load = {},
                                 .accepted = {},
                                 .only_checks = only_checks});
    return daemon->prepare();
  };
  const auto found = problems(false);
  REQUIRE(found.size() == 1);
  CHECK(
      found[0].starts_with("http.listen: " + config.http.listen[0] + ": Address already in use; who has it"));
  CHECK(problems(true).empty());
}

TEST_CASE_METHOD(Bench, "daemon: herald-http as a unit of its own may come later") {
  config.http.listen = {"127.0.0.1:9476"};
  daemon.emplace(loop, logged.log, config,
                 DaemonOptions{.hands = real_hands(loop, config.state_dir, {}),
                               .workers = workers(),
                               .http = {.socket = directory.path() / "nobody", .program = {}, .user = {}},
                               .load = {},
                               .accepted = {}});
  CHECK(daemon->prepare().empty());
  CHECK(logged.has("http.listen cannot be tried: herald-http does not answer: "));
}

TEST_CASE_METHOD(Bench,
                 "daemon: one that was killed before is told of in the history, one that stopped is not") {
  const auto is_told = [this](std::size_t from) {
    return run_until(loop, [&] { return history().find("\"started\"", from) != std::string::npos; });
  };
  start();
  REQUIRE(is_told(0));
  daemon.reset();
  const std::string killed = "the one before it was killed";
  const std::string first = history();
  CHECK(first.find(killed) == std::string::npos);
  start();
  REQUIRE(is_told(first.size()));
  CHECK(history().find(killed) != std::string::npos);
  CHECK(stop() == 0);
  const std::string before = history();
  CHECK(before.find("\"stopped\"") != std::string::npos);
  daemon.reset();
  start();
  REQUIRE(is_told(before.size()));
  CHECK(history().find(killed, before.size()) == std::string::npos);
}

TEST_CASE_METHOD(Bench, "daemon: a stop does not wait for a disk that does not answer") {
  start();
  REQUIRE(run_until(loop, [this] { return has(kWeb) && !history().empty(); }));
  // What makes the writer wait, as such a disk does.
  const Fd lock(::open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(::flock(lock.get(), LOCK_EX) == 0);
  const TimePoint began = Loop::clock();
  CHECK(stop() == 0);
  CHECK(Loop::clock() - began < 4s);
  CHECK_FALSE(has(kWeb));
  CHECK(history().find("\"stopped\"") == std::string::npos);
}

TEST_CASE_METHOD(Bench, "daemon: a dry run says what it would do, and does and keeps nothing") {
  start(dry_run_hands(loop, config.state_dir, {}));
  REQUIRE(run_until(loop, [this] { return logged.has("dry run, would: add"); }));
  CHECK(logged.has("web: withdrawn -> "));
  CHECK_FALSE(has(kWeb));
  CHECK(history().empty());
  CHECK(stop() == 0);
  CHECK(logged.has("dry run, would: remove"));
}

TEST_CASE_METHOD(Bench, "daemon: an address that somebody takes away is put back") {
  start();
  REQUIRE(run_until(loop, [this] { return has(kWeb); }));
  const auto lever = make_levers(loop, {})->addresses(config.services);
  REQUIRE((*lever)->apply({Step::Kind::remove, {Vip{kWeb}, "lo"}, {}}));
  CHECK_FALSE(has(kWeb));
  CHECK(run_until(loop, [this] { return has(kWeb); }));
}

}  // namespace

}  // namespace daemon_test
