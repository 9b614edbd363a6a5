// IP addresses and host prefixes: text to bytes for the adapters, and text to canonical text for the core.
//
// It refuses what cannot be a VIP (networks, loopback, link-local, multicast) with the reason and, where
// there is one, the right spelling. Names are never resolved here.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "sidecar/core/types.h"

namespace herald {

struct Address {
  int family = 0;                        // AF_INET or AF_INET6
  std::array<std::uint8_t, 16> bytes{};  // network order; an IPv4 address fills the first four
  std::uint8_t prefix_length = 0;        // 32 or 128: herald knows single addresses only

  auto operator<=>(const Address&) const = default;
};

// A literal address without a length. An IPv4-mapped IPv6 address is the IPv4 address that it stands for.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);
// Canonical text without the length: "10.99.0.1", "fd00:99::1".
[[nodiscard]] std::string to_string(const Address& address);
[[nodiscard]] bool is_unicast(const Address& address);

// "fd00:99:0::1/128" gives fd00:99::1/128; the error is a line for people.
[[nodiscard]] std::expected<Vip, std::string> parse_vip(std::string_view text);
// Any address with a length, as a router lists its networks: "10.0.0.0/8".
[[nodiscard]] bool is_prefix(std::string_view text);
// A Vip comes from parse_vip() and so always has an address; any other aborts.
[[nodiscard]] Address address_of(const Vip& vip);
// By the canonical text.
[[nodiscard]] inline bool is_ipv6(const Vip& vip) {
  return vip.prefix.contains(':');
}

}  // namespace herald
