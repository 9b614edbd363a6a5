#include "sidecar/os/socket_lookup.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "sidecar/os/address_message.h"

namespace herald {
namespace {

constexpr std::size_t kAnswerBuffer = 8192;  // a message of TCP has 380 bytes
constexpr int kMostStaleAnswers = 16;

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

void put_address(__be32* into, const Address& address) {
  std::memcpy(into, address.bytes.data(), address.family == AF_INET ? 4 : 16);
}

// What is asked of UDP has the two ends the other way round, as its look-up in the kernel has always had it (udp_diag.c).
Request request_for(const ConnectionEnd& end, std::uint32_t sequence) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.header.nlmsg_seq = sequence;
  inet_diag_req_v2& body = request.body;
  body.sdiag_family = static_cast<std::uint8_t>(end.own.address.family);
  const bool is_udp = end.own.kind == SocketKind::udp;
  body.sdiag_protocol = is_udp ? IPPROTO_UDP : IPPROTO_TCP;
  body.idiag_states = 0xFFFFFFFF;
  inet_diag_sockid& id = body.id;
  id.idiag_if = end.interface;
  id.idiag_cookie[0] = id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  (is_udp ? id.idiag_dport : id.idiag_sport) = htons(end.own.port);
  (is_udp ? id.idiag_sport : id.idiag_dport) = htons(end.peer_port);
  put_address(is_udp ? id.idiag_dst : id.idiag_src, end.own.address);
  put_address(is_udp ? id.idiag_src : id.idiag_dst, end.peer);
  return request;
}

FoundSocket socket_of(const inet_diag_msg& body) {
  return {.state = body.idiag_state,
          .has_peer = body.id.idiag_dport != 0,
          .has_owner = body.idiag_inode != 0,
          .unread = body.idiag_rqueue,
          .limit = body.idiag_wqueue};
}

// The errno value that an answer is, which may be ENOENT: there is no such socket.
int error_of(const nlmsghdr& header, const char* body) {
  if (header.nlmsg_type != NLMSG_ERROR || header.nlmsg_len < NLMSG_LENGTH(sizeof(nlmsgerr))) return EBADMSG;
  nlmsgerr error{};
  std::memcpy(&error, body, sizeof error);
  return -error.error;
}

}  // namespace

std::expected<SocketLookup, std::string> SocketLookup::open() {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd) return std::unexpected(system_error_text("open a sock_diag socket"));
  // The kernel answers before send() returns; this bounds what else may happen.
  const timeval patience{.tv_sec = 0, .tv_usec = 100000};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return SocketLookup(std::move(fd));
}

std::expected<bool, int> SocketLookup::listens(const ListenerAddress& at) {
  const auto there = listener(at);
  if (!there) return std::unexpected(there.error());
  return there->has_value();
}

std::expected<std::optional<FoundSocket>, int> SocketLookup::listener(const ListenerAddress& at) {
  return find({.own = at, .peer = {at.address.family, {}, 0}});
}

std::expected<std::optional<FoundSocket>, int> SocketLookup::find(const ConnectionEnd& end) {
  const Request request = request_for(end, ++sequence_);
  if (send(fd_.get(), &request, sizeof request, 0) < 0) return std::unexpected(errno);
  alignas(nlmsghdr) std::array<char, kAnswerBuffer> buffer;
  for (int stale = 0; stale < kMostStaleAnswers; ++stale) {
    const ssize_t size = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0) return std::unexpected(errno);
    const std::span<const char> datagram(buffer.data(), static_cast<std::size_t>(size));
    if (datagram.empty() || !messages_fit(datagram)) return std::unexpected(EBADMSG);
    nlmsghdr header{};
    std::memcpy(&header, datagram.data(), sizeof header);
    if (header.nlmsg_seq != sequence_) continue;
    const char* const at = datagram.data() + NLMSG_HDRLEN;
    inet_diag_msg body{};
    if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY && header.nlmsg_len >= NLMSG_LENGTH(sizeof body)) {
      std::memcpy(&body, at, sizeof body);
      return socket_of(body);
    }
    const int error = error_of(header, at);
    if (error == ENOENT) return std::nullopt;
    return std::unexpected(error);
  }
  return std::unexpected(EPROTO);
}

}  // namespace herald
