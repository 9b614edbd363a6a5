// The keys of an `http` probe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "probes/endpoint.h"
#include "probes/http_expect.h"
#include "probes/tls_settings.h"
#include "sidecar/config/kinds.h"

namespace herald::probes {

enum class HttpVersion : std::uint8_t { v1_0, v1_1, v2, v2_prior_knowledge };
[[nodiscard]] constexpr auto words_of(HttpVersion) {
  using enum HttpVersion;
  return std::to_array<Word<HttpVersion>>(
      {{v1_0, "1.0"}, {v1_1, "1.1"}, {v2, "2"}, {v2_prior_knowledge, "2-prior-knowledge"}});
}

struct HttpSettings final : SettingsOf<HttpSettings> {
  std::string url;  // as curl gets it: its host is tls.server_name where that is given
  bool is_https = false;
  Endpoint endpoint;  // of the URL
  std::optional<Endpoint> connect_to;
  std::string unix_socket;  // begins with '@' in the abstract namespace
  std::string method = "GET";
  std::vector<std::string> headers;  // lines as curl takes them
  std::string body;
  bool sends_body = false;  // an empty one too
  HttpVersion version = HttpVersion::v1_1;
  std::uint32_t follow_redirects = 0;
  bool reuse = false;
  std::uint32_t max_body = 65536;
  TlsSettings tls;
  HttpExpect expect;

  // A redirect may lead from http to https.
  [[nodiscard]] bool may_use_tls() const { return is_https || follow_redirects > 0; }
  bool operator==(const HttpSettings&) const = default;
};

// Whether a header is set whose line begins so, in lower case ("host:").
[[nodiscard]] bool has_header(const HttpSettings& settings, std::string_view beginning);
// What to say of a server that speaks no other version than HTTP/2.
[[nodiscard]] std::string http_2_alone(const HttpSettings& settings);

}  // namespace herald::probes
