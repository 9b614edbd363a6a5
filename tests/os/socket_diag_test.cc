#include "sidecar/os/socket_diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "sidecar/os/socket_lookup.h"
#include "tests/os/bound_socket.h"

namespace herald::socket_diag_test {
namespace {

// What it hears next; nothing within 5 s is nothing.
ListenerMonitor::Drained next(ListenerMonitor& monitor) {
  pollfd ready{monitor.fd(), POLLIN, 0};
  if (poll(&ready, 1, 5000) <= 0) return {};
  return monitor.drain();
}

ListenerMonitor opened() {
  auto monitor = ListenerMonitor::open();
  REQUIRE(monitor);
  return std::move(*monitor);
}

}  // namespace

TEST_CASE("the end of a listener of either family and kind is told, with where it listened") {
  const auto kind = GENERATE(SocketKind::tcp, SocketKind::udp);
  const std::string address = GENERATE("127.0.0.1", "0.0.0.0", "::1", "::");
  CAPTURE(static_cast<int>(kind), address);
  ListenerMonitor monitor = opened();
  Open listener = bound(address.c_str(), kind);
  REQUIRE(monitor.watch({listener.port}));
  listener.fd = Fd();
  const auto told = next(monitor);
  REQUIRE(told.ended.size() == 1);
  CHECK(told.ended[0] == at(address.c_str(), kind, listener.port));
  CHECK_FALSE(told.lost);
}

TEST_CASE("neither other ports nor connections are told, and a listener that was handed over has not ended") {
  ListenerMonitor monitor = opened();
  Open listener = bound("127.0.0.1", SocketKind::tcp);
  Open other = bound("127.0.0.1", SocketKind::tcp);
  REQUIRE(monitor.watch({listener.port}));
  other.fd = Fd();
  {
    const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{.sin_family = AF_INET,
                   .sin_port = htons(listener.port),
                   .sin_addr = {htonl(INADDR_LOOPBACK)},
                   .sin_zero = {}};
    REQUIRE(connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    const Fd accepted(accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const linger reset{.l_onoff = 1, .l_linger = 0};
    setsockopt(accepted.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  Fd second(dup(listener.fd.get()));
  listener.fd = Fd();
  Open last = bound("127.0.0.1", SocketKind::tcp);
  REQUIRE(monitor.watch({listener.port, last.port}));
  last.fd = Fd();
  const auto told = next(monitor);  // in order: had anything been told before, it would be first
  REQUIRE(told.ended.size() == 1);
  CHECK(told.ended[0].port == last.port);
  second = Fd();
  const auto at_last = next(monitor);
  REQUIRE(at_last.ended.size() == 1);
  CHECK(at_last.ended[0].port == listener.port);
}

TEST_CASE("more ports than a filter can tell apart pass all") {
  ListenerMonitor monitor = opened();
  std::set<std::uint16_t> ports;
  for (std::uint16_t port = 1; ports.size() < ListenerMonitor::kMostPorts; ++port) ports.insert(port);
  REQUIRE(monitor.watch(ports));
  Open listener = bound("127.0.0.1", SocketKind::tcp);
  ports.erase(1);
  ports.insert(listener.port);
  REQUIRE(ports.size() == ListenerMonitor::kMostPorts);
  REQUIRE(monitor.watch(ports));
  listener.fd = Fd();
  CHECK(next(monitor).ended.size() == 1);
  ports.insert(1);
  REQUIRE(monitor.watch(ports));
  Open any = bound("127.0.0.1", SocketKind::tcp);
  any.fd = Fd();
  CHECK(next(monitor).ended.size() == 1);
}

TEST_CASE("of several that share a port, each one's end is told, and the look-up knows of the rest") {
  const auto kind = GENERATE(SocketKind::tcp, SocketKind::udp);
  auto lookup = SocketLookup::open();
  REQUIRE(lookup);
  ListenerMonitor monitor = opened();
  Open first = bound("127.0.0.1", kind, 0, true);
  Open second = bound("127.0.0.1", kind, first.port, true);
  REQUIRE(monitor.watch({first.port}));
  first.fd = Fd();
  CHECK(next(monitor).ended.size() == 1);
  CHECK(lookup->listens(at("127.0.0.1", kind, first.port)) == true);
  second.fd = Fd();
  CHECK(next(monitor).ended.size() == 1);
  CHECK(lookup->listens(at("127.0.0.1", kind, first.port)) == false);
}

TEST_CASE("a message that is cut off, or of another type, tells nothing") {
  struct Message {
    nlmsghdr header;
    inet_diag_msg body;
    nlattr attribute;
    std::array<char, 4> protocol;
  };
  Message message{};
  message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message.header.nlmsg_len = sizeof message;
  message.body.idiag_family = AF_INET;
  message.body.id.idiag_sport = htons(80);
  message.attribute = {NLA_HDRLEN + 1, INET_DIAG_PROTOCOL};
  message.protocol[0] = IPPROTO_TCP;
  REQUIRE(read_listener_end(&message.header) == at("0.0.0.0", SocketKind::tcp, 80));
  const auto spoiled = [&](const auto& spoil) {
    Message other = message;
    spoil(other);
    return read_listener_end(&other.header).has_value();
  };
  CHECK_FALSE(spoiled([](Message& m) { m.header.nlmsg_type = NLMSG_ERROR; }));
  CHECK_FALSE(spoiled([](Message& m) { m.header.nlmsg_len = NLMSG_LENGTH(sizeof(inet_diag_msg)) - 1; }));
  CHECK_FALSE(spoiled([](Message& m) { m.header.nlmsg_len = NLMSG_LENGTH(sizeof(inet_diag_msg)); }));
  CHECK_FALSE(spoiled([](Message& m) { m.body.idiag_family = AF_UNIX; }));
  CHECK_FALSE(spoiled([](Message& m) { m.body.id.idiag_dport = htons(1); }));
  CHECK_FALSE(spoiled([](Message& m) { m.body.id.idiag_dst[3] = 1; }));
  CHECK_FALSE(spoiled([](Message& m) { m.body.id.idiag_sport = 0; }));
  CHECK_FALSE(spoiled([](Message& m) { m.attribute.nla_len = 3; }));
  CHECK_FALSE(spoiled([](Message& m) { m.attribute.nla_len = 200; }));
  CHECK_FALSE(spoiled([](Message& m) { m.attribute.nla_type = INET_DIAG_INFO; }));
}

}  // namespace herald::socket_diag_test
