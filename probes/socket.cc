#include "probes/socket.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "probes/result.h"

namespace herald::probes {
namespace {

bool set_option(const Fd& fd, int level, int option, int value) {
  return setsockopt(fd.get(), level, option, &value, sizeof value) == 0;
}

std::expected<void, ProbeResult> bind_source(const Fd& fd, int family, int type, const std::string& source) {
  const auto address = parse_address(source);
  if (!address || address->family != family) {
    return std::unexpected(local_trouble("source " + source + ": not of the target's family"));
  }
  // The port is chosen at connect, by the whole tuple: otherwise 28,000 attempts use up all ports of the
  // source.
  if (type != SOCK_RAW && !set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)) {
    return std::unexpected(local_trouble(system_error_text("source " + source)));
  }
  const SocketAddress from = socket_address(*address, 0);
  if (bind(fd.get(), from.get(), from.size) == 0) return {};
  return std::unexpected(local_trouble(system_error_text("source " + source)));
}

}  // namespace

// Both families have the port in the same place.
static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));

std::uint16_t SocketAddress::port() const {
  sockaddr_in v4{};
  std::memcpy(&v4, &storage, sizeof v4);
  return ntohs(v4.sin_port);
}

void SocketAddress::set_port(std::uint16_t port) {
  sockaddr_in v4{};
  std::memcpy(&v4, &storage, sizeof v4);
  v4.sin_port = htons(port);
  std::memcpy(&storage, &v4, sizeof v4);
}

SocketAddress socket_address(const Address& address, std::uint16_t port, std::uint32_t scope) {
  SocketAddress result;
  if (address.family == AF_INET) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes.data(), sizeof v4.sin_addr);
    std::memcpy(&result.storage, &v4, sizeof v4);
    result.size = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_scope_id = scope;
    std::memcpy(&v6.sin6_addr, address.bytes.data(), sizeof v6.sin6_addr);
    std::memcpy(&result.storage, &v6, sizeof v6);
    result.size = sizeof v6;
  }
  return result;
}

Address address_in(const SocketAddress& address) {
  Address host{address.family(), {}, 0};
  if (address.family() == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address.storage, sizeof v4);
    std::memcpy(host.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
  } else {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address.storage, sizeof v6);
    std::memcpy(host.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
  }
  return host;
}

std::string to_string(const SocketAddress& address) {
  const std::string host = herald::to_string(address_in(address));
  if (address.port() == 0) return host;
  const bool is_v4 = address.family() == AF_INET;
  return fmt::format("{}{}{}:{}", is_v4 ? "" : "[", host, is_v4 ? "" : "]", address.port());
}

std::expected<Fd, ProbeResult> open_socket(int family, int type, int protocol, const SocketOptions& options) {
  Fd fd(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (!fd) return std::unexpected(local_trouble(system_error_text("socket")));
  if (options.mark != 0 &&
      setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &options.mark, sizeof options.mark) != 0) {
    return std::unexpected(local_trouble(system_error_text(fmt::format("mark {}", options.mark))));
  }
  const std::string& device = options.bind_device;
  if (!device.empty() && setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, device.c_str(),
                                    static_cast<socklen_t>(device.size())) != 0) {
    return std::unexpected(local_trouble(system_error_text("bind_device " + device)));
  }
  if (!options.source.empty()) {
    if (auto bound = bind_source(fd, family, type, options.source); !bound) {
      return std::unexpected(std::move(bound.error()));
    }
  }
  return fd;
}

std::expected<Fd, ProbeResult> connect_socket(const SocketAddress& address, int type,
                                              const SocketOptions& options) {
  auto fd = open_socket(address.family(), type, 0, options);
  if (!fd) return fd;
  if (connect(fd->get(), address.get(), address.size) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    return std::unexpected(network_result("connect " + to_string(address), error));
  }
  return fd;
}

std::expected<Fd, ProbeResult> connect_unix(const std::string& path) {
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return std::unexpected(local_trouble(system_error_text("socket")));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::min(path.size(), sizeof address.sun_path - 1);
  std::memcpy(address.sun_path, path.data(), length);
  const bool is_abstract = path.starts_with('@');
  if (is_abstract) address.sun_path[0] = '\0';
  // The end of a path is told by a zero, that of an abstract name by its length.
  const std::size_t size = offsetof(sockaddr_un, sun_path) + length + (is_abstract ? 0 : 1);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)) != 0)
    return std::unexpected(unix_socket_result("connect " + path, errno));
  return fd;
}

int pending_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace herald::probes
