#include "sidecar/os/socket_diag.h"

#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "sidecar/os/address_message.h"

namespace herald {
namespace {

constexpr std::size_t kEndBuffer = 8192;  // a message of TCP has 380 bytes
constexpr int kEndQueue = 1 << 20;
constexpr int kMostEndsPerDrain = 256;

// Where things are in a message, for the filter: behind nlmsghdr.
constexpr auto kBody = static_cast<std::uint32_t>(NLMSG_HDRLEN);
constexpr auto kLocalPort =
    kBody + static_cast<std::uint32_t>(offsetof(inet_diag_msg, id) + offsetof(inet_diag_sockid, idiag_sport));
constexpr auto kPeerPort =
    kBody + static_cast<std::uint32_t>(offsetof(inet_diag_msg, id) + offsetof(inet_diag_sockid, idiag_dport));
constexpr auto kPeer =
    kBody + static_cast<std::uint32_t>(offsetof(inet_diag_msg, id) + offsetof(inet_diag_sockid, idiag_dst));

std::size_t bytes_of(int family) {
  return family == AF_INET ? 4 : 16;
}

// Only what has no peer and one of these ports (none: any) passes.
std::vector<sock_filter> filter_for(const std::set<std::uint16_t>& ports) {
  std::vector<sock_filter> program;
  const auto load = [&](std::uint32_t offset, std::uint16_t size) {
    program.push_back(BPF_STMT(static_cast<std::uint16_t>(BPF_LD | size | BPF_ABS), offset));
  };
  const auto drop_unless_zero = [&] {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  };
  load(kPeerPort, BPF_H);
  drop_unless_zero();
  for (std::uint32_t word = 0; word < 4; ++word) {
    load(kPeer + 4 * word, BPF_W);
    drop_unless_zero();
  }
  if (!ports.empty()) {
    load(kLocalPort, BPF_H);
    std::size_t left = ports.size();
    for (const std::uint16_t port : ports)
      program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, static_cast<std::uint8_t>(left--), 0));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF));
  return program;
}

}  // namespace

std::optional<ListenerAddress> read_listener_end(const nlmsghdr* header) {
  inet_diag_msg body{};
  if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || header->nlmsg_len < NLMSG_LENGTH(sizeof body))
    return std::nullopt;
  std::memcpy(&body, reinterpret_cast<const char*>(header) + NLMSG_HDRLEN, sizeof body);
  if (body.idiag_family != AF_INET && body.idiag_family != AF_INET6) return std::nullopt;
  const bool has_peer = body.id.idiag_dport != 0 ||
                        std::ranges::any_of(body.id.idiag_dst, [](__be32 word) { return word != 0; });
  if (has_peer || body.id.idiag_sport == 0) return std::nullopt;
  ListenerAddress found;
  found.address.family = body.idiag_family;
  found.address.prefix_length = body.idiag_family == AF_INET ? 32 : 128;
  std::memcpy(found.address.bytes.data(), body.id.idiag_src, bytes_of(body.idiag_family));
  found.port = ntohs(body.id.idiag_sport);
  // Which of the two it was is told by what follows, and by nothing else (INET_DIAG_PROTOCOL, where the kernel gives it).
  std::size_t at = NLMSG_LENGTH(sizeof body);
  while (at + NLA_HDRLEN <= header->nlmsg_len) {
    nlattr attribute{};
    std::memcpy(&attribute, reinterpret_cast<const char*>(header) + at, sizeof attribute);
    if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > header->nlmsg_len - at) break;
    if (attribute.nla_type == INET_DIAG_PROTOCOL && attribute.nla_len > NLA_HDRLEN) {
      const char protocol = reinterpret_cast<const char*>(header)[at + NLA_HDRLEN];
      found.kind = protocol == IPPROTO_UDP ? SocketKind::udp : SocketKind::tcp;
      return found;
    }
    at += NLA_ALIGN(attribute.nla_len);
  }
  return std::nullopt;
}

std::expected<ListenerMonitor, std::string> ListenerMonitor::open() {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
  if (!fd) return std::unexpected(system_error_text("open a sock_diag socket"));
  ListenerMonitor monitor(std::move(fd));
  setsockopt(monitor.fd(), SOL_SOCKET, SO_RCVBUF, &kEndQueue, sizeof kEndQueue);
  // Before it subscribes: or the queue fills with what nobody asked for.
  if (auto filtered = monitor.watch({0}); !filtered) return std::unexpected(filtered.error());
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bind(monitor.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return std::unexpected(system_error_text("bind a sock_diag socket"));
  for (const int group : {SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET_UDP_DESTROY, SKNLGRP_INET6_TCP_DESTROY,
                          SKNLGRP_INET6_UDP_DESTROY}) {
    if (setsockopt(monitor.fd(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
      return std::unexpected(system_error_text("subscribe to the ends of sockets"));
  }
  return monitor;
}

std::expected<void, std::string> ListenerMonitor::watch(const std::set<std::uint16_t>& ports) {
  std::vector<sock_filter> program =
      filter_for(ports.size() > kMostPorts ? std::set<std::uint16_t>{} : ports);
  const sock_fprog attached{static_cast<unsigned short>(program.size()), program.data()};
  if (setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached) < 0)
    return std::unexpected(system_error_text("filter the ends of sockets"));
  return {};
}

ListenerMonitor::Drained ListenerMonitor::drain() {
  Drained drained;
  alignas(nlmsghdr) std::array<char, kEndBuffer> buffer;
  for (int reads = 0; reads < kMostEndsPerDrain; ++reads) {
    const ssize_t size = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == ENOBUFS) {
      drained.lost = true;
      continue;
    }
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    std::span<const char> datagram(buffer.data(), static_cast<std::size_t>(size));
    if (!messages_fit(datagram)) continue;
    while (!datagram.empty()) {
      const auto* header = reinterpret_cast<const nlmsghdr*>(datagram.data());
      if (const auto end = read_listener_end(header)) drained.ended.push_back(*end);
      datagram = datagram.subspan(std::min<std::size_t>(NLMSG_ALIGN(header->nlmsg_len), datagram.size()));
    }
  }
  return drained;
}

}  // namespace herald
