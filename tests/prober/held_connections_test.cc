// Against listeners of the test's own, which end connections as they like.
#include "sidecar/prober/held_connections.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "probes/result.h"
#include "probes/socket.h"
#include "tests/os/run_until.h"

namespace held_connections_test {

using namespace herald;
using namespace herald::prober;
using namespace std::chrono_literals;
using work::HeldChange;

namespace {

constexpr ProbeId kProbe{3};

struct Bench {
  Bench() { use(2); }

  void use(std::size_t most) {
    held.emplace(loop, most, [this](const work::Held& one) { told.push_back(one); });
  }
  void listen_tcp() {
    listening = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(bind(listening.get(), reinterpret_cast<const sockaddr*>(&at), size) == 0);
    REQUIRE(listen(listening.get(), 16) == 0);
    REQUIRE(getsockname(listening.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
    address = probes::socket_address(*parse_address("127.0.0.1"), ntohs(at.sin_port));
  }
  void keep(ProbeId probe = kProbe) {
    held->keep(probe, [this]() -> std::expected<Fd, ProbeResult> {
      ++opened;
      auto fd = probes::connect_socket(address, SOCK_STREAM, {});
      if (fd) last_opened = fd->get();
      return fd;
    });
  }
  bool hears(std::size_t many) {
    return run_until(loop, [&] { return told.size() >= many; });
  }
  [[nodiscard]] Fd accepted() const {
    Fd fd(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(fd);
    return fd;
  }
  [[nodiscard]] bool is_asked() const {
    return static_cast<bool>(Fd(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }
  // Made and accepted.
  Fd begin() {
    keep();
    held->passed(kProbe);
    REQUIRE(hears(1));
    CHECK(told[0].change == HeldChange::begun);
    return accepted();
  }

  Fd listening;
  probes::SocketAddress address;
  int opened = 0;
  int last_opened = -1;
  std::vector<work::Held> told;
  Loop loop;
  std::optional<HeldConnections> held;
};

}  // namespace

TEST_CASE_METHOD(Bench,
                 "held: a connection is made once an attempt has passed, and its end is told at once") {
  listen_tcp();
  keep();
  run_for(loop, 20ms);
  CHECK(opened == 0);
  held->passed(ProbeId{77});  // nobody's
  held->passed(kProbe);
  held->passed(kProbe);
  REQUIRE(hears(1));
  held->passed(kProbe);
  CHECK(told[0].probe == kProbe);
  CHECK(told[0].change == HeldChange::begun);
  CHECK(opened == 1);
  Fd theirs = accepted();
  const TimePoint before = Loop::clock();
  theirs.reset();
  REQUIRE(hears(2));
  CHECK(told[1].change == HeldChange::ended);
  CHECK(told[1].text == "the target closed it after 0.0 s; another one in 1 s");
  CHECK(Loop::clock() - before < 1s);
}

TEST_CASE_METHOD(Bench, "held: a reset is an end, and of a host that is gone the kernel finds out") {
  listen_tcp();
  Fd theirs = begin();
  int is_kept_alive = 0;
  socklen_t size = sizeof is_kept_alive;
  REQUIRE(getsockopt(last_opened, SOL_SOCKET, SO_KEEPALIVE, &is_kept_alive, &size) == 0);
  CHECK(is_kept_alive == 1);
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(theirs.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  theirs.reset();
  REQUIRE(hears(2));
  CHECK(told[1].change == HeldChange::ended);
  CHECK(told[1].text.starts_with("it ended: Connection reset by peer after 0.0 s"));
}

TEST_CASE_METHOD(Bench,
                 "held: after an end the next one waits for a pass, and for its pause, which doubles") {
  listen_tcp();
  begin().reset();
  REQUIRE(hears(2));
  CHECK_FALSE(is_asked());
  const TimePoint ended = Loop::clock();
  run_for(loop, 1200ms);
  CHECK(opened == 1);  // no attempt has passed since
  held->passed(kProbe);
  REQUIRE(hears(3));
  CHECK(Loop::clock() - ended >= 1s);
  accepted().reset();
  REQUIRE(hears(4));
  CHECK(told[3].text == "the target closed it after 0.0 s; another one in 2 s");
  const TimePoint again = Loop::clock();
  held->passed(kProbe);
  REQUIRE(hears(5));
  CHECK(Loop::clock() - again >= 1900ms);
}

TEST_CASE_METHOD(Bench, "held: one that has lived for long is followed by another at once") {
  listen_tcp();
  Fd theirs = begin();
  run_for(loop, HeldConnections::kGoodLife + 50ms);
  theirs.reset();
  REQUIRE(hears(2));
  CHECK(told[1].text.find("another one") == std::string::npos);
  held->passed(kProbe);
  REQUIRE(hears(3));
  CHECK(told[2].change == HeldChange::begun);
}

TEST_CASE_METHOD(Bench, "held: what the target sends is thrown away, and not without an end") {
  listen_tcp();
  const Fd theirs = begin();
  REQUIRE(send(theirs.get(), "220 ready\r\n", 11, MSG_NOSIGNAL) == 11);
  run_for(loop, 30ms);
  CHECK(told.size() == 1);
  const std::string flood(30000, 'x');
  while (told.size() == 1) {
    REQUIRE(send(theirs.get(), flood.data(), flood.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0);
    run_for(loop, 5ms);
  }
  CHECK(told[1].change == HeldChange::failed);  // and no nudge
  CHECK(told[1].text.starts_with("the target sends, and goes on sending after "));
}

TEST_CASE_METHOD(Bench, "held: what cannot be connected to is no end") {
  listen_tcp();
  listening.reset();
  keep();
  held->passed(kProbe);
  REQUIRE(hears(1));
  CHECK(told[0].change == HeldChange::failed);
  CHECK(told[0].text == "connect: Connection refused; another one in 1 s");
  held->keep(kProbe, [] { return std::unexpected(probes::local_trouble("no such interface")); });
  held->passed(kProbe);
  REQUIRE(told.size() == 2);
  CHECK(told[1].text == "no such interface; another one in 1 s");
}

TEST_CASE_METHOD(Bench, "held: no more than half of the descriptors, and what is let go makes room") {
  listen_tcp();
  for (const std::uint32_t probe : {1U, 2U, 3U}) {
    keep(ProbeId{probe});
    held->passed(ProbeId{probe});
  }
  REQUIRE(hears(3));
  CHECK(told[0].probe == ProbeId{3});
  CHECK(told[0].change == HeldChange::failed);
  CHECK(told[0].text.starts_with("its worker keeps 2 already"));
  held->let_go(ProbeId{1});
  held->let_go(ProbeId{1});
  keep(ProbeId{4});
  held->passed(ProbeId{4});
  REQUIRE(hears(4));
  CHECK(told[3].change == HeldChange::begun);
}

TEST_CASE_METHOD(Bench, "held: what is let go is closed, and is told of no more") {
  listen_tcp();
  const Fd theirs = begin();
  held->let_go(kProbe);
  char byte = 0;
  CHECK(recv(theirs.get(), &byte, 1, 0) == 0);
  held->passed(kProbe);
  run_for(loop, 30ms);
  CHECK(told.size() == 1);
  CHECK(opened == 1);
}

}  // namespace held_connections_test
