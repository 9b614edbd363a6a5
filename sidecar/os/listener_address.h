// Where somebody listens, and what a target that people write means by it. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sidecar/text/address.h"

namespace herald {

enum class SocketKind : std::uint8_t { tcp, udp };

// Of an any-address all bytes are zero. IPv6's any-address takes IPv4 as well, by default.
struct ListenerAddress {
  SocketKind kind = SocketKind::tcp;
  Address address;
  std::uint16_t port = 0;

  auto operator<=>(const ListenerAddress&) const = default;
};

[[nodiscard]] bool is_any(const Address& address);
// Whether who listens at `listener` gets what is sent to `target`.
[[nodiscard]] bool takes(const ListenerAddress& listener, const ListenerAddress& target);

// "host:port" or "[host]:port", as the configuration's check has written it; a zone means nothing here. "localhost" is both of
// its addresses (RFC 6761); of any other name, and of what has no port, nothing is known.
[[nodiscard]] bool has_port(std::string_view target);
[[nodiscard]] std::vector<ListenerAddress> listeners_of(std::string_view target, SocketKind kind);

}  // namespace herald
