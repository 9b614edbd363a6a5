#include "sidecar/os/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

#include <cstdlib>
#include <ctime>
#include <utility>

#include "sidecar/os/loop.h"
#include "sidecar/text/plain_text.h"

namespace herald {
namespace {

constexpr std::uint32_t kMostInWindow = 4000;
constexpr Duration kWindow = std::chrono::seconds(10);
constexpr std::size_t kLongestLine =
    2000;  // with its fields below PIPE_BUF, so that poll() can promise room for it
constexpr const char* kJournal = "/run/systemd/journal/socket";

bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info{};
  if (stream == nullptr || fstat(STDERR_FILENO, &info) != 0) return false;
  return fmt::format("{}:{}", info.st_dev, info.st_ino) == stream;
}

// On the same socket once more: another one would need a descriptor.
bool connect_journal(const Fd& fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string_view(kJournal).copy(address.sun_path, sizeof address.sun_path - 1);
  return fd && connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

Fd open_journal() {
  Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return connect_journal(fd) ? std::move(fd) : Fd();
}

// One line that is fit to be shown, of at most kLongestLine bytes: what a probed server said must not forge log lines or
// drive a terminal.
std::string cleaned(std::string_view message) {
  std::string line = printable(message.substr(0, kLongestLine));
  if (line.size() <= kLongestLine) return line;
  std::size_t end = kLongestLine;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0U) == 0x80)
    --end;  // not inside of a character
  line.resize(end);
  return line;
}

std::string_view word_for(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return "error";
    case LogLevel::warning:
      return "warning";
    case LogLevel::notice:
      return "notice";
    case LogLevel::info:
      break;
  }
  return "info";
}

}  // namespace

Log::Log(LogTarget target) {
  if (target == LogTarget::journal || (target == LogTarget::automatic && stderr_is_journal())) {
    journal_ = open_journal();
  }
}

void Log::write(LogLevel level, std::string_view message, const LogFields& fields) {
  if (!within_limit(Loop::clock())) {
    ++lost_;
    return;
  }
  std::string line = cleaned(message);
  if (lost_ > 0) line = fmt::format("({} lines lost) {}", lost_, line);
  const bool written = journal_ ? send_to_journal(level, line, fields) : print(level, line);
  if (!written) {
    ++lost_;
  } else {
    lost_before_ += std::exchange(lost_, 0);
  }
}

bool Log::within_limit(TimePoint now) {
  if (now - window_start_ >= kWindow) {
    window_start_ = now;
    in_window_ = 0;
  }
  return ++in_window_ <= kMostInWindow;
}

// The journal's native protocol (systemd, "Native Journal Protocol"). sd_journal_send() would do, but it
// waits for a journald that hangs, and every probe and lease would wait with it.
bool Log::send_to_journal(LogLevel level, const std::string& message, const LogFields& fields) {
  std::string datagram =
      fmt::format("MESSAGE={}\nPRIORITY={}\nSYSLOG_IDENTIFIER=heraldd\n", message, static_cast<int>(level));
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) datagram += fmt::format("{}={}\n", name, cleaned(value));
  };
  add("HERALD_SERVICE", fields.service);
  add("HERALD_PROBE", fields.probe);
  add("HERALD_TRANSITION", fields.transition);
  if (send(journal_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
  // journald was restarted, or is about to be
  return connect_journal(journal_) &&
         send(journal_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

bool Log::print(LogLevel level, const std::string& message) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const std::string line = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {}: {}\n", fmt::gmtime(now.tv_sec),
                                       now.tv_nsec / 1000000, word_for(level), message);
  pollfd room{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return false;
  return ::write(STDERR_FILENO, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

}  // namespace herald
