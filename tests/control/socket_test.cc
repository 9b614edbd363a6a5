#include "sidecar/control/socket.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/os/temporary_directory.h"

namespace socket_test {

using namespace herald;

namespace {

constexpr auto kNoGroup = "herald-has-no-such-group";

std::string error_of(const std::string& path, const std::string& group = "root") {
  const auto socket = ControlSocket::open({.socket = path, .group = group});
  return socket ? "" : socket.error();
}

int mode_of(const std::filesystem::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<int>(status.st_mode & 07777U) : -1;
}

// The kernel's answer on a child process that connects as somebody else.
VarlinkPeer identify_as(const ControlSocket& socket, const std::string& path, uid_t user, gid_t group,
                        const std::vector<gid_t>& others) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const pid_t child = ::fork();
  if (child == 0) {
    const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const bool connected =
        ::setgroups(others.size(), others.data()) == 0 && ::setgid(group) == 0 && ::setuid(user) == 0 &&
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    ::_exit(connected ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  const Fd client(::accept4(socket.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(client);
  return socket.identify(client);
}

}  // namespace

TEST_CASE("the socket is open to everybody, in a directory that is made when it is missing") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() / "run" / "control.sock";
  const mode_t mask = ::umask(077);
  {
    const auto socket = ControlSocket::open({.socket = path, .group = kNoGroup});
    ::umask(mask);
    REQUIRE(socket);
    CHECK(mode_of(path) == 0666);
    CHECK(mode_of(directory.path() / "run") == 0755);
    CHECK(socket->warning() ==
          R"(control.group "herald-has-no-such-group" does not exist: only root may change things)");
  }
  CHECK(mode_of(path) == -1);  // the file goes with the socket
}

TEST_CASE("paths that cannot be are refused with the reason") {
  const TemporaryDirectory directory;
  CHECK(error_of(directory.path() / "no" / "such" / "control.sock").find("No such file or directory") !=
        std::string::npos);
  CHECK(error_of(directory.path() / std::string(120, 'x')).find("too long") != std::string::npos);
  const auto file = directory.write("file", "precious");
  CHECK(error_of(file).find("something else is there") != std::string::npos);
  CHECK(std::filesystem::file_size(file) == 8);
}

TEST_CASE("a dead daemon's socket file is replaced, a live one's is not") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() / "control.sock";
  {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto socket = ControlSocket::open({.socket = path, .group = "root"});
      ::_exit(socket ? 0 : 1);  // without destructors, as a crash would
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    REQUIRE(std::filesystem::exists(path));
  }
  const auto first = ControlSocket::open({.socket = path, .group = "root"});
  REQUIRE(first);
  CHECK_FALSE(first->warning());
  CHECK(error_of(path) == "another heraldd answers on " + path);
  CHECK(std::filesystem::exists(path));
}

TEST_CASE("a successor's socket file is left alone") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() / "control.sock";
  auto first = ControlSocket::open({.socket = path, .group = "root"});
  REQUIRE(first);
  std::filesystem::remove(path);
  const auto second = ControlSocket::open({.socket = path, .group = "root"});
  REQUIRE(second);
  {
    const ControlSocket gone = std::move(*first);
  }
  CHECK(std::filesystem::exists(path));
}

TEST_CASE("root and the group may change things, others may not") {
  if (::geteuid() != 0) return;
  const group* members = ::getgrnam("daemon");
  REQUIRE(members != nullptr);
  const gid_t wanted = members->gr_gid;
  const TemporaryDirectory directory;
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  const std::string path = directory.path() / "control.sock";
  const auto socket = ControlSocket::open({.socket = path, .group = "daemon"});
  REQUIRE(socket);
  CHECK(identify_as(*socket, path, 0, 0, {}).may_change);
  CHECK(identify_as(*socket, path, 12345, wanted, {}).may_change);
  CHECK(identify_as(*socket, path, 12345, 12345, {7, wanted, 9}).may_change);
  CHECK_FALSE(identify_as(*socket, path, 12345, 12345, {7, 9}).may_change);
  CHECK_FALSE(identify_as(*socket, path, 12345, 12345, {}).may_change);
  const VarlinkPeer peer = identify_as(*socket, path, 12345, 12345, {});
  CHECK(peer.user == 12345);
  CHECK(peer.process > 0);
}

TEST_CASE("where the group does not exist only root may change things") {
  if (::geteuid() != 0) return;
  const TemporaryDirectory directory;
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  const std::string path = directory.path() / "control.sock";
  const auto socket = ControlSocket::open({.socket = path, .group = kNoGroup});
  REQUIRE(socket);
  CHECK(identify_as(*socket, path, 0, 0, {}).may_change);
  CHECK_FALSE(identify_as(*socket, path, 12345, 0, {0}).may_change);
}

}  // namespace socket_test
