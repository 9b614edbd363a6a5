// How far a target of this machine has come with a connection, as the kernel knows of its end (os/socket_lookup.h).
//
// A stopped process, or one that hangs, takes connections all the same: the kernel completes the handshake, and keeps what is sent.
// So a connection that is not accepted, or whose request is not read, says which of the two it is, before any deadline and without a
// right. It tells nothing of a target elsewhere: on another machine, or in a container's network. No process has a connection of
// which the listener wants data first (TCP_DEFER_ACCEPT), or whose accept queue is full: the kernel keeps it half open.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "probes/probe.h"
#include "sidecar/os/socket_lookup.h"

namespace herald::probes {

enum class FarEnd : std::uint8_t {
  elsewhere,   // not in this network namespace
  full,        // the listener's accept queue has no place for it
  deferred,    // the listener waits for data
  unaccepted,  // no process has it
  accepted,
  closed  // the target has ended it
};

struct FarEndSeen {
  FarEnd is = FarEnd::elsewhere;
  std::uint32_t unread = 0;  // accepted: bytes; UDP: memory that datagrams take in the target's socket
};

// One of a process: it holds one socket from the first look on.
class FarEnds {
 public:
  // `fd` is a connected socket of TCP or UDP. The error is a line for people: the kernel cannot be asked.
  [[nodiscard]] std::expected<FarEndSeen, std::string> look(int fd);
  // What an attempt waits for, and how far its target has come: what is shown when the deadline cuts it off.
  [[nodiscard]] std::string stage_of(const Attempt& attempt);

 private:
  std::optional<SocketLookup> lookup_;
};

}  // namespace herald::probes
