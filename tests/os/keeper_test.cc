#include "sidecar/os/keeper.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <optional>
#include <set>
#include <thread>

#include "tests/os/children.h"

namespace keeper_test {

using namespace herald;
using namespace std::chrono_literals;

namespace {

// Who has an argument `mark`, among all processes.
std::set<pid_t> marked(const std::string& mark) {
  std::set<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "cmdline");
    std::string line;
    std::getline(file, line);  // who has gone meanwhile is an error of the read, which this does not throw
    if (line.find(mark) != std::string::npos) found.insert(std::stoi(name));
  }
  return found;
}

std::vector<std::string> all_groups_of_keepers() {
  std::ifstream membership("/proc/self/cgroup");
  std::string line;
  while (std::getline(membership, line) && !line.starts_with("0::/")) {
  }
  std::vector<std::string> names;
  if (!line.starts_with("0::/")) return names;
  std::error_code error;
  for (const std::string mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    for (const auto& entry : std::filesystem::directory_iterator(mount + line.substr(3), error)) {
      const std::string name = entry.path().filename();
      if (name.starts_with("herald-exec.")) names.push_back(name);
    }
  }
  return names;
}

// Others may run keepers beside these tests, or may have been killed with theirs: what there was before is not ours.
const std::vector<std::string> kGroupsBefore = all_groups_of_keepers();

std::vector<std::string> groups_of_keepers() {
  std::vector<std::string> names = all_groups_of_keepers();
  std::erase_if(names, [](const std::string& name) {
    return std::find(kGroupsBefore.begin(), kGroupsBefore.end(), name) != kGroupsBefore.end();
  });
  return names;
}

// Hides cgroups from what is started meanwhile, as they are hidden from herald's user without delegation.
class WithoutCgroups {
 public:
  explicit WithoutCgroups(bool is_wanted) : is_hidden_(is_wanted) {
    if (!is_hidden_) return;
    REQUIRE(unshare(CLONE_NEWNS) == 0);
    REQUIRE(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    REQUIRE(mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, nullptr) == 0);
  }
  WithoutCgroups(const WithoutCgroups&) = delete;
  WithoutCgroups& operator=(const WithoutCgroups&) = delete;
  ~WithoutCgroups() {
    if (is_hidden_) umount("/sys/fs/cgroup");
  }

 private:
  bool is_hidden_;
};

bool can_write_cgroups() {
  return access("/sys/fs/cgroup/cgroup.procs", W_OK) == 0 ||
         access("/sys/fs/cgroup/unified/cgroup.procs", W_OK) == 0;
}

// Scripts that leave something behind, each of which would outlive its process group.
std::vector<std::string> escapes(const std::string& mark) {
  const std::string sleep = "sh -c 'trap \"\" TERM HUP INT; while :; do sleep 0.1; done' " + mark;
  return {
      "setsid " + sleep + " & ",
      "(setsid sh -c \"(" + std::string("setsid sh -c \\\"sleep 1000; : ") + mark + "\\\" &) & exit\" &) & ",
      "(" + sleep + " &) & ",
      // Four generations, two children each.
      "f() { if test $1 -gt 0; then f $(($1 - 1)) & f $(($1 - 1)) & fi; sleep 1000; : " + mark +
          "; }; setsid sh -c '" +
          "g() { if test $1 -gt 0; then (g $(($1 - 1))) & (g $(($1 - 1))) & fi; sleep 1000; : " + mark +
          "; }; g 4' & "};
}

// Whom the loop has not reaped.
bool has_children() {
  siginfo_t who{};
  return waitid(P_ALL, 0, &who, WEXITED | WNOHANG | WNOWAIT) == 0;
}

std::string new_mark() {
  static int number = 0;
  return fmt::format("kept-{}-{}", getpid(), ++number);
}

}  // namespace

TEST_CASE("a contained process gives its exit code, its signal and everything that it said") {
  Loop loop;
  const auto said = run(loop, contained("echo out; echo err >&2; exit 3"));
  REQUIRE(said);
  CHECK(said->error.empty());
  CHECK_FALSE(said->signalled);
  CHECK(said->status == 3);
  CHECK(said->out == "out\nerr\n");
  const auto killed = run(loop, contained("kill -SEGV $$"));
  REQUIRE(killed);
  CHECK(killed->signalled);
  CHECK(killed->status == SIGSEGV);
}

TEST_CASE("a contained child inherits no blocked signal and no descriptor") {
  Loop loop;
  const Fd leaked(dup(STDIN_FILENO));
  const auto exit = run(loop, contained("cat; ls /proc/self/fd | tr '\\n' ' '; "
                                        "grep '^SigBlk' /proc/self/status | tr -d '\\t\\n'"));
  REQUIRE(exit);
  CHECK(exit->out == "0 1 2 3 SigBlk:0000000000000000");
}

TEST_CASE("a contained command that cannot be run is told of when it is known") {
  Loop loop;
  const auto missing = run(loop, {.argv = {"/no/such/command"}, .is_contained = true});
  REQUIRE(missing);
  CHECK(missing->error == "run /no/such/command: No such file or directory");
  const auto denied = run(loop, {.argv = {"/etc/passwd"}, .is_contained = true});
  REQUIRE(denied);
  CHECK(denied->error == "run /etc/passwd: Permission denied");
}

