#include "sidecar/os/socket_lookup.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>

#include "tests/os/bound_socket.h"

namespace herald::socket_lookup_test {
namespace {

SocketLookup opened() {
  auto lookup = SocketLookup::open();
  REQUIRE(lookup);
  return std::move(*lookup);
}

// Connected to 127.0.0.1, and the end that the listener's process has or would have.
struct Connected {
  Fd fd;
  ConnectionEnd far;
};
Connected connected(SocketKind kind, std::uint16_t port) {
  Connected made{Fd(socket(AF_INET, (kind == SocketKind::tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0)),
                 {}};
  sockaddr_in there{
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  REQUIRE(connect(made.fd.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) == 0);
  sockaddr_in here{};
  socklen_t size = sizeof here;
  REQUIRE(getsockname(made.fd.get(), reinterpret_cast<sockaddr*>(&here), &size) == 0);
  made.far = {at("127.0.0.1", kind, port), parse_address("127.0.0.1").value(), ntohs(here.sin_port), 0};
  return made;
}

FoundSocket found(SocketLookup& lookup, const ConnectionEnd& end) {
  const auto answer = lookup.find(end);
  REQUIRE(answer);
  REQUIRE(*answer);
  return **answer;
}

}  // namespace

TEST_CASE("whether anybody listens: at the address, at any-address of either family, or not") {
  const auto kind = GENERATE(SocketKind::tcp, SocketKind::udp);
  CAPTURE(static_cast<int>(kind));
  auto lookup = SocketLookup::open();
  REQUIRE(lookup);
  for (const char* address : {"127.0.0.1", "0.0.0.0", "::"}) {
    CAPTURE(address);
    Open listener = bound(address, kind);
    CHECK(lookup->listens(at("127.0.0.1", kind, listener.port)) == true);
    CHECK(lookup->listens(at("::1", kind, listener.port)) == (std::string(address) == "::"));
    const SocketKind other = kind == SocketKind::tcp ? SocketKind::udp : SocketKind::tcp;
    CHECK(lookup->listens(at("127.0.0.1", other, listener.port)) == false);
    listener.fd = Fd();
    CHECK(lookup->listens(at("127.0.0.1", kind, listener.port)) == false);
  }
}

TEST_CASE("how far a connection has come: not accepted, accepted, its request read, and closed") {
  SocketLookup lookup = opened();
  const std::string address = GENERATE("127.0.0.1", "::");
  Open listener = bound(address.c_str(), SocketKind::tcp);
  const Connected client = connected(SocketKind::tcp, listener.port);
  REQUIRE(send(client.fd.get(), "hello", 5, 0) == 5);
  FoundSocket far = found(lookup, client.far);
  CHECK(far.has_peer);
  CHECK(far.state == TCP_ESTABLISHED);
  CHECK_FALSE(far.has_owner);
  CHECK(far.unread == 5);
  const auto waiting = lookup.listener(at("127.0.0.1", SocketKind::tcp, listener.port));
  REQUIRE(waiting);
  REQUIRE(*waiting);
  CHECK_FALSE((*waiting)->has_peer);
  CHECK((*waiting)->state == TCP_LISTEN);
  CHECK((*waiting)->unread == 1);
  CHECK((*waiting)->limit == 5);

  Fd accepted(accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(accepted);
  far = found(lookup, client.far);
  CHECK(far.has_owner);
  CHECK(far.unread == 5);
  CHECK((*lookup.listener(at("127.0.0.1", SocketKind::tcp, listener.port)))->unread == 0);
  std::array<char, 8> buffer{};
  REQUIRE(recv(accepted.get(), buffer.data(), 3, 0) == 3);
  CHECK(found(lookup, client.far).unread == 2);
  REQUIRE(recv(accepted.get(), buffer.data(), buffer.size(), 0) == 2);
  CHECK(found(lookup, client.far).unread == 0);
  accepted = Fd();
  CHECK(found(lookup, client.far).state != TCP_ESTABLISHED);
}

TEST_CASE("where no such connection is, the listener is found, and where there is none, nothing") {
  SocketLookup lookup = opened();
  Open listener = bound("127.0.0.1", SocketKind::tcp);
  Connected client = connected(SocketKind::tcp, listener.port);
  client.far.peer_port = static_cast<std::uint16_t>(client.far.peer_port ^ 1U);
  CHECK_FALSE(found(lookup, client.far).has_peer);
  listener.fd = Fd();
  const auto nobody = lookup.find(client.far);
  REQUIRE(nobody);
  CHECK_FALSE(*nobody);
}

TEST_CASE("what waits in a socket of UDP, and of several on a port in the one that gets it") {
  SocketLookup lookup = opened();
  const Open first = bound("127.0.0.1", SocketKind::udp, 0, true);
  const Open second = bound("127.0.0.1", SocketKind::udp, first.port, true);
  for (int i = 0; i < 8; ++i) {
    const Connected client = connected(SocketKind::udp, first.port);
    CHECK(found(lookup, client.far).unread == 0);
    REQUIRE(send(client.fd.get(), "query", 5, 0) == 5);
    CHECK(found(lookup, client.far).unread > 0);
    std::array<char, 8> buffer{};
    const ssize_t count = recv(first.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT) +
                          recv(second.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    CHECK(count == 4);  // five by the one, and -1 by the other
    CHECK(found(lookup, client.far).unread == 0);
  }
}

}  // namespace herald::socket_lookup_test
