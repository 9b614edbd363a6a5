// What a probe talks to, as the configuration says it: an address or a name, and a port.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace herald::probes {

struct Endpoint {
  std::string host;  // a literal address ("fe80::1%eth0" too) or a name, without brackets
  std::uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
};

// Why a host cannot be connected to, or "": a link-local address is one only together with its interface.
[[nodiscard]] std::string missing_zone(const std::string& host);
// "host:port", "192.0.2.1:80", "[fd00::1]:80"; with a default port also without one. The error is a line for
// people.
[[nodiscard]] std::expected<Endpoint, std::string> parse_endpoint(std::string_view text,
                                                                  std::optional<std::uint16_t> default_port);
// Whether a host can be a target: a literal address or a well-formed name.
[[nodiscard]] bool is_host(std::string_view host);
// "fe80::1" of "fe80::1%eth0".
[[nodiscard]] std::string_view without_zone(std::string_view host);
// The literal address without its zone, or "" for a name.
[[nodiscard]] std::string literal_of(const std::string& host);
// "host:port", names in lower case: equal endpoints have equal texts.
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

}  // namespace herald::probes
