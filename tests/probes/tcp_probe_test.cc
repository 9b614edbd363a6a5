#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include "probes/socket.h"
#include "tests/probes/lab.h"

namespace tcp_probe_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;
using Catch::Matchers::StartsWith;

namespace {

json probe_of(const Server& server, const json& more = json::object()) {
  json settings{{"address", server.address()}};
  settings.update(more);
  return settings;
}

}  // namespace

TEST_CASE("tcp: a connection that is accepted passes, and is closed with a reset") {
  std::atomic<int> error = 0;
  const Server server([&](int fd) {
    char byte = 0;
    error = recv(fd, &byte, 1, 0) < 0 ? errno : -1;
  });
  Lab lab;
  const auto result = lab.run("tcp", probe_of(server));
  CHECK(result.verdict == Verdict::pass);
  CHECK_THAT(result.detail, StartsWith("connected in "));
  CHECK(result.latency > 0ns);
  for (int i = 0; i < 500 && error == 0; ++i) std::this_thread::sleep_for(10ms);
  CHECK(error == ECONNRESET);
}

TEST_CASE("tcp: IPv6") {
  const Server server([](int fd) { wait_for_close(fd); }, {AF_INET6});
  Lab lab;
  CHECK(lab.run("tcp", probe_of(server)).verdict == Verdict::pass);
}

TEST_CASE("tcp: a refused connection is refused") {
  const std::string address = "127.0.0.1:" + std::to_string(free_port());
  Lab lab;
  check_fail(lab.run("tcp", {{"address", address}}), Reason::refused,
             "connect " + address + ": Connection refused");
}

TEST_CASE("tcp: a full backlog leaves it connecting") {
  const Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::uint16_t port = free_port();
  const SocketAddress here = socket_address(*parse_address("127.0.0.1"), port);
  REQUIRE(bind(listener.get(), here.get(), here.size) == 0);
  REQUIRE(listen(listener.get(), 0) == 0);
  const Fd first(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(connect(first.get(), here.get(), here.size) == 0);
  Lab lab;
  CHECK(lab.stage("tcp", {{"address", "127.0.0.1:" + std::to_string(port)}}) == "connecting");
  CHECK(lab.stage("http", {{"url", "http://127.0.0.1:" + std::to_string(port) + "/"}}) == "connecting");
}

TEST_CASE("tcp: what is sent arrives, and what is expected is found") {
  const Server server([](int fd) {
    std::array<char, 6> buffer;
    const ssize_t count = recv(fd, buffer.data(), buffer.size(), MSG_WAITALL);
    send_text(
        fd,
        "echo " + std::string(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))) + "\n");
    wait_for_close(fd);
  });
  Lab lab;
  const auto result = lab.run("tcp", probe_of(server, {{"send", "PING\r\n"}, {"expect", "echo PING"}}));
  CHECK(result.verdict == Verdict::pass);
  CHECK_THAT(result.detail, StartsWith("answered in "));
  CHECK(lab.run("tcp", probe_of(server, {{"send", "PING\r\n"}, {"expect_matches", "^echo \\w+"}})).verdict ==
        Verdict::pass);
  CHECK(lab.run("tcp", probe_of(server, {{"send", "PING\r\n"}})).verdict == Verdict::pass);
}

TEST_CASE("tcp: an answer in pieces is put together") {
  const Server server([](int fd) {
    for (const char c : std::string("+OK ready")) {
      send_text(fd, std::string(1, c));
      std::this_thread::sleep_for(2ms);
    }
    wait_for_close(fd);
  });
  Lab lab;
  CHECK(lab.run("tcp", probe_of(server, {{"expect", "OK ready"}})).verdict == Verdict::pass);
}

