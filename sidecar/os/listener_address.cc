#include "sidecar/os/listener_address.h"

#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

namespace herald {
namespace {

struct HostPort {
  std::string_view host;
  std::uint16_t port = 0;
};

std::optional<HostPort> split(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  HostPort found{text.substr(0, colon), 0};
  const char* const end = text.data() + text.size();
  if (const auto read = std::from_chars(text.data() + colon + 1, end, found.port);
      read.ec != std::errc() || read.ptr != end)
    return std::nullopt;
  if (found.host.starts_with('[') && found.host.ends_with(']'))
    found.host = found.host.substr(1, found.host.size() - 2);
  found.host = found.host.substr(0, found.host.find('%'));
  return found;
}

}  // namespace

bool is_any(const Address& address) {
  return std::ranges::all_of(address.bytes, [](std::uint8_t byte) { return byte == 0; });
}

bool takes(const ListenerAddress& listener, const ListenerAddress& target) {
  if (listener.kind != target.kind || listener.port != target.port) return false;
  const bool family = listener.address.family == AF_INET6 || target.address.family == AF_INET;
  return is_any(listener.address) ? family : listener.address == target.address;
}

bool has_port(std::string_view target) {
  return split(target).has_value();
}

std::vector<ListenerAddress> listeners_of(std::string_view target, SocketKind kind) {
  const auto endpoint = split(target);
  if (!endpoint) return {};
  std::vector<std::string_view> hosts{endpoint->host};
  if (endpoint->host == "localhost") hosts = {"127.0.0.1", "::1"};
  std::vector<ListenerAddress> listeners;
  for (const std::string_view host : hosts) {
    if (const auto address = parse_address(host)) listeners.push_back({kind, *address, endpoint->port});
  }
  return listeners;
}

}  // namespace herald
