// herald-http: serves what heraldd has to show by HTTP, and may do nothing else. heraldd starts it, or a unit of its own does.
//
//   herald-http --connection FD [--user NAME]    what heraldd runs: it serves that connection alone
//   herald-http --listen                         what the unit runs: its socket is that of systemd (LISTEN_FDS). It serves one
//                                                heraldd, and ends with it: the next one finds a new process, of the version
//                                                that is installed then
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sidecar/http/session.h"
#include "sidecar/os/loop.h"
#include "sidecar/os/notify_socket.h"
#include "sidecar/work/privileges.h"

namespace {

using namespace herald;

constexpr int kFailed = 1;
constexpr int kUsage = 2;

int fail(const std::string& text) {
  (void)std::fprintf(stderr, "herald-http: %s\n", text.c_str());
  return kFailed;
}

void set_limits() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {  // a client takes one
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  const rlimit no_core{};
  setrlimit(RLIMIT_CORE, &no_core);
}

int serve_alone(Fd connection, const work::Privileges& privileges) {
  if (auto gave_up = work::give_up_privileges(privileges); !gave_up) return fail(gave_up.error());
  // Also when it is stopped: its addresses are the next one's.
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  Loop loop;
  const Source terminated = loop.watch_signal(SIGTERM, [&](int) { loop.exit(0); });
  const http::Session session(loop, std::move(connection), [&](const std::string&) { loop.exit(0); });
  return loop.run();
}

// Signs of life for systemd, where it wants them.
class Watchdog {
 public:
  Watchdog(Loop& loop, const NotifySocket& manager)
      : timer_(loop.timer([this] { pulse(); })), manager_(manager) {
    std::uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) <= 0) return;
    every_ = std::chrono::microseconds(microseconds) / 3;
    pulse();
  }

 private:
  void pulse() {
    (void)manager_.tell("WATCHDOG=1");
    timer_.set_time(Loop::clock() + every_);
  }

  Duration every_{};
  Source timer_;
  const NotifySocket& manager_;
};

int serve_unit(const Fd& socket) {
  if (auto gave_up = work::no_new_privileges(); !gave_up) return fail(gave_up.error());
  Loop loop;
  const Source terminated = loop.watch_signal(SIGTERM, [&](int) { loop.exit(0); });
  std::unique_ptr<http::Session> session;
  Source accepting;
  accepting = loop.watch_io(socket.get(), EPOLLIN, [&](std::uint32_t) {
    Fd connection(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection) return;
    session = std::make_unique<http::Session>(loop, std::move(connection),
                                              [&](const std::string&) { loop.exit(0); });
    accepting.reset();
  });
  if (!accepting) return fail("its socket cannot be watched");
  const NotifySocket manager;
  (void)manager.tell("READY=1");
  const Watchdog watchdog(loop, manager);
  return loop.run();
}

std::optional<int> number(std::string_view text) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

int run(std::span<char*> arguments) {
  work::Privileges privileges;
  std::optional<int> connection;
  bool listens = false;
  for (std::size_t at = 1; at < arguments.size(); ++at) {
    const std::string_view argument = arguments[at];
    const char* value = at + 1 < arguments.size() ? arguments[at + 1] : nullptr;
    if (argument == "--listen") {
      listens = true;
    } else if (argument == "--connection" && value != nullptr) {
      connection = number(arguments[++at]);
    } else if (argument == "--user" && value != nullptr) {
      privileges.user = arguments[++at];
    } else {
      (void)fail("it is run by heraldd, or by herald-http.service");
      return kUsage;
    }
  }
  set_limits();
  if (listens) {
    if (sd_listen_fds(1) != 1) return fail("--listen: there is no socket of systemd's");
    return serve_unit(Fd(SD_LISTEN_FDS_START));
  }
  if (!connection) return fail("it is run by heraldd, or by herald-http.service");
  return serve_alone(Fd(*connection), privileges);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv, static_cast<std::size_t>(argc)});
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}
