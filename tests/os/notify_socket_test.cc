#include "sidecar/os/notify_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "tests/os/no_descriptors.h"
#include "tests/os/temporary_directory.h"

namespace notify_socket_test {

using namespace herald;

namespace {

struct Manager {
  explicit Manager(const std::string& name)
      : fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    std::string raw = name;
    if (raw.front() == '@') raw.front() = '\0';
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    raw.copy(address.sun_path, sizeof address.sun_path);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + raw.size());
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() { ::unsetenv("NOTIFY_SOCKET"); }

  [[nodiscard]] std::string heard() const {
    std::array<char, 256> bytes{};
    const ssize_t count = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
    return {bytes.data(), count < 0 ? 0 : static_cast<std::size_t>(count)};
  }

  Fd fd;
};

}  // namespace

TEST_CASE("systemd is told, at a path or an abstract name") {
  const TemporaryDirectory directory;
  const std::string name = GENERATE(true, false) ? (directory.path() / "notify").string()
                                                 : "@herald-test-" + std::to_string(::getpid());
  const Manager manager(name);
  CHECK(NotifySocket().tell("READY=1"));
  CHECK(manager.heard() == "READY=1");
}

TEST_CASE("systemd hears that a process lives which has no descriptor left") {
  const TemporaryDirectory directory;
  const Manager manager(directory.path() / "notify");
  const NotifySocket socket;
  const fixture::NoDescriptors none(fixture::NoDescriptors::Of::all);
  CHECK(socket.tell("WATCHDOG=1"));
  CHECK(manager.heard() == "WATCHDOG=1");
}

TEST_CASE("where nobody listens everything is told to nobody, and where somebody is gone nothing is") {
  CHECK(NotifySocket().tell("READY=1"));
  ::setenv("NOTIFY_SOCKET", "relative", 1);
  CHECK(NotifySocket().tell("READY=1"));
  ::setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
  CHECK_FALSE(NotifySocket().tell("READY=1"));
  ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace notify_socket_test