TEST_CASE("what a contained command leaves behind has ended when its end is told") {
  const WithoutCgroups hidden(GENERATE(false, true));
  Loop loop;
  const std::string mark = new_mark();
  for (const std::string& escape : escapes(mark)) {
    CAPTURE(escape);
    const auto exit = run(loop, contained(escape + "sleep 0.2; echo done; exit 5"));
    REQUIRE(exit);
    CHECK(exit->out == "done\n");  // though others hold the pipe
    CHECK(exit->status == 5);
    CHECK(marked(mark).empty());
  }
  CHECK(groups_of_keepers().empty());
}

TEST_CASE("destroying a contained process ends all that it started, and the loop does not wait for it") {
  const WithoutCgroups hidden(GENERATE(false, true));
  Loop loop;
  const std::string mark = new_mark();
  for (const std::string& escape : escapes(mark)) {
    CAPTURE(escape);
    std::optional<Process> process =
        Process::start(loop, contained(escape + "sleep 1000"), [](const ProcessExit&) {
          FAIL("reported after it was destroyed");
        }).value();
    run_for(loop, 300ms);
    CHECK_FALSE(marked(mark).empty());
    const TimePoint before = Loop::clock();
    process.reset();
    CHECK(Loop::clock() - before < 100ms);
    for (int i = 0; i < 500 && !marked(mark).empty(); ++i) run_for(loop, 10ms);
    CHECK(marked(mark).empty());
  }
  for (int i = 0; i < 100 && has_children(); ++i) run_for(loop, 10ms);
  CHECK_FALSE(has_children());
  CHECK(groups_of_keepers().empty());
}

TEST_CASE("a small fork bomb ends with its attempt") {
  const WithoutCgroups hidden(GENERATE(false, true));
  Loop loop;
  const std::string mark = new_mark();
  // Each forks once more and exits: nobody is there for long. It ends by itself after some thousands.
  const std::string comet =
      "setsid python3 -c \"\n"
      "import os, sys\n"
      "for i in range(20000):\n"
      "  if os.fork() > 0: os._exit(0)\n\" " +
      mark + " & ";
  std::optional<Process> process =
      Process::start(loop, contained(comet + "sleep 1000"), [](const ProcessExit&) {}).value();
  for (int i = 0; i < 500 && marked(mark).size() < 2; ++i) run_for(loop, 10ms);
  run_for(loop, 100ms);
  process.reset();
  run_for(loop, 500ms);
  CHECK(marked(mark).empty());
  CHECK_FALSE(has_children());
}

TEST_CASE("a keeper whose herald is gone ends its own") {
  Loop loop;
  const std::string mark = new_mark();
  const pid_t herald = fork();
  if (herald == 0) {
    Loop its_loop;
    const auto process =
        Process::start(its_loop, contained("setsid sh -c 'sleep 1000; :' " + mark + " & sleep 1000"),
                       [](const ProcessExit&) {});
    kill(getpid(), SIGSTOP);
    _exit(process ? 0 : 1);
  }
  int status = 0;
  waitpid(herald, &status, WUNTRACED);
  for (int i = 0; i < 500 && marked(mark).size() < 2; ++i) std::this_thread::sleep_for(10ms);
  CHECK(marked(mark).size() >= 2);
  kill(herald, SIGKILL);
  waitpid(herald, &status, 0);
  for (int i = 0; i < 500 && !marked(mark).empty(); ++i) std::this_thread::sleep_for(10ms);
  CHECK(marked(mark).empty());
}

TEST_CASE("a contained command is in a cgroup of its own where that can be, and its keeper is not") {
  Loop loop;
  const auto exit =
      run(loop, contained("sleep 0.2; grep ^0:: /proc/self/cgroup; grep ^0:: /proc/$PPID/cgroup"));
  REQUIRE(exit);
  INFO(exit->out);
  const bool is_in_one = exit->out.find("/herald-exec.") != std::string::npos;
  CHECK(is_in_one == can_write_cgroups());
  CHECK(exit->out.find("herald-exec") == exit->out.rfind("herald-exec"));
}

TEST_CASE("other children are none of a keeper's business") {
  Loop loop;
  std::optional<ProcessExit> plain;
  auto other = Process::start(loop, shell("sleep 0.5; echo plain"), [&](ProcessExit exit) {
    plain = std::move(exit);
    loop.exit(0);
  });
  REQUIRE(other);
  for (int i = 0; i < 5; ++i) CHECK(run(loop, contained("setsid sleep 1000 & exit 0")));
  for (int i = 0; i < 200 && !plain; ++i) run_for(loop, 10ms);
  REQUIRE(plain);
  CHECK(plain->status == 0);
  CHECK(plain->out == "plain\n");
}

TEST_CASE("a keeper that cannot be started for want of descriptors leaves nothing behind") {
  Loop loop;
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const Fd lowest(dup(STDIN_FILENO));
  std::size_t started = 0;
  for (rlim_t more = 0; more < 8; ++more) {
    const rlimit few{static_cast<rlim_t>(lowest.get()) + 1 + more, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    std::optional<ProcessExit> exit;
    auto process = Process::start(loop, contained("exit 7"), [&](ProcessExit its_exit) {
      exit = std::move(its_exit);
      loop.exit(0);
    });
    setrlimit(RLIMIT_NOFILE, &before);
    if (process) {
      ++started;
      loop.run();
      REQUIRE(exit);
      CHECK((exit->status == 7 || !exit->error.empty()));
    } else {
      CHECK_THAT(process.error(), Catch::Matchers::Contains("Too many open files"));
    }
    CHECK_FALSE(has_children());
  }
  CHECK(started > 0);
  CHECK(started < 8);
}

}  // namespace keeper_test
