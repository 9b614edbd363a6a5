#include "probes/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>

#include "tests/probes/lab.h"

namespace socket_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;

namespace {

SocketAddress address_of(const std::string& text, std::uint16_t port) {
  return socket_address(*parse_address(text), port);
}

int option_of(const Fd& fd, int level, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  REQUIRE(getsockopt(fd.get(), level, option, &value, &size) == 0);
  return value;
}

}  // namespace

TEST_CASE("an address of a socket has a port and a text") {
  SocketAddress v4 = address_of("192.0.2.1", 80);
  CHECK(to_string(v4) == "192.0.2.1:80");
  v4.set_port(81);
  CHECK(v4.port() == 81);
  CHECK(v4.size == sizeof(sockaddr_in));
  const SocketAddress v6 = address_of("fd00::1", 53);
  CHECK(to_string(v6) == "[fd00::1]:53");
  CHECK(to_string(address_of("fd00::1", 0)) == "fd00::1");
  CHECK(v6.family() == AF_INET6);
  const SocketAddress scoped = socket_address(*parse_address("fe80::1"), 1, 7);
  CHECK(reinterpret_cast<const sockaddr_in6*>(scoped.get())->sin6_scope_id == 7);
}

TEST_CASE("a socket never blocks, is not inherited, and is of the protocol that was asked for") {
  const auto fd = open_socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, {});
  if (!fd) FAIL(fd.error().detail);
  CHECK((fcntl(fd->get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(option_of(*fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_UDPLITE);
  CHECK(option_of(*open_socket(AF_INET6, SOCK_STREAM, 0, {}), SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP);
}

TEST_CASE("where a socket leaves from, and that what is not there is this machine's trouble") {
  const auto bound = open_socket(AF_INET, SOCK_DGRAM, 0, {"127.0.0.9", "lo", 7});
  if (!bound) FAIL(bound.error().detail);
  CHECK(option_of(*bound, SOL_SOCKET, SO_MARK) == 7);
  SocketAddress local;
  local.size = sizeof local.storage;
  REQUIRE(getsockname(bound->get(), reinterpret_cast<sockaddr*>(&local.storage), &local.size) == 0);
  CHECK(to_string(local) == "127.0.0.9");  // the port comes with the connection
  for (const auto& [options, detail] : std::vector<std::pair<SocketOptions, std::string>>{
           {{"", "nosuchdev0", 0}, "bind_device nosuchdev0: No such device"},
           {{"fd00::1", "", 0}, "source fd00::1: not of the target's family"},
           {{"192.0.2.77", "", 0}, "source 192.0.2.77: Cannot assign requested address"}}) {
    const auto refused = open_socket(AF_INET, SOCK_STREAM, 0, options);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().verdict == Verdict::inconclusive);
    CHECK(refused.error().detail == detail);
  }
}

TEST_CASE("a unix socket is connected to by its path, or by its name in the abstract namespace") {
  const std::string path = "/tmp/herald-socket-test-" + std::to_string(getpid());
  for (const std::string& name : {path, "@" + path}) {
    const Fd listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path - 1);
    if (name.starts_with('@')) address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    const Reason absent = name == path ? Reason::unreachable : Reason::refused;
    CHECK(connect_unix(name).error().reason == absent);
    REQUIRE(bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
    CHECK(connect_unix(name).error().reason == Reason::refused);  // nobody listens
    REQUIRE(listen(listening.get(), 4) == 0);
    const auto fd = connect_unix(name);
    REQUIRE(fd);
    CHECK(pending_error(fd->get()) == 0);
  }
  unlink(path.c_str());
}

TEST_CASE("what became of a connection is known by its error") {
  const Server server([](int fd) { wait_for_close(fd); });
  for (const auto& [port, error] :
       std::vector<std::pair<std::uint16_t, int>>{{server.port(), 0}, {free_port(), ECONNREFUSED}}) {
    const auto fd = connect_socket(address_of("127.0.0.1", port), SOCK_STREAM, {});
    if (!fd) {  // some kernels say it at once
      CHECK(fd.error().reason == Reason::refused);
      continue;
    }
    pollfd wait{fd->get(), POLLOUT, 0};
    REQUIRE(poll(&wait, 1, 5000) == 1);
    CHECK(pending_error(fd->get()) == error);
  }
}

}  // namespace socket_test
