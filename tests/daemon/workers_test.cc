// The probe runner with the spawner and the workers as they are built.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <utility>

#include "sidecar/daemon/probe_runner.h"
#include "tests/daemon/fake_workers.h"
#include "tests/os/children.h"
#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"

namespace workers_test {

using namespace herald;
using namespace fixture;

namespace {

constexpr ProbeId kProbe{3};

// heraldd's own child, and its workers.
struct Real {
  Real() {
    REQUIRE(listening);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listening.get(), 16) == 0);
    socklen_t size = sizeof address;
    REQUIRE(getsockname(listening.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
  }

  std::vector<std::string> check(const Config& config) {
    std::optional<std::vector<std::string>> problems;
    runner.check(config, [&](std::vector<std::string> found, const std::string& untried) {
      problems = std::move(found);
      if (!untried.empty()) problems->push_back(untried);
    });
    REQUIRE(run_until(loop, [&] { return problems.has_value(); }));
    return *problems;
  }
  std::vector<pid_t> workers() {
    std::vector<pid_t> all;
    for (const pid_t spawner : children()) {
      for (const pid_t worker : children_of(spawner)) all.push_back(worker);
    }
    return all;
  }

  Fd listening{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port = 0;
  Heard heard;
  Loop loop;
  ProbeRunner runner{
      loop, {.link = {.program = HERALD_BUILT_PROBER, .user = "root"}, .processes = 2}, heard.told()};
};

Config with(std::vector<ProbeSpec> probes) {
  Config config;
  config.services.emplace_back().name = "web";
  config.services.back().probes = std::move(probes);
  return config;
}

}  // namespace

TEST_CASE_METHOD(Real, "workers: they say what cannot be made, by the probe's name") {
  ProbeSpec tls;
  tls.name = "tls";
  tls.type = "http";
  tls.settings = R"({"url": "https://127.0.0.1/", "tls": {"ca_file": "/nonexistent/ca.pem"}})";
  const auto problems = check(with({tls, tcp(port)}));
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].starts_with("probe web/tls: "));
  CHECK(problems[0].find("/nonexistent/ca.pem") != std::string::npos);
  CHECK(check(with({})).empty());
}

TEST_CASE_METHOD(Real, "workers: an attempt passes, fails, and is cancelled, with the time that it had") {
  REQUIRE(check(with({tcp(port)})).empty());
  runner.put(kProbe, "web/port", tcp(port));
  ProbeSpec silent = tcp(port);
  silent.settings = R"({"address": "127.0.0.1:)" + std::to_string(port) + R"(", "expect": "hello"})";
  runner.put(ProbeId{4}, "web/silent", silent);
  const TimePoint before = Loop::clock();
  runner.start(kProbe, RunId{7});
  runner.start(ProbeId{4}, RunId{8});
  REQUIRE(run_until(loop, [&] { return heard.finished.size() == 1; }));
  CHECK(heard.finished[0].result.verdict == Verdict::pass);
  CHECK(heard.finished[0].ran.began >= before);
  CHECK(heard.finished[0].ran.ended <= Loop::clock());
  run_for(loop, 300ms);
  runner.cancel(RunId{8});
  REQUIRE(run_until(loop, [&] { return heard.cancelled.size() == 1; }));
  CHECK(heard.cancelled[0].stage ==
        "waiting for the answer (never accepted: the process does not run, or takes no more connections)");
  // It has begun when its worker came to it, which on a busy machine is later.
  CHECK(heard.cancelled[0].ran.ended - heard.cancelled[0].ran.began >= 50ms);
  CHECK(heard.cancelled[0].ran.ended - heard.cancelled[0].ran.began <= Loop::clock() - before);
  listening.reset();
  runner.start(kProbe, RunId{9});
  REQUIRE(run_until(loop, [&] { return heard.finished.size() == 2; }));
  CHECK(heard.finished[1].result.reason == Reason::refused);
}

TEST_CASE_METHOD(Real,
                 "workers: one that is killed is followed by another, and the attempt goes on elsewhere") {
  REQUIRE(check(with({tcp(port)})).empty());
  runner.put(kProbe, "web/port", tcp(port));
  REQUIRE(run_until(loop, [&] { return workers().size() == 2; }));
  for (const pid_t worker : workers()) kill(worker, SIGSTOP);  // so that it is in flight when they die
  runner.start(kProbe, RunId{7});
  run_for(loop, 20ms);
  const auto before = workers();
  REQUIRE(before.size() == 2);
  kill(before[0], SIGKILL);
  kill(before[1], SIGCONT);
  REQUIRE(run_until(loop, [&] { return heard.finished.size() == 1; }));
  CHECK(heard.finished[0].result.verdict == Verdict::pass);
  REQUIRE(run_until(loop, [&] { return workers().size() == 2 && workers() != before; }));
}

TEST_CASE("workers: without the program, and with a user that is not there, it is said") {
  Loop loop;
  Heard heard;
  std::optional<std::vector<std::string>> problems;
  work::LinkOptions link;
  SECTION("the program") {
    link = {.program = "/nonexistent/herald-prober"};
  }
  SECTION("the user") {
    if (geteuid() != 0) return;
    link = {.program = HERALD_BUILT_PROBER, .user = "no-such-user"};
  }
  ProbeRunner runner(loop, {.link = link, .processes = 1}, heard.told());
  runner.check(with({tcp(9)}), [&](std::vector<std::string> found, const std::string& untried) {
    problems = std::move(found);
    if (!untried.empty()) problems->push_back(untried);
  });
  REQUIRE(run_until(loop, [&] { return problems.has_value(); }));
  REQUIRE(problems->size() == 1);
  CHECK(problems->front().starts_with("the probes cannot be tried: "));
}

TEST_CASE("workers: of the spawner's version, and of what is installed where that is asked for") {
  TemporaryDirectory directory;
  const auto program = directory.path() / "herald-prober";
  std::filesystem::copy_file(HERALD_BUILT_PROBER, program);
  Loop loop;
  std::map<std::uint32_t, int> ended;  // by slot: what it exited with
  std::set<std::uint32_t> spawned;
  std::vector<Fd> sockets;  // a worker ends with its own
  const auto link = work::Link::open(
      loop, {.program = program, .user = "root"},
      [&](work::ReceivedAnswer received) {
        const work::SpawnAnswer& answer = received.answer;
        if (answer.kind == work::SpawnAnswerKind::spawned) spawned.insert(answer.slot);
        if (answer.kind == work::SpawnAnswerKind::ended && answer.signalled == 0)
          ended[answer.slot] = answer.status;
        sockets.push_back(std::move(received.socket));
      },
      [](const std::string&) {});
  REQUIRE(link);
  REQUIRE((*link)->spawn(0));
  REQUIRE(run_until(loop, [&] { return spawned.contains(0); }));
  std::filesystem::remove(program);
  std::ofstream(program) << "#!/bin/sh\nexit 7\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  REQUIRE((*link)->spawn(1, work::SpawnKind::spawn_installed));
  REQUIRE((*link)->spawn(2));
  REQUIRE(run_until(loop, [&] { return spawned.contains(2) && ended.contains(1); }));
  CHECK(ended == std::map<std::uint32_t, int>{{1, 7}});
}

}  // namespace workers_test
