#include "sidecar/os/namespace_lock.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <fstream>
#include <optional>
#include <string_view>

namespace herald {
namespace {

constexpr std::string_view kName = "io.herald.lock";
// bind() and listen() of another herald are two calls.
constexpr int kLooks = 20;
constexpr useconds_t kBetweenLooks = 5000;

struct Name {
  sockaddr_un address{};
  socklen_t length = 0;
};

Name lock_name() {
  Name name;
  name.address.sun_family = AF_UNIX;
  kName.copy(name.address.sun_path + 1, kName.size());  // behind a NUL: abstract
  name.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + kName.size());
  return name;
}

Fd make_socket() {
  return Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// Whether that process may change addresses; true where it cannot be seen.
bool may_change_addresses(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("CapPrm:")) continue;
    const std::size_t digits = line.find_first_not_of(" \t", 7);
    std::uint64_t held = 0;
    if (digits == std::string::npos) return true;
    const auto [end, error] = std::from_chars(line.data() + digits, line.data() + line.size(), held, 16);
    return error != std::errc() || (held & (1ULL << CAP_NET_ADMIN)) != 0;
  }
  return true;
}

// Who holds the name, where that is no herald; none: one does, or may.
std::optional<std::string> stranger(const Name& name) {
  for (int look = 0; look < kLooks; ++look) {
    const Fd fd = make_socket();
    if (!fd) return std::nullopt;
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name.address), name.length) != 0) {
      if (errno != ECONNREFUSED) return std::nullopt;  // EAGAIN: it listens, and its backlog is full
      ::usleep(kBetweenLooks);
      continue;
    }
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return std::nullopt;
    const bool is_ours = peer.uid == 0 || peer.uid == ::geteuid();
    if (is_ours || may_change_addresses(peer.pid)) return std::nullopt;
    return fmt::format("process {} of uid {}", peer.pid, peer.uid);
  }
  return "a process that does not listen";
}

}  // namespace

std::expected<NamespaceLock, std::string> NamespaceLock::take() {
  const Name name = lock_name();
  Fd fd = make_socket();
  if (!fd) return std::unexpected(system_error_text("lock the network namespace: socket"));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name.address), name.length) == 0) {
    if (::listen(fd.get(), 1) != 0)
      return std::unexpected(system_error_text("lock the network namespace: listen"));
    return NamespaceLock(std::move(fd));
  }
  if (errno != EADDRINUSE) return std::unexpected(system_error_text("lock the network namespace: bind"));
  const auto holder = stranger(name);
  if (!holder) return std::unexpected("another heraldd runs in this network namespace");
  return NamespaceLock(
      Fd(), fmt::format("{} holds the name of herald's lock (@{}) and is no herald: another heraldd in "
                        "this network namespace would not be noticed",
                        *holder, kName));
}

}  // namespace herald