TEST_CASE("tcp: answers that are not what is expected") {
  Lab lab;
  SECTION("another text, then closed") {
    const Server server([](int fd) { send_text(fd, "-ERR \x1b[31m loading\n"); });
    check_fail(lab.run("tcp", probe_of(server, {{"expect", "+PONG"}})), Reason::body,
               R"(the answer does not match: "-ERR \x1b[31m loading\n")");
  }
  SECTION("closed at once") {
    const Server server([](int) {});
    check_fail(lab.run("tcp", probe_of(server, {{"expect", "+PONG"}})), Reason::reset,
               "closed without an answer");
  }
  SECTION("reset") {
    const Server server([](int fd) { reset_connection(fd); });
    check_fail(lab.run("tcp", probe_of(server, {{"expect", "+PONG"}})), Reason::reset, "reset by peer");
  }
  SECTION("nothing") {
    const Server server([](int fd) { wait_for_close(fd); });
    CHECK(lab.stage("tcp", probe_of(server, {{"expect", "+PONG"}})) == "waiting for the answer");
  }
  SECTION("another text, then nothing") {
    const Server server([](int fd) {
      send_text(fd, "hello");
      wait_for_close(fd);
    });
    CHECK(lab.stage("tcp", probe_of(server, {{"expect", "+PONG"}})) ==
          "reading the answer (5 bytes so far: \"hello\")");
    check_fail(lab.run("tcp", probe_of(server, {{"expect", "+PONG"}})), Reason::body,
               R"(the answer does not match: "hello")");
  }
  SECTION("a flood") {
    const Server server([](int fd) {
      const std::string block(65536, 'x');
      while (send(fd, block.data(), block.size(), MSG_NOSIGNAL) > 0) {
      }
    });
    const auto probe = lab.make("tcp", probe_of(server, {{"expect_matches", "never"}}));
    const auto result = lab.run(*probe);
    REQUIRE(result);
    check_fail(*result, Reason::too_large, "no match in 65536 bytes");
    rusage before{};
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < 50; ++i) REQUIRE(lab.run(*probe));
    rusage after{};
    getrusage(RUSAGE_SELF, &after);
    CHECK(after.ru_maxrss - before.ru_maxrss < 30'000);
  }
  SECTION("a target that does not read what is sent") {
    const Server server([](int fd) {
      const int small = 1;
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
      std::this_thread::sleep_for(400ms);
    });
    const std::string much(65536, 'x');
    const auto probe = lab.make("tcp", probe_of(server, {{"send", much}, {"expect", "y"}}));
    auto attempt = probe->start([](const ProbeResult&) {});
    REQUIRE(attempt);
    lab.run_for(100ms);
    CHECK_FALSE((*attempt)->stage().empty());
  }
}

TEST_CASE("tcp: bytes are sent and expected as they are") {
  std::string received;
  const Server server([&](int fd) {
    std::array<char, 3> buffer;
    const ssize_t count = recv(fd, buffer.data(), buffer.size(), MSG_WAITALL);
    received.assign(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    send_text(fd, std::string("\xff\xfd\x01\0\x80", 5));
    wait_for_close(fd);
  });
  Lab lab;
  const auto run = [&](const json& more) {
    json settings = probe_of(server, {{"send", {{"hex", "ff fb 18"}}}});
    settings.update(more);
    return lab.run("tcp", settings);
  };
  CHECK(run({{"expect", {{"base64", "AIA="}}}}).verdict == Verdict::pass);
  CHECK(received == "\xff\xfb\x18");
  CHECK(run({{"expect_matches", R"(^\xff\xfd.\x00\x80$)"}}).verdict == Verdict::pass);
  check_fail(run({{"expect", {{"hex", "01 80"}}}}), Reason::body,
             R"(the answer does not match: "\xff\xfd\x01\x00\x80")");
}

TEST_CASE("tcp: an answer that says no is a failure at once") {
  const auto saying = [](const std::string& text) {
    return [text](int fd) {
      send_text(fd, text);
      wait_for_close(fd);
    };
  };
  Lab lab;
  lab.timeout = 60s;
  const Server redis(saying("-NOAUTH Authentication required.\r\n"));
  check_fail(lab.run("tcp", probe_of(redis, {{"send", "PING\r\n"}, {"expect", "+PONG"}})), Reason::body,
             R"(the answer does not match: "-NOAUTH Authentication required.\r\n")");
  const Server smtp(saying("421 too many connections\r\n"));
  check_fail(lab.run("tcp", probe_of(smtp, {{"expect", "220 "}})), Reason::body, "421 too many");
  const Server more(saying("554-first\r\n554 last\r\n"));
  check_fail(lab.run("tcp", probe_of(more, {{"expect", "220"}})), Reason::body, "554 last");
  // Half a line, a greeting before the answer, and a line that only goes on say nothing yet.
  for (const std::string text : {"-NOAUTH", "421 too", "550-more\r\n", "220 hello\r\n"}) {
    CAPTURE(text);
    const Server slow(saying(text));
    CHECK_THAT(lab.stage("tcp", probe_of(slow, {{"expect", text[0] == '-' ? "+PONG" : "250 "}})),
               StartsWith("reading the answer ("));
  }
}

TEST_CASE("tcp: an answer that is not the expected one is no timeout") {
  Lab lab;
  lab.timeout = 400ms;
  const Server line([](int fd) {
    send_text(fd, "NOT READY\n");
    wait_for_close(fd);
  });
  const auto result = lab.run("tcp", probe_of(line, {{"expect", "all is well"}}));
  check_fail(result, Reason::body, R"(the answer does not match: "NOT READY\n")");
  CHECK(result.latency > 300ms);  // more might have come
  const Server late([](int fd) {
    send_text(fd, "220 hello\r\n");
    std::this_thread::sleep_for(200ms);
    send_text(fd, "250 ok\r\n");
    wait_for_close(fd);
  });
  CHECK(lab.run("tcp", probe_of(late, {{"send", "EHLO x\r\n"}, {"expect", "250 ok"}})).verdict ==
        Verdict::pass);
  const Server dripping([](int fd) {
    for (int i = 0; i < 100 && send(fd, "x", 1, MSG_NOSIGNAL) == 1; ++i) std::this_thread::sleep_for(10ms);
  });
  CHECK_THAT(lab.stage("tcp", probe_of(dripping, {{"expect", "all"}}), 390ms),
             StartsWith("reading the answer ("));
}

TEST_CASE("tcp: an answer that came before the connection broke counts") {
  Lab lab;
  const Server server([](int fd) {
    send_text(fd, "+READY\r\n");
    reset_connection(fd);
  });
  for (int i = 0; i < 20; ++i) {
    const auto well =
        lab.run("tcp", probe_of(server, {{"send", std::string(60000, 'x')}, {"expect", "+READY"}}));
    CAPTURE(well);
    CHECK(well.verdict == Verdict::pass);
    check_fail(lab.run("tcp", probe_of(server, {{"send", "x"}, {"expect", "+PONG"}})), Reason::body,
               "+READY");
  }
}

TEST_CASE("tcp: a drip of bytes ends at a number of pieces") {
  const Server server([](int fd) {
    const int now = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
    while (send(fd, "x", 1, MSG_NOSIGNAL) == 1) std::this_thread::sleep_for(20us);
  });
  Lab lab;
  check_fail(lab.run("tcp", probe_of(server, {{"expect", "never"}})), Reason::too_large, "no match in");
}

TEST_CASE("tcp: an attempt that is destroyed is over at once") {
  std::atomic<bool> closed = false;
  const Server server([&](int fd) {
    wait_for_close(fd);
    closed = true;
  });
  Lab lab;
  const auto probe = lab.make("tcp", probe_of(server, {{"expect", "x"}}));
  auto attempt = probe->start([](const ProbeResult&) { FAIL("reported after it was destroyed"); });
  REQUIRE(attempt);
  lab.run_for(20ms);
  attempt->reset();
  for (int i = 0; i < 500 && !closed; ++i) lab.run_for(10ms);
  CHECK(closed);
}

TEST_CASE("tcp: an attempt may be destroyed as it reports, and the next one started") {
  const Server server([](int fd) { wait_for_close(fd); });
  Lab lab;
  const auto probe = lab.make("tcp", probe_of(server));
  std::unique_ptr<Attempt> attempt;
  int left = 20;
  std::function<void()> next = [&] {
    attempt = *probe->start([&](const ProbeResult& result) {
      CHECK(result.verdict == Verdict::pass);
      attempt.reset();
      if (--left == 0) return lab.loop.exit(0);
      next();
    });
  };
  next();
  lab.loop.run();
  CHECK(left == 0);
}

TEST_CASE("tcp: herald's own trouble is inconclusive") {
  const Server server([](int fd) { wait_for_close(fd); });
  Lab lab;
  lab.socket.bind_device = "nosuchdev0";
  const auto result = lab.run("tcp", probe_of(server));
  CHECK(result.verdict == Verdict::inconclusive);
  CHECK(result.reason == Reason::local);
  CHECK(result.detail == "bind_device nosuchdev0: No such device");
  Lab other;
  const auto scope = other.run("tcp", {{"address", "[fe80::1%nosuchdev0]:80"}});
  CHECK(scope.verdict == Verdict::inconclusive);
  CHECK(scope.detail == "interface nosuchdev0: No such device");
}

TEST_CASE("tcp: accepted passes once a process has the connection, and not for the handshake alone") {
  Lab lab;
  const Server server([](int fd) { wait_for_close(fd); });
  const auto result = lab.run("tcp", probe_of(server, {{"accepted", true}}));
  CHECK(result.verdict == Verdict::pass);
  CHECK_THAT(result.detail, StartsWith("accepted in "));

  const Fd stopped(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::uint16_t port = free_port();
  const SocketAddress here = socket_address(*parse_address("127.0.0.1"), port);
  REQUIRE(bind(stopped.get(), here.get(), here.size) == 0);
  REQUIRE(listen(stopped.get(), 16) == 0);
  const json settings{{"address", "127.0.0.1:" + std::to_string(port)}, {"accepted", true}};
  CHECK(lab.stage_of_both("tcp", settings) ==
        "waiting to be accepted (never accepted: the process does not run, or takes no more connections)");

  // It runs again, while the attempt waits.
  const auto probe = lab.make("tcp", settings);
  std::thread later([&] {
    std::this_thread::sleep_for(200ms);
    for (int left = 2; left > 0; --left) {  // the one before was given up by its client
      const Fd taken(accept4(stopped.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (left == 1) std::this_thread::sleep_for(500ms);
    }
  });
  const auto late = lab.run(*probe);
  later.join();
  REQUIRE(late);
  CHECK(late->verdict == Verdict::pass);
  CHECK(late->latency >= 150ms);
}

TEST_CASE("tcp: accepted, of a target that closes or resets") {
  Lab lab;
  const Server closes([](int) {});
  CHECK(lab.run("tcp", probe_of(closes, {{"accepted", true}})).verdict == Verdict::pass);
  // A listener that ends resets what it had not accepted.
  Fd ends(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::uint16_t port = free_port();
  const SocketAddress here = socket_address(*parse_address("127.0.0.1"), port);
  REQUIRE(bind(ends.get(), here.get(), here.size) == 0);
  REQUIRE(listen(ends.get(), 16) == 0);
  const auto probe = lab.make("tcp", {{"address", "127.0.0.1:" + std::to_string(port)}, {"accepted", true}});
  std::thread later([&] {
    std::this_thread::sleep_for(100ms);
    ends = Fd();
  });
  const auto result = lab.run(*probe);
  later.join();
  REQUIRE(result);
  check_fail(*result, Reason::reset, "reset by peer");
}

TEST_CASE(
    "tcp: where it cannot be told whether a connection is accepted, that proves nothing, and is said at "
    "once") {
  Lab lab;
  const Fd deferring(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::uint16_t port = free_port();
  const SocketAddress here = socket_address(*parse_address("127.0.0.1"), port);
  const int seconds = 5;
  REQUIRE(setsockopt(deferring.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds) == 0);
  REQUIRE(bind(deferring.get(), here.get(), here.size) == 0);
  REQUIRE(listen(deferring.get(), 16) == 0);
  const std::string address = "127.0.0.1:" + std::to_string(port);
  const auto deferred = lab.run("tcp", {{"address", address}, {"accepted", true}});
  CHECK(deferred.verdict == Verdict::inconclusive);
  CHECK(deferred.detail ==
        "whether " + address +
            " has accepted cannot be told: it waits for data first (TCP_DEFER_ACCEPT); let the "
            "probe `send` something");
  CHECK_THAT(lab.stage_of_both("tcp", {{"address", address}, {"accepted", true}, {"send", "x"}}),
             StartsWith("waiting to be accepted (never accepted"));
  check_fail(lab.run("tcp", {{"address", "127.0.0.1:" + std::to_string(free_port())}, {"accepted", true}}),
             Reason::refused, "Connection refused");
}

TEST_CASE("tcp: accepted is refused where nobody could tell, and where an answer says it already") {
  Lab lab;
  const auto errors =
      Lab::errors_of("tcp", {{"address", "127.0.0.1:1"}, {"accepted", true}, {"expect", "220"}});
  REQUIRE(errors.size() == 1);
  CHECK_THAT(errors[0], StartsWith("/accepted: says nothing more where an answer"));
  CHECK(Lab::errors_of("tcp", {{"address", "127.0.0.1:1"}, {"accepted", true}, {"tls", true}}).size() == 1);
  CHECK(Lab::errors_of("tcp", {{"address", "127.0.0.1:1"}, {"accepted", true}, {"send", "x"}}).empty());
  for (const char* local : {"127.0.0.1:1", "[::1]:1", "localhost:1"})
    CHECK(lab.try_make("tcp", {{"address", local}, {"accepted", true}}));
}

}  // namespace tcp_probe_test
