#include "sidecar/daemon/systemd.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include "sidecar/os/fd.h"
#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"

namespace systemd_test {

using namespace herald;
using namespace std::chrono_literals;

namespace {

// In the place of systemd: what sd_notify sends.
class Manager {
 public:
  Manager() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const std::string path = directory_.path() / "notify";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() {
    ::unsetenv("NOTIFY_SOCKET");
    ::unsetenv("WATCHDOG_USEC");
    ::unsetenv("WATCHDOG_PID");
  }

  static void watches(Duration most) {
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(most).count();
    ::setenv("WATCHDOG_USEC", std::to_string(microseconds).c_str(), 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  }

  // What came since it was asked last.
  [[nodiscard]] std::vector<std::string> heard() const {
    std::vector<std::string> texts;
    std::string text(4096, '\0');
    for (ssize_t count = 0; (count = ::recv(fd_.get(), text.data(), text.size(), 0)) > 0;)
      texts.emplace_back(text, 0, static_cast<std::size_t>(count));
    return texts;
  }

 private:
  TemporaryDirectory directory_;
  Fd fd_;
};

using Texts = std::vector<std::string>;

std::string fine() {
  return "all is well";
}

TEST_CASE("systemd: ready once, and a status with it that is told again only when it has changed") {
  const Manager manager;
  Loop loop;
  Systemd systemd(loop);
  systemd.turn_ends({}, fine);
  CHECK(manager.heard().empty());
  systemd.turn_ends({.ready = true}, fine);
  CHECK(manager.heard() == Texts{"READY=1", "STATUS=all is well"});
  systemd.status_changed();
  systemd.turn_ends({.ready = true}, fine);
  CHECK(manager.heard().empty());  // not more often than once a second
  run_for(loop, 1100ms);
  systemd.turn_ends({}, [] { return std::string("one is down"); });
  CHECK(manager.heard() == Texts{"STATUS=one is down"});
  run_for(loop, 1100ms);
  systemd.turn_ends({}, fine);
  CHECK(manager.heard().empty());
}

TEST_CASE("systemd: a watchdog is fed by turns, which come often enough") {
  const Manager manager;
  Manager::watches(3s);
  Loop loop;
  Systemd systemd(loop);
  const Source settle = loop.post([&] { systemd.turn_ends({.ready = true}, fine); });
  const Source end = loop.timer_at(loop.now() + 2500ms, [&] { loop.exit(0); });
  loop.run();
  const Texts heard = manager.heard();
  REQUIRE(heard.size() >= 3);
  CHECK(heard[0] == "READY=1");
  CHECK(heard[1] == "WATCHDOG=1\nSTATUS=all is well");
  CHECK(heard[2] == "WATCHDOG=1\n");
}

TEST_CASE("systemd: a stop that goes on asks for more time") {
  const Manager manager;
  Loop loop;
  Systemd systemd(loop);
  systemd.turn_ends({.ready = true, .stopping = true}, fine);
  CHECK(manager.heard() == Texts{"READY=1", "EXTEND_TIMEOUT_USEC=15000000\nSTATUS=all is well"});
  systemd.exiting();
  CHECK(manager.heard() == Texts{"STOPPING=1"});
}

TEST_CASE("systemd: a reload is told with the time at which it began") {
  const Manager manager;
  Loop loop;
  Systemd systemd(loop);
  systemd.reloading();
  systemd.reloaded();
  const Texts heard = manager.heard();
  REQUIRE(heard.size() == 2);
  CHECK(heard[0].starts_with("RELOADING=1\nMONOTONIC_USEC="));
  CHECK(heard[1] == "READY=1");
}

}  // namespace

}  // namespace systemd_test
