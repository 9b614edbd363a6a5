// A URL of the configuration, taken apart: http and https, with a host that can be connected to.
//
// It is stricter than curl, which gets what passes here: exactly "//", no IPv4 address in other spellings than four decimal
// numbers, no percent-encoding in the host.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "probes/endpoint.h"

namespace herald::probes {

struct Url {
  bool is_https = false;
  std::string user;   // "name:password@" or ""
  std::string host;   // as written, with its brackets and zone
  std::string port;   // ":8080" or ""
  std::string rest;   // from the path on: "/healthz?full=1"
  Endpoint endpoint;  // the host without brackets, and the port that is meant

  // With another host in place of its own.
  [[nodiscard]] std::string text_with_host(std::string_view other) const;
};

// The error is a line for people.
[[nodiscard]] std::expected<Url, std::string> parse_url(const std::string& text);

}  // namespace herald::probes
