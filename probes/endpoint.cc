#include "probes/endpoint.h"

#include <fmt/format.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

#include "sidecar/text/address.h"

namespace herald::probes {
namespace {

constexpr std::size_t kLongestName = 253;
constexpr std::size_t kLongestLabel = 63;

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

bool is_name(std::string_view host) {
  if (host.empty() || host.size() > kLongestName) return false;
  std::size_t label = 0;
  bool has_letter = false;
  for (const char c : host) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    if (c == '.' ? label == 0 : !letter && !digit && c != '-' && c != '_') return false;
    label = c == '.' ? 0 : label + 1;
    if (label > kLongestLabel) return false;
    has_letter = has_letter || letter;
  }
  // "10.0.0.256" is a slip of the pen, not a name.
  return has_letter;
}

}  // namespace

std::string_view without_zone(std::string_view host) {
  return host.substr(0, host.find('%'));
}

std::string missing_zone(const std::string& host) {
  const auto address = parse_address(host);
  const bool is_link_local = address && address->family == AF_INET6 && address->bytes[0] == 0xFE &&
                             (address->bytes[1] & 0xC0U) == 0x80U;
  if (!is_link_local) return "";
  return fmt::format("{0} is link-local and needs its interface, such as \"{0}%eth0\"", host);
}

std::expected<Endpoint, std::string> parse_endpoint(std::string_view text,
                                                    std::optional<std::uint16_t> default_port) {
  constexpr const char* kForms = R"(must be "host:port", "192.0.2.1:port" or "[2001:db8::1]:port")";
  std::string_view host = text;
  std::string_view port;
  const std::size_t colon = text.rfind(':');
  const std::size_t bracket = text.rfind(']');
  const bool many_colons = std::ranges::count(text, ':') > 1;
  if (!text.empty() && text[0] == '[' && bracket != std::string_view::npos) {
    host = text.substr(1, bracket - 1);
    port = text.substr(bracket + 1);
    if (!port.empty() && port[0] != ':') return std::unexpected(kForms);
    if (!parse_address(without_zone(host))) return std::unexpected(kForms);
  } else if (colon != std::string_view::npos && !many_colons) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  } else if (many_colons && !default_port) {
    return std::unexpected(
        parse_address(without_zone(text)) ? fmt::format("has no port; write \"[{}]:port\"", text) : kForms);
  }
  if (!is_host(host)) return std::unexpected(fmt::format("{}; the host is not an address or a name", kForms));
  if (std::string missing = missing_zone(std::string(host)); !missing.empty()) {
    return std::unexpected(std::move(missing));
  }
  if (port.empty() && default_port) return Endpoint{std::string(host), *default_port};
  const auto number = parse_port(port.empty() ? port : port.substr(1));
  if (!number) return std::unexpected(fmt::format("{} with a port from 1 to 65535", kForms));
  return Endpoint{std::string(host), *number};
}

bool is_host(std::string_view host) {
  if (parse_address(host)) return true;
  const std::size_t percent = host.find('%');
  if (percent == std::string_view::npos) return is_name(host);
  const auto address = parse_address(host.substr(0, percent));
  const std::size_t zone = host.size() - percent - 1;
  return address && address->family == AF_INET6 && zone > 0 && zone < IF_NAMESIZE;
}

std::string literal_of(const std::string& host) {
  const auto address = parse_address(without_zone(host));
  return address ? herald::to_string(*address) : "";
}

std::string to_string(const Endpoint& endpoint) {
  std::string host = endpoint.host;
  std::ranges::transform(host, host.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const bool brackets = host.contains(':');
  return fmt::format("{}{}{}:{}", brackets ? "[" : "", host, brackets ? "]" : "", endpoint.port);
}

}  // namespace herald::probes
