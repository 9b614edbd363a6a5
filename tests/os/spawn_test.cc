#include "sidecar/os/spawn.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <string>

#include "sidecar/os/fd.h"

namespace spawn_test {

using namespace herald;

namespace {

// What a shell prints that is given the other end of a pair, and another descriptor.
std::string said_by(const std::string& script, int also) {
  std::array<int, 2> ends{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  const std::array<std::string, 3> arguments{"a-name", "-c", script};
  const auto pid = spawn_beside("/bin/sh", arguments, std::array{theirs.get(), also});
  REQUIRE(pid);
  theirs.reset();
  std::string said;
  std::array<char, 4096> buffer;
  for (ssize_t count = 0; (count = read(ours.get(), buffer.data(), buffer.size())) > 0;)
    said.append(buffer.data(), static_cast<std::size_t>(count));
  REQUIRE(waitpid(*pid, nullptr, 0) == *pid);
  return said;
}

}  // namespace

TEST_CASE("spawn: it has what it is given, under the numbers from 3 on, and nothing else of herald's") {
  const Fd null(open("/dev/null", O_RDONLY));
  const Fd of_a_library(fcntl(null.get(), F_DUPFD, 50));  // not O_CLOEXEC
  const std::string said = said_by("cd /proc/self/fd; echo $0 $(echo *) $(readlink 4) >&3", null.get());
  CHECK(said.starts_with("a-name 0 1 2 3 4"));
  CHECK(said.find("/dev/null") != std::string::npos);
  CHECK(said.find(" " + std::to_string(of_a_library.get()) + " ") == std::string::npos);
}

TEST_CASE("spawn: it leads a group of its own, and no signal is blocked or ignored") {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked, was;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  sigprocmask(SIG_BLOCK, &blocked, &was);
  // By what takes the shell's place: a shell that waits for a child blocks signals of its own.
  const std::string said = said_by(
      "[ $(cut -d' ' -f5 /proc/$$/stat) = $$ ] && echo leads >&3; exec grep -E '^Sig(Blk|Ign)' "
      "/proc/self/status >&3",
      0);
  sigprocmask(SIG_SETMASK, &was, nullptr);
  std::signal(SIGPIPE, before);
  CHECK(said.find("SigBlk:\t0000000000000000\n") != std::string::npos);
  const std::size_t ignored = said.find("SigIgn:\t");
  REQUIRE(ignored != std::string::npos);
  CHECK((std::stoull(said.substr(ignored + 8, 16), nullptr, 16) & 0x7fffffffU) ==
        0);  // beyond are the C library's own
  CHECK(said.starts_with("leads\n"));
}

TEST_CASE("spawn: what cannot be run, or given, is an errno") {
  const std::array<std::string, 1> arguments{"x"};
  CHECK(spawn_beside("/nonexistent", arguments, {}) == std::unexpected(ENOENT));
  CHECK(spawn_beside("/bin/true", arguments, std::array{-1}) == std::unexpected(EBADF));
}

}  // namespace spawn_test
