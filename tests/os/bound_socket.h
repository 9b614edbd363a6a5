// Sockets that wait for somebody, at addresses as people write them.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "sidecar/os/fd.h"
#include "sidecar/os/socket_diag.h"

namespace herald {

struct Open {
  Fd fd;
  std::uint16_t port = 0;
};

// Bound to an address as people write it; TCP listens.
inline Open bound(const char* address, SocketKind kind, std::uint16_t port = 0, bool shared = false) {
  const auto parsed = parse_address(address).value();
  const int type = kind == SocketKind::tcp ? SOCK_STREAM : SOCK_DGRAM;
  Open opened{Fd(socket(parsed.family, type | SOCK_CLOEXEC, 0)), 0};
  const int on = 1;
  if (shared) setsockopt(opened.fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  sockaddr_storage storage{};
  socklen_t length = 0;
  if (parsed.family == AF_INET) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
    std::memcpy(&v4.sin_addr, parsed.bytes.data(), 4);
    length = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, parsed.bytes.data(), 16);
    length = sizeof v6;
  }
  REQUIRE(bind(opened.fd.get(), reinterpret_cast<sockaddr*>(&storage), length) == 0);
  if (kind == SocketKind::tcp) REQUIRE(listen(opened.fd.get(), 5) == 0);
  REQUIRE(getsockname(opened.fd.get(), reinterpret_cast<sockaddr*>(&storage), &length) == 0);
  opened.port = ntohs(parsed.family == AF_INET ? reinterpret_cast<sockaddr_in&>(storage).sin_port
                                               : reinterpret_cast<sockaddr_in6&>(storage).sin6_port);
  return opened;
}

inline ListenerAddress at(const char* address, SocketKind kind, std::uint16_t port) {
  return {kind, parse_address(address).value(), port};
}

}  // namespace herald
