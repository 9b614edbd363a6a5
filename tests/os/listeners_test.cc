#include "sidecar/os/listeners.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "tests/os/bound_socket.h"

namespace herald::listeners_test {
namespace {

using Targets = std::vector<ListenerAddress>;

Targets only_elsewhere(const char* address, const Targets& targets) {
  const auto listeners = Listeners::read();
  REQUIRE(listeners);
  return listeners->only_elsewhere(parse_address(address).value(), targets);
}

TEST_CASE(
    "who listens elsewhere alone is told; who takes what clients send, or is bound to their address, is "
    "not") {
  const auto kind = GENERATE(SocketKind::tcp, SocketKind::udp);
  CAPTURE(static_cast<int>(kind));
  const Open here = bound("127.0.0.7", kind);
  const auto probed = at("127.0.0.7", kind, here.port);
  CHECK(only_elsewhere("127.0.0.8", {probed}) == Targets{probed});
  CHECK(only_elsewhere("127.0.0.7", {probed}).empty());
  const auto dead = at("127.0.0.9", kind, here.port);
  CHECK(only_elsewhere("127.0.0.8", {dead}).empty());
  CHECK(only_elsewhere("127.0.0.8", {dead, probed}) == Targets{probed});
  {
    const Open proxy = bound("127.0.0.8", SocketKind::tcp);  // whatever its port and protocol
    CHECK(only_elsewhere("127.0.0.8", {probed}).empty());
  }
  for (const char* any : {"0.0.0.0", "::"}) {
    CAPTURE(any);
    const Open everywhere = bound(any, kind);
    const auto port = at("127.0.0.9", kind, everywhere.port);
    CHECK(only_elsewhere("127.0.0.8", {port}).empty());
    CHECK(only_elsewhere("127.0.0.8", {probed, port}).empty());  // one of its ports is enough
    CHECK(only_elsewhere("::1", {port}) == (std::string(any) == "::" ? Targets{} : Targets{port}));
    CHECK(only_elsewhere("127.0.0.8", {probed}) ==
          Targets{probed});  // any-address at another port is not its
  }
}

TEST_CASE("IPv6's any-address may be of IPv6 alone") {
  Fd fd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  REQUIRE(setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(bind(fd.get(), any, size) == 0);
  REQUIRE(listen(fd.get(), 1) == 0);
  REQUIRE(getsockname(fd.get(), any, &size) == 0);
  const auto port = at("::1", SocketKind::tcp, ntohs(address.sin6_port));
  CHECK(only_elsewhere("127.0.0.8", {port}) == Targets{port});
  CHECK(only_elsewhere("fd00::8", {port}).empty());
}

TEST_CASE("what is no listener's message is none") {
  struct {
    nlmsghdr header;
    inet_diag_msg body;
  } message{};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message.body.idiag_family = AF_INET;
  message.body.id.idiag_sport = htons(80);
  message.body.id.idiag_src[0] = htonl(0x7F000001);
  const auto read = [&] { return read_listener(&message.header, SocketKind::tcp); };
  CHECK(read() == Listener{at("127.0.0.1", SocketKind::tcp, 80), false});
  message.body.id.idiag_dport = htons(1);
  CHECK_FALSE(read());
  message.body.id.idiag_dport = 0;
  message.body.id.idiag_sport = 0;
  CHECK_FALSE(read());
  message.body.id.idiag_sport = htons(80);
  message.body.idiag_family = AF_UNIX;
  CHECK_FALSE(read());
  message.body.idiag_family = AF_INET;
  message.header.nlmsg_len = sizeof message - 1;
  CHECK_FALSE(read());
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = NLMSG_ERROR;
  CHECK_FALSE(read());
}

}  // namespace
}  // namespace herald::listeners_test
