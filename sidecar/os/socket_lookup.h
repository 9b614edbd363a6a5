// sock_diag(7) asked about one socket of this network namespace: whether anybody listens, and how far the other end of a connection
// has come with it. Neither needs a right; an answer takes some 20 microseconds.
//
// The kernel looks a socket up as it would for a packet: by all of a connection's addresses and ports, and where there is none such,
// by the listener who would get it. It tells of the socket's inode, which is 0 while no process has it (a connection that
// waits to be accepted), and of what it has received and nobody has read. For a listener that is how many connections wait.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "sidecar/os/fd.h"
#include "sidecar/os/socket_diag.h"

namespace herald {

// A connection as the end sees it that is looked for. UDP's server has none: it is found by what a datagram to it would carry.
struct ConnectionEnd {
  ListenerAddress own;
  Address peer;
  std::uint16_t peer_port = 0;
  std::uint32_t interface =
      0;  // the index of what the peer is bound to: a VRF's sockets are told apart by it; 0: none
};

struct FoundSocket {
  std::uint8_t state = 0;  // TCP_ESTABLISHED and so on (netinet/tcp.h)
  bool has_peer = false;
  bool has_owner = false;    // a process has it
  std::uint32_t unread = 0;  // TCP: bytes, of a listener connections; UDP: memory that datagrams take
  std::uint32_t limit = 0;   // of a TCP listener: with more waiting than this, it takes none
};

class SocketLookup {
 public:
  static std::expected<SocketLookup, std::string> open();

  // Whether somebody listens who would get what is sent there, also one on an any-address. The error is an errno value.
  [[nodiscard]] std::expected<bool, int> listens(const ListenerAddress& at);
  // That listener. None: there is none.
  [[nodiscard]] std::expected<std::optional<FoundSocket>, int> listener(const ListenerAddress& at);
  // The end itself, else (TCP) who listens there, without a peer, else none.
  [[nodiscard]] std::expected<std::optional<FoundSocket>, int> find(const ConnectionEnd& end);

 private:
  explicit SocketLookup(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
  std::uint32_t sequence_ = 0;
};

}  // namespace herald
