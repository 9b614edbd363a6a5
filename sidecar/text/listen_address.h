// Where a server listens: "127.0.0.1:9476", "[::1]:9476", or "unix:/run/herald-http/http.sock". Pure.
//
// Names are refused: they would have to be looked up, and may mean another address tomorrow.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "sidecar/text/address.h"

namespace herald {

struct ListenAddress {
  std::string path;  // of a unix socket; empty: the others say where
  Address address;
  std::uint16_t port = 0;

  bool operator==(const ListenAddress&) const = default;
};

// The error is a line for people: "must be ...".
[[nodiscard]] std::expected<ListenAddress, std::string> parse_listen_address(std::string_view text);
// Canonical.
[[nodiscard]] std::string to_string(const ListenAddress& address);

}  // namespace herald
