// What a process is after it has given up its privileges: told by a child, for there is no way back.
#include "sidecar/work/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <functional>
#include <sstream>

#include "sidecar/os/fd.h"
#include "tests/os/temporary_directory.h"

namespace privileges_test {

using namespace herald;
using namespace herald::work;

namespace {

// What the child says.
std::string said_by(const std::function<void(const Fd& out)>& child) {
  std::array<int, 2> ends{};
  REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
  const Fd from(ends[0]);
  Fd to(ends[1]);
  const pid_t pid = fork();
  if (pid == 0) {
    child(to);
    _exit(0);
  }
  to.reset();
  std::string said;
  std::array<char, 4096> buffer;
  for (ssize_t count = 0; (count = read(from.get(), buffer.data(), buffer.size())) > 0;)
    said.append(buffer.data(), static_cast<std::size_t>(count));
  REQUIRE(waitpid(pid, nullptr, 0) == pid);
  return said;
}

// The child becomes that, and then a program that shows its own /proc/self/status.
std::string status_after(const Privileges& privileges, const char* program = "/bin/cat") {
  return said_by([&](const Fd& out) {
    constexpr std::array<gid_t, 2> kGroups{4, 5};
    if (setgroups(kGroups.size(), kGroups.data()) != 0) _exit(1);
    if (const auto done = give_up_privileges(privileges); !done) {
      (void)write_all(out, "error: " + done.error());
      _exit(0);
    }
    dup2(out.get(), STDOUT_FILENO);
    execl(program, program, "/proc/self/status", nullptr);
  });
}

std::string value(const std::string& status, const std::string& key) {
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key + ":")) continue;
    const std::size_t at = line.find_first_not_of(" \t", key.size() + 1);
    return at == std::string::npos ? "" : line.substr(at, line.find_last_not_of(" \t") - at + 1);
  }
  return "there is no " + key;
}

const std::string kNone = "0000000000000000";
const std::string kRaw = "0000000000002000";
const std::string kNobody = "65534\t65534\t65534\t65534";  // real, effective, saved, file system's

}  // namespace

TEST_CASE("privileges: the user's, in no group but its own, without a capability in any set") {
  if (geteuid() != 0) return;
  const std::string status = status_after({.user = "nobody"});
  CHECK(value(status, "Uid") == kNobody);
  CHECK(value(status, "Gid") == kNobody);
  CHECK(value(status, "Groups").empty());
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    CHECK(value(status, set) == kNone);
  CHECK(value(status, "NoNewPrivs") == "1");
}

TEST_CASE("privileges: with raw, CAP_NET_RAW and nothing else, also in what is run then") {
  if (geteuid() != 0) return;
  const std::string status = status_after({.user = "nobody", .raw = true});
  CHECK(value(status, "Uid") == kNobody);
  CHECK(value(status, "Groups").empty());
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) CHECK(value(status, set) == kRaw);
  CHECK(value(status, "CapBnd") == kNone);
  CHECK(value(status, "NoNewPrivs") == "1");
}

TEST_CASE("privileges: who stays root has no capability, and what it runs gets none back") {
  if (geteuid() != 0) return;
  const std::string status = status_after({});
  CHECK(value(status, "Uid") == "0\t0\t0\t0");
  for (const char* set : {"CapPrm", "CapEff", "CapAmb"}) CHECK(value(status, set) == kNone);
  CHECK(value(status, "NoNewPrivs") == "1");
}

TEST_CASE("privileges: who asks to be root stays as it is") {
  if (geteuid() != 0) return;
  const std::string status = status_after({.user = "root"});
  CHECK(value(status, "CapEff") != kNone);
  CHECK(value(status, "Groups") == "4 5");
}

TEST_CASE("privileges: there is no way back") {
  if (geteuid() != 0) return;
  const std::string said = said_by([](const Fd& out) {
    std::string found;
    if (!give_up_privileges({.user = "nobody", .raw = true})) found += "failed ";
    if (setuid(0) == 0 || seteuid(0) == 0 || setresuid(0, 0, 0) == 0) found += "uid ";
    if (setgid(0) == 0 || setegid(0) == 0) found += "gid ";
    if (setgroups(0, nullptr) == 0) found += "groups ";
    if (open("/etc/shadow", O_RDONLY) >= 0) found += "shadow ";
    (void)write_all(out, found + "end");
  });
  CHECK(said == "end");
}

TEST_CASE("privileges: a setuid program is run as nobody") {
  if (geteuid() != 0) return;
  const TemporaryDirectory directory;
  const auto program = directory.path() / "cat";
  std::filesystem::copy_file("/bin/cat", program);
  REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
  REQUIRE(chmod(program.c_str(), 04755) == 0);
  const std::string status = status_after({.user = "nobody"}, program.c_str());
  CHECK(value(status, "Uid") == kNobody);
  CHECK(value(status, "CapEff") == kNone);
}

TEST_CASE("privileges: a user that is not there is said, and nothing is given up") {
  if (geteuid() != 0) return;
  CHECK(status_after({.user = "no-such-user"}) == "error: there is no user no-such-user");
}

TEST_CASE("privileges: who is not root stays who it is, and has nothing to lose") {
  if (geteuid() != 0) return;
  const std::string said = said_by([](const Fd& out) {
    if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0) return;
    const auto done = give_up_privileges({.user = "daemon", .raw = true});
    if (!done || geteuid() != 65534) return;
    dup2(out.get(), STDOUT_FILENO);
    execl("/bin/cat", "/bin/cat", "/proc/self/status", nullptr);
  });
  CHECK(value(said, "Uid") == kNobody);
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) CHECK(value(said, set) == kNone);
  CHECK(value(said, "NoNewPrivs") == "1");
}

}  // namespace privileges_test
