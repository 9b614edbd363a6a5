#include "probes/far_end.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "probes/socket.h"
#include "sidecar/os/fd.h"
#include "sidecar/os/local_addresses.h"

namespace herald::probes {
namespace {

template <typename Ask>
std::optional<SocketAddress> end_of(int fd, Ask ask) {
  SocketAddress end;
  end.size = sizeof end.storage;
  const bool is_told = ask(fd, reinterpret_cast<sockaddr*>(&end.storage), &end.size) == 0;
  const bool is_ip = end.family() == AF_INET || end.family() == AF_INET6;
  return is_told && is_ip ? std::optional(end) : std::nullopt;
}

Address host_of(const SocketAddress& from) {
  Address host{from.family(), {}, static_cast<std::uint8_t>(from.family() == AF_INET ? 32 : 128)};
  if (from.family() == AF_INET) {
    std::memcpy(host.bytes.data(), &reinterpret_cast<const sockaddr_in&>(from.storage).sin_addr, 4);
  } else {
    std::memcpy(host.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(from.storage).sin6_addr, 16);
  }
  return host;
}

int option_of(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : 0;
}

bool is_here(const Address& address) {
  if (is_loopback(address)) return true;
  const auto here = addresses_of_this_machine();
  return here && here->contains(address);
}

// Of a TCP connection that is established at the near end.
FarEndSeen seen_of(const FoundSocket& found, const std::optional<FoundSocket>& listener) {
  switch (found.state) {
    case TCP_ESTABLISHED:
    case TCP_CLOSE_WAIT:
      return {found.has_owner ? FarEnd::accepted : FarEnd::unaccepted, found.unread};
    case TCP_SYN_RECV:
      return {listener && listener->unread > listener->limit ? FarEnd::full : FarEnd::deferred, 0};
    default:
      return {FarEnd::closed, 0};
  }
}

std::string words_of_tcp(const FarEndSeen& seen, bool has_asked) {
  if (seen.is == FarEnd::unaccepted)
    return "never accepted: the process does not run, or takes no more connections";
  if (seen.is != FarEnd::accepted) return {};
  if (seen.unread > 0) return fmt::format("accepted, request not read ({} bytes wait)", seen.unread);
  return has_asked ? "read, no answer" : "accepted, no answer";
}

// A datagram that was dropped on the way is not in the queue either.
std::string words_of_udp(const FarEndSeen& seen) {
  if (seen.is != FarEnd::accepted) return {};
  if (seen.unread == 0) return "read or dropped, no answer";
  return fmt::format("query not read (the queue of the target's socket holds {} bytes)", seen.unread);
}

}  // namespace

std::expected<FarEndSeen, std::string> FarEnds::look(int fd) {
  const auto peer = end_of(fd, getpeername);
  const auto own = end_of(fd, getsockname);
  if (!peer || !own) return FarEndSeen{};
  const bool is_udp = option_of(fd, SO_TYPE) == SOCK_DGRAM;
  const ConnectionEnd end{.own = {is_udp ? SocketKind::udp : SocketKind::tcp, host_of(*peer), peer->port()},
                          .peer = host_of(*own),
                          .peer_port = own->port(),
                          .interface = static_cast<std::uint32_t>(option_of(fd, SO_BINDTOIFINDEX))};
  // A socket of UDP on the any-address would be found for other machines' addresses, too.
  if (is_udp && !is_here(end.own.address)) return FarEndSeen{};
  if (!lookup_) {
    auto opened = SocketLookup::open();
    if (!opened) return std::unexpected(std::move(opened.error()));
    lookup_ = std::move(*opened);
  }
  const auto found = lookup_->find(end);
  if (!found) {
    lookup_.reset();
    return std::unexpected(system_error_text("look at the other end of a connection", found.error()));
  }
  if (!*found) return FarEndSeen{};
  if (is_udp) return FarEndSeen{FarEnd::accepted, (*found)->unread};
  if (!(*found)->has_peer) return FarEndSeen{};
  std::optional<FoundSocket> listener;
  if ((*found)->state == TCP_SYN_RECV) listener = lookup_->listener(end.own).value_or(std::nullopt);
  return seen_of(**found, listener);
}

std::string FarEnds::stage_of(const Attempt& attempt) {
  std::string stage = attempt.stage();
  const auto connection = attempt.connection();
  if (!connection || connection->is_answered) return stage;
  const auto seen = look(connection->fd);
  if (!seen) return stage;
  const bool is_udp = option_of(connection->fd, SO_TYPE) == SOCK_DGRAM;
  const std::string words = is_udp ? words_of_udp(*seen) : words_of_tcp(*seen, connection->has_asked);
  return words.empty() ? stage : fmt::format("{} ({})", stage, words);
}

}  // namespace herald::probes
