// Everybody who listens in this network namespace: TCP listeners, and UDP sockets without a peer. By a dump of sock_diag(7), which
// needs no right. A picture of one moment: who has to be looked at again and again is asked for by socket_lookup.h.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/os/listener_address.h"

struct nlmsghdr;

namespace herald {

struct Listener {
  ListenerAddress at;
  bool is_ipv6_only = false;  // its any-address takes no IPv4 (IPV6_V6ONLY)

  bool operator==(const Listener&) const = default;
};

// What one message (SOCK_DIAG_BY_FAMILY) of a dump of `kind` tells. None: it is no such message, or has a peer.
// `header` begins a whole message, all of whose nlmsg_len bytes are there.
[[nodiscard]] std::optional<Listener> read_listener(const nlmsghdr* header, SocketKind kind);

// For people, of what listens elsewhere alone: "nobody listens at TCP port 80 of 10.99.0.1, though somebody does at 127.0.0.1".
[[nodiscard]] std::string refusal_text(const Address& address, const ListenerAddress& elsewhere);

class Listeners {
 public:
  explicit Listeners(std::vector<Listener> all) : all_(std::move(all)) {}
  // The error is a line for people.
  static std::expected<Listeners, std::string> read();

  // Which of these somebody listens at while clients of `address` are refused: nobody takes what is sent to the same port of it,
  // nor is anybody bound to just that address, at whatever port. Empty: somebody does, or nobody listens anywhere.
  [[nodiscard]] std::vector<ListenerAddress> only_elsewhere(const Address& address,
                                                            std::span<const ListenerAddress> targets) const;

 private:
  [[nodiscard]] bool listens(const ListenerAddress& at) const;

  std::vector<Listener> all_;
};

}  // namespace herald
