// Sockets of probes: where they go to and where they leave from.
//
// It refuses to block: every socket is non-blocking and O_CLOEXEC.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "sidecar/core/config.h"
#include "sidecar/core/types.h"
#include "sidecar/os/fd.h"
#include "sidecar/text/address.h"

namespace herald::probes {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] int family() const { return storage.ss_family; }
  [[nodiscard]] std::uint16_t port() const;
  void set_port(std::uint16_t port);
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// `scope` is the index of the interface that a link-local address belongs to, 0 for others.
[[nodiscard]] SocketAddress socket_address(const Address& address, std::uint16_t port,
                                           std::uint32_t scope = 0);
// Without the port.
[[nodiscard]] Address address_in(const SocketAddress& address);
// "127.0.0.1:80", "[fd00::1]:80"; without a port the address alone.
[[nodiscard]] std::string to_string(const SocketAddress& address);

// A socket for one attempt, bound as the probe wants; `protocol` is that of socket(2), 0 for TCP and UDP. The error is a
// result: what fails here is this machine's trouble.
[[nodiscard]] std::expected<Fd, ProbeResult> open_socket(int family, int type, int protocol,
                                                         const SocketOptions& options);

// A connection that is under way, or a datagram socket that is connected. The error is a result.
[[nodiscard]] std::expected<Fd, ProbeResult> connect_socket(const SocketAddress& address, int type,
                                                            const SocketOptions& options);
// The same of a unix socket, whose path begins with '@' in the abstract namespace.
[[nodiscard]] std::expected<Fd, ProbeResult> connect_unix(const std::string& path);
// What became of a connection that was under way: 0 or an errno.
[[nodiscard]] int pending_error(int fd);

}  // namespace herald::probes
