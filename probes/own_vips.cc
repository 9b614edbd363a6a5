#include "probes/own_vips.h"

#include <cerrno>
#include <utility>

#include "probes/result.h"

namespace herald::probes {
namespace {

constexpr std::uint16_t kAnyPort = 9;  // nothing is sent to it

}  // namespace

void OwnVips::set(const std::vector<Address>& vips) {
  vips_.clear();
  for (const Address& vip : vips) vips_.emplace(vip.family, vip.bytes);
}

bool OwnVips::contains(const SocketAddress& address) const {
  const Address host = address_in(address);
  return vips_.contains({host.family, host.bytes});
}

std::expected<bool, ProbeResult> is_here(const SocketAddress& address, const SocketOptions& options) {
  SocketOptions unbound = options;
  unbound.source.clear();
  const auto fd = open_socket(address.family(), SOCK_DGRAM, 0, unbound);
  if (!fd) return std::unexpected(fd.error());
  SocketAddress to = address;
  to.set_port(kAnyPort);
  if (connect(fd->get(), to.get(), to.size) != 0) {
    // herald's own trouble says nothing; of an address that is here there is a route, and a source.
    const int error = errno;
    if (error != EAGAIN && error != ENOBUFS && error != ENOMEM) return false;
    return std::unexpected(network_result("look for " + to_string(to), error));
  }
  SocketAddress from;
  from.size = sizeof from.storage;
  if (getsockname(fd->get(), reinterpret_cast<sockaddr*>(&from.storage), &from.size) != 0)
    return std::unexpected(local_trouble(system_error_text("getsockname")));
  return address_in(from).bytes == address_in(to).bytes;
}

}  // namespace herald::probes
