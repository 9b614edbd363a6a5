#include "sidecar/os/listeners.h"

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "sidecar/os/address_message.h"
#include "sidecar/os/fd.h"

namespace herald {
namespace {

constexpr std::size_t kListenersBuffer = 32768;  // the kernel fills at most this much of a datagram

struct ListenersDump {
  SocketKind kind = SocketKind::tcp;
  int family = 0;
};

struct ListenersRequest {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

ListenersRequest request_for(const ListenersDump& dump, std::uint32_t sequence) {
  ListenersRequest request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.header.nlmsg_seq = sequence;
  request.body.sdiag_family = static_cast<std::uint8_t>(dump.family);
  request.body.sdiag_protocol = dump.kind == SocketKind::udp ? IPPROTO_UDP : IPPROTO_TCP;
  // Of TCP nothing else: or the kernel walks through every connection of the machine. UDP's without a peer are closed.
  request.body.idiag_states = 1U << (dump.kind == SocketKind::udp ? TCP_CLOSE : TCP_LISTEN);
  return request;
}

int take_attribute(const nlattr* attribute, void* data) {
  if (mnl_attr_get_type(attribute) == INET_DIAG_SKV6ONLY && mnl_attr_get_payload_len(attribute) >= 1)
    static_cast<Listener*>(data)->is_ipv6_only = mnl_attr_get_u8(attribute) != 0;
  return MNL_CB_OK;
}

struct Taken {
  SocketKind kind;
  std::vector<Listener>* into;
};

int take(const nlmsghdr* header, void* data) {
  const auto* taken = static_cast<const Taken*>(data);
  if (auto found = read_listener(header, taken->kind)) taken->into->push_back(*found);
  return MNL_CB_OK;
}

// Appends; the error is an errno value.
std::expected<void, int> read_one(int fd, const ListenersDump& dump, std::uint32_t sequence,
                                  std::vector<Listener>& into) {
  const ListenersRequest request = request_for(dump, sequence);
  if (send(fd, &request, sizeof request, 0) < 0) return std::unexpected(errno);
  alignas(nlmsghdr) std::array<char, kListenersBuffer> buffer;
  Taken taken{dump.kind, &into};
  for (;;) {
    const ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
    if (size < 0) return std::unexpected(errno);
    const std::span<const char> datagram(buffer.data(), static_cast<std::size_t>(size));
    if (!messages_fit(datagram)) return std::unexpected(EBADMSG);
    const int more = mnl_cb_run(datagram.data(), datagram.size(), sequence, 0, take, &taken);
    if (more < 0) return std::unexpected(errno);
    if (more == MNL_CB_STOP) return {};
  }
}

}  // namespace

std::optional<Listener> read_listener(const nlmsghdr* header, SocketKind kind) {
  inet_diag_msg body{};
  if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || header->nlmsg_len < NLMSG_LENGTH(sizeof body))
    return std::nullopt;
  std::memcpy(&body, reinterpret_cast<const char*>(header) + NLMSG_HDRLEN, sizeof body);
  if (body.idiag_family != AF_INET && body.idiag_family != AF_INET6) return std::nullopt;
  if (body.id.idiag_dport != 0 || body.id.idiag_sport == 0) return std::nullopt;
  Listener found;
  found.at.kind = kind;
  found.at.port = ntohs(body.id.idiag_sport);
  Address& address = found.at.address;
  address.family = body.idiag_family;
  address.prefix_length = body.idiag_family == AF_INET ? 32 : 128;
  std::memcpy(address.bytes.data(), body.id.idiag_src, body.idiag_family == AF_INET ? 4 : 16);
  mnl_attr_parse(header, sizeof body, take_attribute, &found);
  return found;
}

std::string refusal_text(const Address& address, const ListenerAddress& elsewhere) {
  return fmt::format("nobody listens at {} port {} of {}, though somebody does at {}",
                     elsewhere.kind == SocketKind::tcp ? "TCP" : "UDP", elsewhere.port, to_string(address),
                     to_string(elsewhere.address));
}

std::expected<Listeners, std::string> Listeners::read() {
  const Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd) return std::unexpected(system_error_text("open a sock_diag socket"));
  const timeval patience{.tv_sec = 0, .tv_usec = 100000};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::vector<Listener> all;
  std::uint32_t sequence = 0;
  for (const SocketKind kind : {SocketKind::tcp, SocketKind::udp}) {
    for (const int family : {AF_INET, AF_INET6}) {
      const auto read = read_one(fd.get(), {kind, family}, ++sequence, all);
      if (!read) return std::unexpected(system_error_text("look who listens", read.error()));
    }
  }
  return Listeners(std::move(all));
}

bool Listeners::listens(const ListenerAddress& at) const {
  return std::ranges::any_of(all_, [&](const Listener& one) {
    return takes(one.at, at) && !(one.is_ipv6_only && at.address.family == AF_INET);
  });
}

std::vector<ListenerAddress> Listeners::only_elsewhere(const Address& address,
                                                       std::span<const ListenerAddress> targets) const {
  const bool is_bound =
      std::ranges::any_of(all_, [&](const Listener& one) { return one.at.address == address; });
  std::vector<ListenerAddress> elsewhere;
  for (const ListenerAddress& target : targets) {
    if (is_bound || listens({target.kind, address, target.port})) return {};
    if (listens(target)) elsewhere.push_back(target);
  }
  return elsewhere;
}

}  // namespace herald
