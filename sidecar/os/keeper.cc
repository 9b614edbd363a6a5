#include "sidecar/os/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace herald {
namespace {

// From here to keep(), all runs in the keeper, a fork of a process that may have had threads: system calls and the stack alone.

constexpr std::size_t kLongestPath = 4096;
using Path = std::array<char, kLongestPath>;
constexpr int kWaitForEnds = 10;  // ms, between two looks at who is left

void close_all_but(int one, int other) {
  const auto low = static_cast<unsigned>(std::min(one, other));
  const auto high = static_cast<unsigned>(std::max(one, other));
  const auto close_between = [](unsigned first, unsigned last) {
    if (first <= last) close_range(first, last, 0);
  };
  close_between(STDERR_FILENO + 1, low - 1);
  close_between(low + 1, high - 1);
  close_between(high + 1, ~0U);
}

// All of a small file of the kernel's, as a string; "" where it cannot be read.
template <std::size_t size>
void read_file(const char* path, std::array<char, size>& text) {
  text[0] = '\0';
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const ssize_t count = read(fd, text.data(), size - 1);
  text[static_cast<std::size_t>(std::max<ssize_t>(count, 0))] = '\0';
  close(fd);
}

bool write_file(const char* directory, const char* name, const char* text) {
  Path path;
  if (std::snprintf(path.data(), path.size(), "%s/%s", directory, name) >= static_cast<int>(path.size()))
    return false;
  const int fd = open(path.data(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool is_written = write(fd, text, std::strlen(text)) > 0;
  close(fd);
  return is_written;
}

// A cgroup below herald's own, for what this keeper starts. Without one, the descendants are what is left to go by.
class Group {
 public:
  // The keeper moves in, so that the command begins there; leave() takes it out again.
  void enter() {
    std::array<char, kLongestPath> membership;
    read_file("/proc/self/cgroup", membership);
    char* own = std::strstr(membership.data(), "0::/");
    if (own == nullptr) return;
    own += 3;
    own[std::strcspn(own, "\n")] = '\0';
    if (!is_below("/sys/fs/cgroup", own) && !is_below("/sys/fs/cgroup/unified", own)) return;
    const int size = std::snprintf(path_.data(), path_.size(), "%s/herald-exec.%d", above_.data(), getpid());
    if (size >= static_cast<int>(path_.size())) return;
    if (mkdir(path_.data(), 0755) != 0) return;
    is_made_ = true;
    is_entered_ = write_file(path_.data(), "cgroup.procs", "0");
  }

  // One that it cannot leave must not be ended.
  void leave() { is_endable_ = is_entered_ && write_file(above_.data(), "cgroup.procs", "0"); }

  void end() const {
    if (is_endable_) write_file(path_.data(), "cgroup.kill", "1");
  }

  void remove() const {
    if (is_made_) rmdir(path_.data());
  }

 private:
  // Whether cgroup v2 is there, and herald's own can be written.
  bool is_below(const char* mount, const char* own) {
    const int size = std::snprintf(above_.data(), above_.size(), "%s%s", mount, own);
    const int whole = std::snprintf(path_.data(), path_.size(), "%s/cgroup.procs", above_.data());
    return size < static_cast<int>(above_.size()) && whole < static_cast<int>(path_.size()) &&
           access(path_.data(), W_OK) == 0;
  }

  Path above_{};
  Path path_{};
  bool is_made_ = false;
  bool is_entered_ = false;
  bool is_endable_ = false;
};

// Its children cannot be others by now: they are its own to reap.
void kill_children() {
  std::array<char, 65536> list;
  read_file("/proc/thread-self/children", list);
  for (char* next = list.data(); *next != '\0';) {
    char* end = nullptr;
    const long pid = std::strtol(next, &end, 10);
    if (end == next) break;
    if (pid > 1 && *end == ' ')
      kill(static_cast<pid_t>(pid), SIGKILL);  // one that was cut off is for the next time
    next = end;
  }
}

std::int64_t milliseconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

class KeptProcesses {
 public:
  explicit KeptProcesses(int link) : link_(link) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    ends_ = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  }

  KeptEnd run(const std::function<int(pid_t&)>& spawn, int output) {
    group_.enter();
    end_.error = spawn(command_);
    group_.leave();
    close(output);
    if (end_.error == 0) wait_for_end();
    end_all();
    return end_;
  }

 private:
  // Of the command, or of herald's interest in it.
  void wait_for_end() {
    std::array<pollfd, 2> waits{{{link_, POLLIN, 0}, {ends_, POLLIN, 0}}};
    while (!has_ended_) {
      if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
      if (waits[0].revents != 0) return;
      reap();
    }
  }

  // False once there is nobody left.
  bool reap() {
    signalfd_siginfo info{};
    while (read(ends_, &info, sizeof info) > 0) {
    }
    siginfo_t who{};
    while (waitid(P_ALL, 0, &who, WEXITED | WNOHANG) == 0) {
      if (who.si_pid == 0) return true;
      if (who.si_pid != command_) continue;
      has_ended_ = true;
      end_.code = who.si_code;
      end_.status = who.si_status;
    }
    return errno != ECHILD;
  }

  // Who is killed leaves children, who are the keeper's from then on: down to the last generation.
  void end_all() {
    const std::int64_t limit = milliseconds() + kMostEnding / std::chrono::milliseconds(1);
    group_.end();
    while (reap() && milliseconds() < limit) {
      kill_children();
      pollfd wait{ends_, POLLIN, 0};
      poll(&wait, 1, kWaitForEnds);
    }
    group_.remove();
  }

  int link_;
  int ends_ = -1;
  pid_t command_ = -1;
  bool has_ended_ = false;
  KeptEnd end_;
  Group group_;
};

[[noreturn]] void keep(const std::function<int(pid_t&)>& spawn, int output, int link) {
  setpgid(0, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_NAME, "herald-keeper");
  close_all_but(output, link);
  KeptProcesses processes(link);
  const KeptEnd end = processes.run(spawn, output);
  send(link, &end, sizeof end, MSG_NOSIGNAL | MSG_DONTWAIT);
  _exit(0);
}

}  // namespace

std::expected<Keeper, std::string> start_keeper(const std::function<int(pid_t&)>& spawn, int output) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return std::unexpected(system_error_text("socketpair"));
  Keeper keeper{-1, Fd(ends[0])};
  const Fd its_end(ends[1]);
  // No handler of herald's may run in the copy.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  keeper.pid = fork();
  if (keeper.pid == 0) keep(spawn, output, its_end.get());
  const int error = errno;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (keeper.pid < 0) return std::unexpected(system_error_text("fork", error));
  return keeper;
}

std::optional<KeptEnd> read_end(const Keeper& keeper) {
  KeptEnd end;
  const ssize_t count = recv(keeper.link.get(), &end, sizeof end, MSG_DONTWAIT);
  return count == static_cast<ssize_t>(sizeof end) ? std::optional(end) : std::nullopt;
}

}  // namespace herald
