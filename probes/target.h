// What the attempts of a probe connect to.
//
// It refuses to resolve: names are the resolver's, and an attempt whose name has no address yet is
// inconclusive.
//
// A VIP of herald's is an address only while it is on this machine; then too it is passed over where the name has others. An attempt
// that has nothing else fails: another site's answer says nothing of this one. A probe that is bound to lo hears nobody else.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "probes/endpoint.h"
#include "probes/own_vips.h"
#include "probes/socket.h"

namespace herald::probes {

// The addresses of names. The error says why there is none yet.
class NameService {
 public:
  NameService() = default;
  NameService(const NameService&) = delete;
  NameService& operator=(const NameService&) = delete;
  virtual ~NameService() = default;

  // All of them, in the order in which they are tried. `family` is AF_INET, AF_INET6, or AF_UNSPEC for either.
  [[nodiscard]] virtual std::expected<std::vector<Address>, std::string> find(const std::string& name,
                                                                              int family) = 0;
};

using Addresses = std::vector<SocketAddress>;

// The names and the VIPs outlive it.
class Target {
 public:
  // A name has to have an address of the family of the socket's source.
  Target(Endpoint endpoint, SocketOptions socket, NameService& names, const OwnVips& vips);

  // The addresses for an attempt that starts now, at least one: the next is tried where nobody answers at the one before.
  [[nodiscard]] std::expected<Addresses, ProbeResult> addresses();
  // The first of them.
  [[nodiscard]] std::expected<SocketAddress, ProbeResult> address();

 private:
  [[nodiscard]] std::expected<Addresses, ProbeResult> all() const;
  [[nodiscard]] std::expected<Addresses, ProbeResult> without_absent(Addresses all) const;

  Endpoint endpoint_;
  SocketOptions socket_;
  int family_ = AF_UNSPEC;  // of its addresses, if it is a name
  NameService& names_;
  const OwnVips& vips_;
  std::optional<SocketAddress> literal_;
};

}  // namespace herald::probes
