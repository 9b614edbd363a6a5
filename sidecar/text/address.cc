#include "sidecar/text/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <span>

namespace herald {

namespace {

constexpr std::uint8_t kV4Length = 32;
constexpr std::uint8_t kV6Length = 128;
constexpr std::array<std::uint8_t, 12> kV4MappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

bool is_all(const Address& address, std::uint8_t value) {
  const auto size = address.family == AF_INET ? 4 : 16;
  return std::all_of(address.bytes.begin(), address.bytes.begin() + size,
                     [&](auto byte) { return byte == value; });
}

bool is_multicast(const Address& address) {
  return address.family == AF_INET ? (address.bytes[0] & 0xF0U) == 0xE0 : address.bytes[0] == 0xFF;
}

Address unmapped(const Address& address) {
  if (address.family != AF_INET6 ||
      !std::ranges::equal(kV4MappedPrefix, std::span(address.bytes).first<12>())) {
    return address;
  }
  Address v4{AF_INET, {}, kV4Length};
  std::copy_n(address.bytes.begin() + kV4MappedPrefix.size(), 4, v4.bytes.begin());
  return v4;
}

// Nothing, or why no router can announce it.
std::string_view unannounceable_v4(const Address& address) {
  const auto first = address.bytes[0];
  if (first == 0) return "is not an address that a host can have";
  if (first == 127) return "is a loopback address, which stays inside the machine";
  if (first == 169 && address.bytes[1] == 254) return "is a link-local address, which no router forwards to";
  if (is_all(address, 0xFF)) return "is the broadcast address";
  if (first >= 240) return "is a reserved address (240.0.0.0/4)";
  return "";
}

std::string_view unannounceable_v6(const Address& address) {
  if (is_all(address, 0)) return "is not an address that a host can have";
  if (to_string(address) == "::1") return "is a loopback address, which stays inside the machine";
  if (address.bytes[0] == 0xFE && (address.bytes[1] & 0xC0U) == 0x80) {
    return "is a link-local address, which no router forwards to";
  }
  return "";
}

std::string_view unannounceable(const Address& address) {
  if (is_multicast(address)) return "is a multicast address, not that of one host";
  return address.family == AF_INET ? unannounceable_v4(address) : unannounceable_v6(address);
}

// Of a network, its first host: what somebody who wrote a network most likely meant to announce one address
// of.
Address host_of(Address address, std::uint8_t length) {
  const std::uint8_t size = address.prefix_length;
  bool is_network = length < size;
  for (std::uint8_t bit = length; bit < size; ++bit) {
    if ((address.bytes[bit / 8] & (0x80U >> (bit % 8U))) != 0) is_network = false;
  }
  if (is_network) address.bytes[size / 8 - 1] |= 1;
  return address;
}

std::optional<std::uint8_t> parse_length(std::string_view text) {
  std::uint8_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return length;
}

// Whatever a user typed, a message stays one short line.
std::string quoted(std::string_view text) {
  constexpr std::size_t kMost = 60;
  std::string out(text.substr(0, kMost));
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return fmt::format("\"{}{}\"", out, text.size() > kMost ? "..." : "");
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  // inet_pton wants a terminated string, and stops at a NUL that is part of the text.
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string terminated(text);
  Address address{AF_INET, {}, kV4Length};
  if (::inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1) return address;
  address = {AF_INET6, {}, kV6Length};
  if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return unmapped(address);
  return std::nullopt;
}

std::string to_string(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_ntop(address.family, address.bytes.data(), text.data(), text.size()) == nullptr) return "";
  return text.data();
}

bool is_unicast(const Address& address) {
  const bool broadcast = address.family == AF_INET && is_all(address, 0xFF);
  return !is_all(address, 0) && !broadcast && !is_multicast(address);
}

std::expected<Vip, std::string> parse_vip(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) {
    return std::unexpected(quoted(text) +
                           R"( is not an address; write one such as "10.99.0.1/32" or "fd00:99::1/128")");
  }
  const std::string host = to_string(*address);
  const std::string prefix = fmt::format("{}/{}", host, address->prefix_length);
  if (const auto why = unannounceable(*address); !why.empty()) {
    return std::unexpected(fmt::format("{} {}", host, why));
  }
  if (slash == std::string_view::npos) {
    return std::unexpected(fmt::format("{} has no prefix length; write {}", host, prefix));
  }
  const auto length = parse_length(text.substr(slash + 1));
  if (!length || *length > address->prefix_length) {
    return std::unexpected(fmt::format("{} has a wrong prefix length; write {}", quoted(text), prefix));
  }
  if (*length < address->prefix_length) {
    return std::unexpected(
        fmt::format("{}/{} is not a host prefix; this lever announces single addresses, write {}/{}", host,
                    *length, to_string(host_of(*address, *length)), address->prefix_length));
  }
  return Vip{prefix};
}

bool is_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const auto address = parse_address(text.substr(0, slash));
  const auto length = parse_length(text.substr(slash + 1));
  // An IPv4-mapped address has become one of 32 bits.
  const std::uint8_t most = text.substr(0, slash).contains(':') ? kV6Length : kV4Length;
  return address && length && *length <= most;
}

Address address_of(const Vip& vip) {
  const auto address = parse_address(std::string_view(vip.prefix).substr(0, vip.prefix.find('/')));
  if (!address) std::abort();
  return *address;
}

}  // namespace herald
