// herald-prober: the processes that run heraldd's probes, and their parent. heraldd starts it, or a unit of its own does.
//
//   herald-prober --connection FD [--user NAME] [--raw]    what heraldd runs: it serves that connection alone
//   herald-prober --listen                                 what the unit runs: its socket is that of systemd (LISTEN_FDS)
//   herald-prober --worker | --worker-of-unit              what these run; the latter passes its capabilities on to commands
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sidecar/os/loop.h"
#include "sidecar/os/notify_socket.h"
#include "sidecar/prober/cost.h"
#include "sidecar/prober/spawner.h"
#include "sidecar/prober/worker.h"
#include "sidecar/work/privileges.h"

namespace {

using namespace herald;

constexpr int kFailed = 1;
constexpr int kUsage = 2;

int fail(const std::string& text) {
  (void)std::fprintf(stderr, "herald-prober: %s\n", text.c_str());
  return kFailed;
}

constexpr const char* kWorker = "--worker";
constexpr const char* kWorkerOfUnit = "--worker-of-unit";

int work_off(Fd to_heraldd, int page, bool of_unit) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (!of_unit) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {  // an attempt in flight takes one
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  const rlimit no_core{};
  setrlimit(RLIMIT_CORE, &no_core);
  Loop loop;
  prober::Cost cost(loop, page);
  const prober::Worker worker(loop, std::move(to_heraldd), cost);
  return loop.run();
}

// Signs of life for systemd; an empty source where it wants none.
Source feed_watchdog(Loop& loop, const NotifySocket& manager, Source& next) {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) <= 0) return {};
  const Duration pulse = std::chrono::microseconds(microseconds) / 3;
  Source timer = loop.timer([&manager, &next, pulse] {
    (void)manager.tell("WATCHDOG=1");
    next.set_time(Loop::clock() + pulse);
  });
  timer.set_time(Loop::clock());
  return timer;
}

int serve(const work::Privileges& privileges, Fd socket, bool listens) {
  auto gave_up = listens ? work::no_new_privileges() : work::give_up_privileges(privileges);
  if (!gave_up) return fail(gave_up.error());
  if (!listens) prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  Loop loop;
  const Source terminated = loop.watch_signal(SIGTERM, [&](int) { loop.exit(0); });
  prober::Spawner spawner(loop, "/proc/self/exe", listens ? kWorkerOfUnit : kWorker);
  const NotifySocket manager;
  Source watchdog;
  if (listens) {
    spawner.listen(std::move(socket));
    (void)manager.tell("READY=1");
    watchdog = feed_watchdog(loop, manager, watchdog);
  } else {
    spawner.serve_alone(std::move(socket));
  }
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
    if (argument == kWorker || argument == kWorkerOfUnit)
      return work_off(Fd(work::kSocketFd), work::kPageFd, argument == kWorkerOfUnit);
    if (argument == "--raw") {
      privileges.raw = true;
    } else if (argument == "--listen") {
      listens = true;
    } else if (argument == "--connection" && value != nullptr) {
      connection = number(arguments[++at]);
    } else if (argument == "--user" && value != nullptr) {
      privileges.user = arguments[++at];
    } else {
      (void)fail("it is run by heraldd, or by herald-probe.service");
      return kUsage;
    }
  }
  if (listens) {
    if (sd_listen_fds(1) != 1) return fail("--listen: there is no socket of systemd's");
    return serve(privileges, Fd(SD_LISTEN_FDS_START), true);
  }
  if (!connection) return fail("it is run by heraldd, or by herald-probe.service");
  return serve(privileges, Fd(*connection), false);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv, static_cast<std::size_t>(argc)});
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}
