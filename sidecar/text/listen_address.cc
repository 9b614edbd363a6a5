#include "sidecar/text/listen_address.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <charconv>

namespace herald {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kForms =
    R"(must be an address and a port ("127.0.0.1:9476", "[::1]:9476") or a unix socket ("unix:/PATH"))";

std::expected<ListenAddress, std::string> parse_path(std::string_view path) {
  constexpr std::size_t kMost = sizeof(sockaddr_un::sun_path) - 1;
  if (!path.starts_with('/') || path.contains('\0'))
    return std::unexpected(R"(must have an absolute path behind "unix:")");
  if (path.size() > kMost) return std::unexpected(fmt::format("must have a path of at most {} bytes", kMost));
  return ListenAddress{std::string(path), {}, 0};
}

}  // namespace

std::expected<ListenAddress, std::string> parse_listen_address(std::string_view text) {
  if (text.starts_with(kUnix)) return parse_path(text.substr(kUnix.size()));
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::unexpected(std::string(kForms));
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = parse_address(host);
  std::uint16_t port = 0;
  const char* const end = port_text.data() + port_text.size();
  const auto [rest, error] = std::from_chars(port_text.data(), end, port);
  if (!address || error != std::errc{} || rest != end || port == 0)
    return std::unexpected(std::string(kForms));
  if (bracketed != host.contains(':')) return std::unexpected(std::string(kForms));
  return ListenAddress{"", *address, port};
}

std::string to_string(const ListenAddress& address) {
  if (!address.path.empty()) return std::string(kUnix) + address.path;
  const std::string host = to_string(address.address);
  return address.address.family == AF_INET6 ? fmt::format("[{}]:{}", host, address.port)
                                            : fmt::format("{}:{}", host, address.port);
}

}  // namespace herald
