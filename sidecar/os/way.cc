#include "sidecar/os/way.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
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

constexpr std::size_t kWayAnswer = 32768;  // a link's is some kilobytes
constexpr int kMostStaleWays = 16;
constexpr int kWayQueue = 65536;
constexpr int kMostWayReads = 64;

}  // namespace

std::expected<WayLookup, std::string> WayLookup::open() {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return std::unexpected(system_error_text("open a netlink socket"));
  const timeval patience{.tv_sec = 0, .tv_usec = 100000};  // it bounds what should not happen
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return WayLookup(std::move(fd));
}

template <typename Take>
std::expected<bool, int> WayLookup::ask(nlmsghdr* question, const Take& take) {
  question->nlmsg_seq = ++sequence_;
  if (send(fd_.get(), question, question->nlmsg_len, 0) < 0) return std::unexpected(errno);
  alignas(nlmsghdr) std::array<char, kWayAnswer> buffer;
  for (int stale = 0; stale < kMostStaleWays; ++stale) {
    const ssize_t size = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0) return std::unexpected(errno);
    const std::span<const char> datagram(buffer.data(), static_cast<std::size_t>(size));
    if (datagram.empty() || !messages_fit(datagram)) return std::unexpected(EBADMSG);
    const auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data());
    if (header->nlmsg_seq != sequence_) continue;
    if (header->nlmsg_type != NLMSG_ERROR) return take(header);
    nlmsgerr error{};
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof error)) return std::unexpected(EBADMSG);
    std::memcpy(&error, buffer.data() + NLMSG_HDRLEN, sizeof error);
    // What the kernel lacks for the answer says nothing of the way; anything else (ENETUNREACH, EHOSTUNREACH, EACCES and EINVAL
    // of prohibited and blackhole routes, ENODEV) says that there is none.
    if (error.error == -ENOMEM || error.error == -ENOBUFS || error.error == -EPERM || error.error == 0)
      return std::unexpected(error.error == 0 ? EBADMSG : -error.error);
    return false;
  }
  return std::unexpected(EPROTO);
}

std::expected<std::optional<WayLookup::LinkState>, int> WayLookup::link_by(nlmsghdr* question) {
  std::optional<LinkState> state;
  const auto found = ask(question, [&](const nlmsghdr* header) {
    if (auto link = read_link_message(header)) state = {std::move(*link), is_link_running(header)};
    return state.has_value();
  });
  if (!found) return std::unexpected(found.error());
  return state;
}

std::expected<std::optional<WayLookup::LinkState>, int> WayLookup::link(std::uint32_t index) {
  LinkQuestion question;
  return link_by(ask_link(question, index));
}

std::expected<std::optional<WayLookup::LinkState>, int> WayLookup::link(const std::string& name) {
  LinkQuestion question;
  return link_by(ask_link(question, name));
}

std::expected<std::optional<Way>, int> WayLookup::find(const Packet& packet) {
  RouteQuestion question;
  std::optional<Route> route;
  const auto found = ask(ask_route(question, packet), [&](const nlmsghdr* header) {
    route = read_route_message(header);
    return route.has_value();
  });
  if (!found) return std::unexpected(found.error());
  if (!route) return std::nullopt;
  auto leaves_by = link(route->interface);
  if (!leaves_by) return std::unexpected(leaves_by.error());
  if (!*leaves_by) return std::nullopt;
  return Way{std::move((*leaves_by)->link), (*leaves_by)->is_running, route->from};
}

std::expected<WayMonitor, std::string> WayMonitor::open() {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return std::unexpected(system_error_text("open a netlink socket"));
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kWayQueue, sizeof kWayQueue);
  // What could not be queued is no matter: any message has all looked at. Its error would come again and again.
  const int on = 1;
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups =
      RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return std::unexpected(system_error_text("subscribe to links, addresses and routes"));
  return WayMonitor(std::move(fd));
}

bool WayMonitor::drain() {
  bool has_come = false;
  char byte = 0;  // the rest of each message is dropped
  for (int reads = 0; reads < kMostWayReads; ++reads) {
    if (recv(fd_.get(), &byte, 1, 0) >= 0 || errno == ENOBUFS) {
      has_come = true;
    } else if (errno != EINTR) {
      break;
    }
  }
  return has_come;
}

}  // namespace herald
