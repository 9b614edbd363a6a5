#include "sidecar/http/listener.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace herald::http {
namespace {

constexpr int kBacklog = 128;

struct SocketName {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketName name_of(const ListenAddress& address) {
  SocketName name;
  if (!address.path.empty()) {
    auto* local = reinterpret_cast<sockaddr_un*>(&name.storage);
    local->sun_family = AF_UNIX;
    std::memcpy(local->sun_path, address.path.c_str(), address.path.size());
    name.size = sizeof *local;
  } else if (address.address.family == AF_INET6) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&name.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    std::memcpy(&v6->sin6_addr, address.address.bytes.data(), sizeof v6->sin6_addr);
    name.size = sizeof *v6;
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&name.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    std::memcpy(&v4->sin_addr, address.address.bytes.data(), sizeof v4->sin_addr);
    name.size = sizeof *v4;
  }
  return name;
}

// Somebody listens there, or might.
bool is_answered(const SocketName& name) {
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return !probe || ::connect(probe.get(), name.get(), name.size) == 0 || errno != ECONNREFUSED;
}

void remove_what_was_left(const std::string& path, const SocketName& name) {
  struct stat file{};
  if (::lstat(path.c_str(), &file) != 0 || !S_ISSOCK(file.st_mode) || is_answered(name)) return;
  ::unlink(path.c_str());
}

std::unexpected<ListenFailure> failure(const ListenAddress& address, int error) {
  std::string text = system_error_text(to_string(address), error);
  const bool is_taken = error == EADDRINUSE;
  if (is_taken && address.path.empty())
    text += fmt::format("; who has it: ss -ltnp 'sport = :{}'", address.port);
  if (is_taken && !address.path.empty()) text += fmt::format("; who has it: ss -lxp 'src {}'", address.path);
  if (error == EACCES && address.path.empty()) text += "; ports below 1024 are root's";
  return std::unexpected(ListenFailure{is_taken, std::move(text)});
}

}  // namespace

std::expected<Fd, ListenFailure> listen_at(const ListenAddress& address) {
  const SocketName name = name_of(address);
  const bool is_local = !address.path.empty();
  Fd fd(::socket(name.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return failure(address, errno);
  const int on = 1;
  // A connection of before must not keep the port from who comes after it.
  if (!is_local) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (name.storage.ss_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  // The address may come later than herald: a lease, a duplicate that is looked for, a carrier.
  if (name.storage.ss_family == AF_INET) setsockopt(fd.get(), IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
  if (name.storage.ss_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
  if (is_local) remove_what_was_left(address.path, name);
  if (::bind(fd.get(), name.get(), name.size) != 0) return failure(address, errno);
  // Who may reach it is decided by its directory: it is only for looking.
  constexpr mode_t kForAll = 0666;
  if (is_local && ::chmod(address.path.c_str(), kForAll) != 0) return failure(address, errno);
  if (::listen(fd.get(), kBacklog) != 0) return failure(address, errno);
  return fd;
}

}  // namespace herald::http
