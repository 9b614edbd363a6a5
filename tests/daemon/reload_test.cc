// The configuration read again, by SIGHUP; reload.cc is a part of the daemon.
#include "tests/daemon/daemon_bench.h"
#include "tests/os/bound_socket.h"

namespace reload_test {

using namespace herald;
using namespace fixture;

namespace {

const std::string kWeb = "10.99.0.1/32";
const std::string kMail = "10.99.0.2/32";

bool is_answered(std::uint16_t port) {
  const Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

struct Bench : DaemonBench {
  void announce() {
    start();
    REQUIRE(run_until(loop, [this] { return has(kWeb); }));
  }
  // Read again, and over: what was logged says so.
  void reload() {
    ::kill(::getpid(), SIGHUP);
    REQUIRE(run_until(
        loop, [this] { return logged.has("reloaded: ") || logged.has("reload: nothing has changed"); }));
  }
  void reads() { next = {.config = config, .errors = {}, .warnings = {}, .texts = {{"herald.json", "{}"}}}; }
};

TEST_CASE_METHOD(Bench,
                 "reload: what is new is announced, what is gone withdrawn, and the texts are accepted") {
  announce();
  config.services.clear();
  add("mail", kMail);
  reads();
  next.warnings = {"lease is short"};
  reload();
  CHECK(logged.has("reload: lease is short"));
  CHECK(logged.has("reloaded: 1 added (mail), 1 removed (web)"));
  REQUIRE(accepted.size() == 1);
  REQUIRE(accepted[0].size() == 1);
  CHECK(accepted[0][0].file == "herald.json");
  CHECK(run_until(loop, [this] { return has(kMail) && !has(kWeb); }));
}

TEST_CASE_METHOD(Bench, "reload: with one error nothing changes, and every error is said") {
  announce();
  next = {.config = std::nullopt,
          .errors = {{"herald.json", "/services", "is bad"}, {"web.json", "", "no"}},
          .warnings = {},
          .texts = {}};
  reload();
  for (const ConfigError& error : next.errors) CHECK(logged.has("reload: " + to_string(error)));
  CHECK(accepted.empty());
  CHECK(has(kWeb));
}

TEST_CASE_METHOD(Bench, "reload: what only a restart can change is refused, and what came with it, too") {
  announce();
  add("mail", kMail);
  config.control.socket = directory.path() / "other.sock";
  reads();
  reload();
  CHECK(logged.has("reload: control.socket"));
  CHECK(logged.has("reload: nothing has changed"));
  CHECK(accepted.empty());
  run_for(loop, 200ms);
  CHECK_FALSE(has(kMail));
  CHECK(has(kWeb));
}

TEST_CASE_METHOD(Bench, "reload: where it is seen by HTTP moves, or all stays as it was") {
  announce();
  config.http.listen = {"127.0.0.1:9476"};
  reads();
  reload();
  CHECK(logged.has("seen by HTTP at 127.0.0.1:9476"));
  CHECK(logged.has("reloaded: where it is seen by HTTP"));
  CHECK(is_answered(9476));
  const Open others = bound("127.0.0.1", SocketKind::tcp, 9477);
  config.http.listen = {"127.0.0.1:9477", "127.0.0.1:9478"};
  add("mail", kMail);
  reads();
  ::kill(::getpid(), SIGHUP);
  REQUIRE(run_until(loop, [this] { return logged.has("reload: nothing has changed"); }));
  CHECK(logged.has("reload: http.listen: 127.0.0.1:9477: Address already in use; who has it: "));
  CHECK(is_answered(9476));
  CHECK(run_until(loop, [] { return !is_answered(9478); }));
  run_for(loop, 200ms);
  CHECK_FALSE(has(kMail));
  CHECK(accepted.size() == 1);
}

TEST_CASE_METHOD(Bench, "reload: a lever without its templates is refused") {
  announce();
  config.services[0].announce.via = Via::vtysh;
  reads();
  reload();
  CHECK(logged.has("reload: nothing has changed"));
  CHECK(accepted.empty());
  CHECK(has(kWeb));
}

TEST_CASE_METHOD(Bench, "reload: an interface that there is not is said, and the rest goes on") {
  announce();
  add("mail", kMail).announce.interface = "nope0";
  reads();
  reload();
  CHECK(logged.has("reload: there is no interface nope0"));
  CHECK(accepted.size() == 1);
  CHECK(has(kWeb));
}

TEST_CASE_METHOD(Bench, "reload: a probe that is another one now judges by its new target") {
  announce();
  config.services.clear();
  add("web", kWeb).probes[0].settings = R"({"address": "127.0.0.1:1"})";
  config.services[0].probes[0].target = "127.0.0.1:1";
  reads();
  reload();
  CHECK(run_until(loop, [this] { return logged.has("web/front: unknown -> down"); }));
}

TEST_CASE_METHOD(Bench, "reload: on the way out nothing is read any more") {
  Hands hands = real_hands(loop, config.state_dir, {});
  hands.levers = std::make_unique<KeepingLevers>(loop);
  start(std::move(hands));
  REQUIRE(run_until(loop, [this] { return has(kWeb); }));
  ::kill(::getpid(), SIGTERM);
  REQUIRE(run_until(loop, [this] { return logged.has("stopping"); }));
  reads();
  reload();
  CHECK(logged.has("reload: heraldd is about to exit"));
  CHECK(accepted.empty());
}

}  // namespace

}  // namespace reload_test
