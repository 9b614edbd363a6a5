#include "probes/http_settings.h"

#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <memory>

#include "probes/bytes.h"
#include "probes/settings.h"
#include "probes/url.h"
#include "sidecar/config/json_reader.h"

namespace herald::probes {
namespace {

constexpr std::uint32_t kMostRedirects = 10;
constexpr std::uint32_t kLargestBody = 16U << 20U;
constexpr std::size_t kLongestUrl = 8192;
constexpr std::size_t kLongestRequestBody = 65536;
constexpr std::size_t kMostHeaders = 64;
constexpr std::size_t kLongestHeader = 8192;

// Of an HTTP token: what a method or a header's name may consist of.
bool is_token(std::string_view text) {
  constexpr std::string_view kSpecial = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return alphanumeric || kSpecial.find(c) != std::string_view::npos;
  });
}

// curl takes the name for SNI and for the check of the certificate from the URL, so that is where server_name
// goes; the server is still asked for the host that the URL had.
std::string url_for_curl(const Url& url, HttpSettings& settings) {
  if (settings.tls.server_name.empty() || !url.is_https) return url.text_with_host(url.host);
  const std::string host = url.host.substr(0, url.host.find('%'));
  if (!has_header(settings, "host:")) {
    const bool had_zone = host.size() < url.host.size();
    settings.headers.push_back(fmt::format("Host: {}{}{}", host, had_zone ? "]" : "", url.port));
  }
  return url.text_with_host(settings.tls.server_name);
}

void read_url(ObjectReader& keys, HttpSettings& settings) {
  std::string text;
  if (!keys.require("url") || !keys.read("url", text)) return;
  if (text.size() > kLongestUrl)
    return keys.fail("url", fmt::format("is longer than {} characters", kLongestUrl));
  const auto url = parse_url(text);
  if (!url) return keys.fail("url", url.error());
  settings.is_https = url->is_https;
  settings.endpoint = url->endpoint;
  settings.url = url_for_curl(*url, settings);
}

void read_headers(ObjectReader& keys, HttpSettings& settings) {
  auto headers = keys.object("headers");
  if (!headers) return;
  if (headers->json().size() > kMostHeaders)
    keys.fail("headers", fmt::format("must be at most {}", kMostHeaders));
  for (const auto& item : headers->json().items()) {
    std::string value;
    if (!headers->read(item.key(), value)) continue;
    if (!is_token(item.key())) {
      headers->fail(item.key(), "is not the name of a header");
    } else if (value.size() > kLongestHeader ||
               value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      headers->fail(item.key(), fmt::format("must be one line of at most {} characters", kLongestHeader));
    } else {
      // With ";" curl sends an empty header; with ":" it would leave it out.
      settings.headers.push_back(value.empty() ? item.key() + ";" : item.key() + ": " + value);
    }
  }
}

void read_request(ObjectReader& keys, HttpSettings& settings) {
  if (read_bytes(keys, "body", settings.body, kLongestRequestBody)) settings.method = "POST";
  if (keys.read("method", settings.method) && (!is_token(settings.method) || settings.method == "CONNECT")) {
    keys.fail("method", R"(must be an HTTP method such as "GET", "HEAD" or "POST")");
  }
  if (settings.method == "HEAD" && !settings.body.empty()) keys.fail("body", "cannot go with HEAD");
  // Servers refuse these methods without a length (411), so theirs is sent when it is 0 too.
  settings.sends_body = !settings.body.empty() || settings.method == "POST" || settings.method == "PUT" ||
                        settings.method == "PATCH";
  // What curl would add to a body by itself.
  if (settings.sends_body && !has_header(settings, "content-type"))
    settings.headers.emplace_back("Content-Type:");
  if (settings.sends_body && !has_header(settings, "expect:")) settings.headers.emplace_back("Expect:");
}

void read_connection(ObjectReader& keys, HttpSettings& settings) {
  std::string text;
  if (keys.read("connect_to", text)) {
    auto endpoint = parse_endpoint(text, std::nullopt);
    if (endpoint) {
      settings.connect_to = std::move(*endpoint);
    } else {
      keys.fail("connect_to", endpoint.error());
    }
  }
  if (keys.read("unix_socket", settings.unix_socket)) {
    const std::string& path = settings.unix_socket;
    if ((!path.starts_with('/') && !path.starts_with('@')) || path.size() >= sizeof(sockaddr_un::sun_path)) {
      keys.fail("unix_socket", "must be an absolute path of at most 107 bytes, or \"@name\"");
    }
    if (settings.connect_to) keys.fail("unix_socket", "cannot go with connect_to");
    refuse_socket_keys(keys, "a unix socket");
  }
  keys.read("http_version", settings.version);
  keys.read("follow_redirects", settings.follow_redirects, 0, kMostRedirects);
  keys.read("reuse", settings.reuse);
  keys.read("max_body", settings.max_body, 1, kLargestBody);
}

void check_tls_use(ObjectReader& keys, const HttpSettings& settings) {
  if (settings.is_https || !keys.json().contains("tls")) return;
  if (!settings.may_use_tls()) {
    keys.fail("tls", "needs a URL that begins with https://, or follow_redirects");
  } else if (!settings.tls.server_name.empty()) {
    keys.object("tls")->fail("server_name",
                             "needs a URL that begins with https://; a redirect names its server itself");
  }
}

HttpSettings read_http(ObjectReader& keys) {
  HttpSettings settings;
  if (auto tls = keys.object("tls")) settings.tls = read_tls(std::move(*tls));
  read_headers(keys, settings);
  read_url(keys, settings);
  read_request(keys, settings);
  read_connection(keys, settings);
  read_expect(keys, settings.expect);
  read_warn(keys, settings.expect);
  settings.expect.warn_expiry = settings.tls.warn_expiry;
  if (!settings.url.empty()) check_tls_use(keys, settings);
  const std::string missing = missing_zone(settings.endpoint.host);
  if (!missing.empty() && !settings.connect_to && settings.unix_socket.empty()) keys.fail("url", missing);
  if (settings.method == "HEAD" && settings.expect.needs_body()) {
    keys.fail("expect", "cannot expect a body of HEAD");
  }
  return settings;
}

const Endpoint& peer_of(const HttpSettings& settings) {
  return settings.connect_to ? *settings.connect_to : settings.endpoint;
}

}  // namespace

bool has_header(const HttpSettings& settings, std::string_view name) {
  return std::ranges::any_of(settings.headers, [&](const std::string& line) {
    return line.size() > name.size() &&
           std::ranges::equal(std::string_view(line).substr(0, name.size()), name, {}, [](char c) {
             return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
           });
  });
}

std::string http_2_alone(const HttpSettings& settings) {
  return fmt::format("the server speaks HTTP/2 alone: \"http_version\" has to be \"{}\"",
                     settings.is_https ? "2" : "2-prior-knowledge");
}

CheckedProbe check_http(ObjectReader& keys) {
  auto settings = std::make_unique<HttpSettings>(read_http(keys));
  if (!settings->unix_socket.empty())
    return {"", settings->unix_socket, std::move(settings), Listens::nothing, true};
  return {literal_of(peer_of(*settings).host), to_string(peer_of(*settings)), std::move(settings),
          Listens::tcp, true};
}

}  // namespace herald::probes
