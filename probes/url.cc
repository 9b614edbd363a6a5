#include "probes/url.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "probes/result.h"

namespace herald::probes {
namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

bool has_space_or_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7F;
  });
}

// Of a name: curl would read "0x7f.1" as an IPv4 address.
bool ends_in_number(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  const std::string last = lower_case(dot == std::string_view::npos ? name : name.substr(dot + 1));
  return last.starts_with("0x") ||
         (!last.empty() && last.find_first_not_of("0123456789") == std::string::npos);
}

// "[fe80::1%25eth0]" is fe80::1%eth0: what comes after '%' is encoded in a URL, and often is not.
std::string without_brackets(std::string_view host) {
  if (!host.starts_with('[')) return std::string(host);
  std::string inner(host.substr(1, host.size() - 2));
  const std::size_t zone = inner.find("%25");
  if (zone != std::string::npos) inner.erase(zone + 1, 2);
  return inner;
}

// The length of the host at the beginning of "host:port"; none if its bracket does not end.
std::optional<std::size_t> host_length(std::string_view authority) {
  if (!authority.starts_with('[')) return std::min(authority.find(':'), authority.size());
  const std::size_t bracket = authority.find(']');
  return bracket == std::string_view::npos ? std::nullopt : std::optional(bracket + 1);
}

// Of ":8080"; ":" and "" are the scheme's own.
std::optional<std::uint16_t> port_number(std::string_view port, std::uint16_t own) {
  if (port.empty() || port == ":") return own;
  std::uint16_t number = 0;
  const char* end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data() + 1, end, number);
  return port[0] == ':' && error == std::errc{} && stop == end ? std::optional(number) : std::nullopt;
}

}  // namespace

std::string Url::text_with_host(std::string_view other) const {
  return std::string(is_https ? "https://" : "http://") + user + std::string(other) + port + rest;
}

std::expected<Url, std::string> parse_url(const std::string& text) {
  const std::unexpected no_url(R"(must be a URL such as "http://127.0.0.1:8080/healthz", not )" +
                               quoted_start(text));
  const std::size_t colon = text.find("://");
  if (colon == std::string::npos || has_space_or_control(text)) return no_url;
  const std::string scheme = lower_case(text.substr(0, colon));
  if (scheme != "http" && scheme != "https") return std::unexpected("must begin with http:// or https://");
  Url url;
  url.is_https = scheme == "https";
  const std::string_view after = std::string_view(text).substr(colon + 3);
  const std::size_t size = std::min(after.find_first_of("/?#"), after.size());
  url.rest = after.substr(size);
  std::string_view authority = after.substr(0, size);
  const std::size_t at = authority.find('@');
  if (at != std::string_view::npos) url.user = authority.substr(0, at + 1);
  authority.remove_prefix(url.user.size());
  const auto length = host_length(authority);
  if (!length || *length == 0) return no_url;
  url.host = authority.substr(0, *length);
  const std::string_view port = authority.substr(*length);
  const auto number = port_number(port, url.is_https ? kHttpsPort : kHttpPort);
  if (!number) return no_url;
  if (*number == 0) return std::unexpected("has port 0");
  if (port != ":") url.port = port;
  url.endpoint = {without_brackets(url.host), *number};
  const bool in_brackets = url.host.starts_with('[');
  if (!is_host(url.endpoint.host) ||
      (literal_of(url.endpoint.host).empty() && ends_in_number(url.endpoint.host)) ||
      in_brackets != url.endpoint.host.contains(':')) {
    return std::unexpected("has a host that is not an address or a name");
  }
  return url;
}

}  // namespace herald::probes
