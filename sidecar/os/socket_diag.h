// sock_diag(7) for listeners: being told when a socket ends. It needs no right. Who is left is asked by socket_lookup.h.
//
// The kernel tells every subscriber of the destruction of each TCP and UDP socket of the network namespace (the groups
// SKNLGRP_INET_TCP_DESTROY and so on, Linux 4.2). What it tells of a listener does not say that it was one: the state is CLOSE
// for all. A listener has no peer, neither address nor port; nor has what was bound and never listened. A socket that was handed
// over (fork, SCM_RIGHTS) ends with its last descriptor; of several that share a port by SO_REUSEPORT each one's end is told, and
// not that others remain. So an end is a reason to look, and never evidence.
//
// The monitor tells of chosen ports alone: a classic BPF filter on the netlink socket drops the rest before it wakes anybody. The
// kernel builds each message all the same, some microseconds for every socket that is closed on the machine.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "sidecar/os/fd.h"
#include "sidecar/os/listener_address.h"

struct nlmsghdr;

namespace herald {

// What one message (SOCK_DIAG_BY_FAMILY) tells: where the socket listened; none for one that had a peer, and for what is no such
// message. `header` begins a whole message, all of whose nlmsg_len bytes are there.
[[nodiscard]] std::optional<ListenerAddress> read_listener_end(const nlmsghdr* header);

class ListenerMonitor {
 public:
  // Beyond these the filter lets all ports pass: its jumps are 8 bits wide.
  static constexpr std::size_t kMostPorts = 240;

  // Subscribes, and hears nothing until it has ports. The error is a line for people.
  static std::expected<ListenerMonitor, std::string> open();

  [[nodiscard]] int fd() const { return fd_.get(); }
  // In place of the ports before, without a gap.
  [[nodiscard]] std::expected<void, std::string> watch(const std::set<std::uint16_t>& ports);
  struct Drained {
    std::vector<ListenerAddress> ended;
    bool lost = false;  // the kernel dropped what it could not queue (ENOBUFS)
  };
  // Reads what has come, and at most so much that others have their turn.
  [[nodiscard]] Drained drain();

 private:
  explicit ListenerMonitor(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace herald
