#include "sidecar/os/process.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "tests/os/children.h"

namespace process_test {

using namespace herald;
using namespace std::chrono_literals;

TEST_CASE("a process gives its exit code and everything that it said") {
  Loop loop;
  const auto exit = run(loop, shell("echo out; echo err >&2; exit 3"));
  REQUIRE(exit);
  CHECK_FALSE(exit->signalled);
  CHECK(exit->status == 3);
  CHECK(exit->out == "out\nerr\n");
  CHECK_FALSE(exit->truncated);
}

TEST_CASE("a process killed by a signal says so") {
  Loop loop;
  const auto exit = run(loop, shell("kill -SEGV $$"));
  REQUIRE(exit);
  CHECK(exit->signalled);
  CHECK(exit->status == SIGSEGV);
}

TEST_CASE("a command that cannot be run is an error at once") {
  Loop loop;
  const auto missing = Process::start(loop, {.argv = {"/no/such/command"}}, [](const ProcessExit&) {});
  REQUIRE_FALSE(missing);
  CHECK(missing.error() == "run /no/such/command: No such file or directory");
  const auto denied = Process::start(loop, {.argv = {"/etc/passwd"}}, [](const ProcessExit&) {});
  REQUIRE_FALSE(denied);
  CHECK(denied.error() == "run /etc/passwd: Permission denied");
  CHECK_FALSE(Process::start(loop, {}, [](const ProcessExit&) {}));
}

TEST_CASE("a child inherits no environment, blocked signal or descriptor, and its input is empty") {
  Loop loop;
  setenv("HERALD_TEST_SECRET", "x", 1);
  const Fd leaked(dup(STDIN_FILENO));
  const auto exit = run(loop, shell("env | grep -c SECRET; cat; ls /proc/self/fd | tr '\\n' ' '; "
                                    "grep '^SigBlk' /proc/self/status | tr -d '\\t\\n'"));
  REQUIRE(exit);
  // ls has its directory open as 3.
  CHECK(exit->out == "0\n0 1 2 3 SigBlk:0000000000000000");
}

TEST_CASE("a child does not inherit that SIGPIPE is ignored") {
  Loop loop;
  const auto exit = run(loop, shell("kill -PIPE $$; exit 0"));
  REQUIRE(exit);
  CHECK(exit->signalled);
  CHECK(exit->status == SIGPIPE);
}

TEST_CASE("output over the cap is dropped and does not stop the child") {
  Loop loop;
  auto options = shell("head -c 3000000 /dev/zero | tr '\\0' x; exit 5");
  options.output_cap = 1000;
  const auto exit = run(loop, options);
  REQUIRE(exit);
  CHECK(exit->status == 5);
  CHECK(exit->out == std::string(1000, 'x'));
  CHECK(exit->truncated);
}

TEST_CASE("the end of the child counts, not that of a grandchild, which is killed") {
  Loop loop;
  const auto exit = run(loop, shell("sleep 1000 & echo $!; exit 0"));
  REQUIRE(exit);
  CHECK(dies(std::stoi(exit->out)));
}

TEST_CASE("destroying a process kills its whole group, and the loop reaps it") {
  Loop loop;
  const std::string file = "/tmp/herald_process_test." + std::to_string(getpid());
  {
    auto process = Process::start(loop, shell("sleep 1000 & echo $! $$ > " + file + "; wait"),
                                  [](const ProcessExit&) { FAIL("reported after it was destroyed"); });
    REQUIRE(process);
    for (int i = 0; i < 500 && std::ifstream(file).peek() == EOF; ++i) run_for(loop, 10ms);
  }
  pid_t grandchild = 0;
  pid_t child = 0;
  std::ifstream(file) >> grandchild >> child;
  std::remove(file.c_str());
  REQUIRE(grandchild > 0);
  CHECK(dies(grandchild));
  for (int i = 0; i < 500 && kill(child, 0) == 0; ++i) run_for(loop, 10ms);
  CHECK(kill(child, 0) == -1);
}

TEST_CASE("a process may be destroyed inside its own callback, and moved while it runs") {
  Loop loop;
  std::optional<Process> process;
  auto started = Process::start(loop, shell("exit 0"), [&](const ProcessExit&) {
    process.reset();
    loop.exit(0);
  });
  REQUIRE(started);
  process = std::move(*started);
  loop.run();
  CHECK_FALSE(process);
}

TEST_CASE("a process that cannot be started for want of descriptors leaves nothing behind") {
  Loop loop;
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const Fd lowest(dup(STDIN_FILENO));
  std::size_t started = 0;
  for (rlim_t more = 0; more < 6; ++more) {
    const rlimit few{static_cast<rlim_t>(lowest.get()) + 1 + more, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    auto process = Process::start(loop, shell("exit 0"), [&](const ProcessExit&) { loop.exit(0); });
    setrlimit(RLIMIT_NOFILE, &before);
    if (process) {
      ++started;
      loop.run();
    } else {
      CHECK_THAT(process.error(), Catch::Matchers::Contains("Too many open files"));
    }
    CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
  }
  CHECK(started > 0);
  CHECK(started < 6);
}

}  // namespace process_test
