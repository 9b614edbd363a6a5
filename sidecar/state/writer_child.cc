#include "sidecar/state/writer_child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <exception>
#include <optional>

#include "sidecar/state/write_order.h"

namespace herald {
namespace {

constexpr int kChildSocket = 3;

// Nothing of heraldd's but the socket: not its lock, not its sockets, not where its log goes.
void hold_only(int socket) {
  for (const int ignored : {SIGTERM, SIGINT, SIGHUP, SIGPIPE})
    ::signal(ignored, SIG_IGN);  // heraldd's end is its end
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setpgid(0, 0);
  ::prctl(PR_SET_NAME, "herald-writer", 0, 0, 0);
  const int high = ::fcntl(socket, F_DUPFD, kChildSocket + 1);
  const int null = ::open("/dev/null", O_RDWR);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, standard);
  ::dup2(high, kChildSocket);
  ::close_range(kChildSocket + 1, ~0U, 0);
}

bool read_whole(const Fd& socket, char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t count = ::read(socket.get(), bytes, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes += count;
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

std::optional<std::string> read_packet(const Fd& socket) {
  std::uint32_t size = 0;
  if (!read_whole(socket, reinterpret_cast<char*>(&size), sizeof size)) return std::nullopt;
  std::string packet(size, '\0');
  if (!read_whole(socket, packet.data(), packet.size())) return std::nullopt;
  return packet;
}

std::string packed(const std::expected<void, std::string>& done) {
  const std::string answer = done ? std::string(1, kWrittenAnswer) : kFailedAnswer + done.error();
  const auto size = static_cast<std::uint32_t>(answer.size());
  std::string packet(sizeof size, '\0');
  std::memcpy(packet.data(), &size, sizeof size);
  return packet + answer;
}

bool is_there(const Fd& socket) {
  pollfd state{.fd = socket.get(), .events = 0, .revents = 0};
  return ::poll(&state, 1, 0) == 0;
}

// Where the directory cannot be locked, nothing is lost but the order of two writers.
Fd lock_directory_of(const std::filesystem::path& file) {
  Fd directory(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  while (directory && ::flock(directory.get(), LOCK_EX) != 0 && errno == EINTR) {
  }
  return directory;
}

}  // namespace

void serve_writes(const Fd& socket) {
  while (const auto packet = read_packet(socket)) {
    const auto order = decode_write_order(*packet);
    if (!order) return;
    Fd lock = lock_directory_of(order->file);
    const auto done = carry_out(*order, [&] { return is_there(socket); });
    lock.reset();
    if (!write_all(socket, packed(done))) return;
  }
}

std::expected<WriterChild, std::string> start_writer_child(const std::function<void()>& prepare) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return std::unexpected(system_error_text("socketpair"));
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(system_error_text("fork"));
  if (pid > 0) return WriterChild{pid, std::move(ours)};
  try {
    hold_only(theirs.get());
    if (prepare) prepare();
    serve_writes(Fd(kChildSocket));
  } catch (const std::exception&) {  // no memory; heraldd starts another one
    ::_exit(1);
  }
  ::_exit(0);
}

}  // namespace herald
