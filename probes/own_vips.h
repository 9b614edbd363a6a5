// Addresses that herald puts on this machine and takes away again: its VIPs. While one is not here, whoever answers at it is another
// site, by which a dead service would look alive.
//
// It refuses to remember whether an address is here: the kernel is asked at every attempt.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <set>
#include <utility>
#include <vector>

#include "probes/socket.h"
#include "sidecar/text/address.h"

namespace herald::probes {

class OwnVips {
 public:
  void set(const std::vector<Address>& vips);
  [[nodiscard]] bool contains(const SocketAddress& address) const;

 private:
  std::set<std::pair<int, decltype(Address::bytes)>> vips_;
};

// Whether what leaves a socket with these options for `address` stays on this machine. It is told by the address that the kernel
// would send it from: to one of its own, from that one (the local table's prefsrc; RFC 6724, rule 1). The error is this machine's
// trouble.
[[nodiscard]] std::expected<bool, ProbeResult> is_here(const SocketAddress& address,
                                                       const SocketOptions& options);

}  // namespace herald::probes
