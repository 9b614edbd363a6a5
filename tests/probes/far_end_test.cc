#include "probes/far_end.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "probes/socket.h"
#include "sidecar/os/local_addresses.h"
#include "tests/probes/lab.h"

namespace far_end_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;

namespace {

constexpr const char* kNeverAccepted =
    "never accepted: the process does not run, or takes no more connections";

// A port of loopback on which nobody reads or accepts, as that of a process that is stopped.
struct Stopped {
  Fd fd;
  std::string address;
};
Stopped stopped(int type, int backlog = 16) {
  const std::uint16_t port = free_port();
  Stopped made{Fd(socket(AF_INET, type | SOCK_CLOEXEC, 0)), "127.0.0.1:" + std::to_string(port)};
  const SocketAddress here = socket_address(*parse_address("127.0.0.1"), port);
  REQUIRE(bind(made.fd.get(), here.get(), here.size) == 0);
  if (type == SOCK_STREAM) REQUIRE(listen(made.fd.get(), backlog) == 0);
  return made;
}

Fd connected(const Stopped& target, int type = SOCK_STREAM) {
  const auto port =
      static_cast<std::uint16_t>(std::stoi(target.address.substr(target.address.find(':') + 1)));
  const SocketAddress there = socket_address(*parse_address("127.0.0.1"), port);
  Fd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
  REQUIRE(connect(fd.get(), there.get(), there.size) == 0);
  return fd;
}

FarEndSeen seen(FarEnds& far_ends, const Fd& fd) {
  const auto looked = far_ends.look(fd.get());
  REQUIRE(looked);
  return *looked;
}

}  // namespace

TEST_CASE("far end: not accepted, accepted and not read, read, and closed") {
  FarEnds far_ends;
  const Stopped target = stopped(SOCK_STREAM);
  const Fd client = connected(target);
  CHECK(seen(far_ends, client).is == FarEnd::unaccepted);
  Fd accepted(accept4(target.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  CHECK(seen(far_ends, client).is == FarEnd::accepted);
  send_text(client.get(), "hello");
  CHECK(seen(far_ends, client).unread == 5);
  accepted = Fd();
  CHECK(seen(far_ends, client).is ==
        FarEnd::elsewhere);  // it reset what it had not read: there is no such socket any more
  const Fd other = connected(target);
  Fd shut(accept4(target.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  shut = Fd();
  CHECK(seen(far_ends, other).is == FarEnd::closed);
}

TEST_CASE("far end: a listener that waits for data has not refused to accept") {
  FarEnds far_ends;
  const Stopped target = stopped(SOCK_STREAM);
  const int seconds = 5;
  REQUIRE(setsockopt(target.fd.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds) == 0);
  const Fd client = connected(target);
  CHECK(seen(far_ends, client).is == FarEnd::deferred);
  send_text(client.get(), "hello");
  CHECK(seen(far_ends, client).is == FarEnd::unaccepted);
}

TEST_CASE("far end: nothing is told of what is elsewhere, and of what is no connection") {
  FarEnds far_ends;
  const Stopped target = stopped(SOCK_STREAM);
  const Fd not_connected(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHECK(seen(far_ends, not_connected).is == FarEnd::elsewhere);
  const Fd of_unix(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHECK(seen(far_ends, of_unix).is == FarEnd::elsewhere);
  // On another machine's address a socket on the any-address of this one means nothing.
  const Fd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const std::uint16_t port = free_port();
  const SocketAddress everywhere = socket_address(*parse_address("0.0.0.0"), port);
  REQUIRE(bind(any.get(), everywhere.get(), everywhere.size) == 0);
  const Fd query(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const SocketAddress away = socket_address(*parse_address("192.0.2.1"), port);
  if (connect(query.get(), away.get(), away.size) == 0) CHECK(seen(far_ends, query).is == FarEnd::elsewhere);
}

TEST_CASE("far end: what cut an attempt off is told with how far its target has come") {
  Lab lab;
  SECTION("a process that is stopped accepts nothing") {
    const Stopped target = stopped(SOCK_STREAM);
    CHECK(lab.stage_of_both("http", {{"url", "http://" + target.address + "/"}}) ==
          std::string("waiting for the answer (") + kNeverAccepted + ")");
    CHECK(lab.stage_of_both("tcp", {{"address", target.address}, {"expect", "+PONG"}}) ==
          std::string("waiting for the answer (") + kNeverAccepted + ")");
    CHECK(lab.stage_of_both("tcp", {{"address", target.address}, {"tls", true}}) ==
          std::string("TLS handshake (") + kNeverAccepted + ")");
    CHECK(lab.stage_of_both("dns",
                            {{"server", target.address}, {"query", "a.example A"}, {"transport", "tcp"}}) ==
          std::string("waiting for the answer over TCP (") + kNeverAccepted + ")");
  }
  SECTION("accepted, and not read") {
    const Server server([](int) { std::this_thread::sleep_for(1s); });
    CHECK(lab.stage_of_both("tcp", {{"address", server.address()}, {"send", "PING\r\n"}, {"expect", "x"}}) ==
          "waiting for the answer (accepted, request not read (6 bytes wait))");
  }
  SECTION("read, and not answered") {
    const Server server([](int fd) {
      read_request(fd);
      wait_for_close(fd);
    });
    CHECK(lab.stage_of_both("http", http_probe_of(server)) == "waiting for the answer (read, no answer)");
  }
  SECTION("nothing was sent that could be read") {
    const Server server([](int fd) { wait_for_close(fd); });
    CHECK(lab.stage_of_both("tcp", {{"address", server.address()}, {"expect", "220"}}) ==
          "waiting for the answer (accepted, no answer)");
  }
  SECTION("an answer that has begun says more than this could") {
    const Server server([](int fd) {
      read_request(fd);
      send_text(fd, "HTTP/1.1 200 OK\r\n");
      wait_for_close(fd);
    });
    CHECK(lab.stage_of_both("http", http_probe_of(server)) == "reading the answer (17 bytes so far)");
  }
  SECTION("datagrams") {
    const Stopped target = stopped(SOCK_DGRAM);
    CHECK_THAT(lab.stage_of_both("udp", {{"address", target.address}, {"send", "x"}, {"tries", 1}}),
               Catch::Matchers::StartsWith(
                   "waiting for the answer (query not read (the queue of the target's socket holds "));
    const DatagramServer server([](const std::string&) { return std::vector<std::string>{}; });
    CHECK(lab.stage_of_both("dns", {{"server", server.address()}, {"query", "a.example A"}, {"tries", 1}}) ==
          "waiting for the answer over UDP (read or dropped, no answer)");
  }
  SECTION("a full backlog is what it was") {
    const Stopped target = stopped(SOCK_STREAM, 0);
    const Fd first = connected(target);
    CHECK(lab.stage_of_both("tcp", {{"address", target.address}, {"expect", "x"}}) == "connecting");
  }
}

}  // namespace far_end_test
