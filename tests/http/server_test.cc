// The server with clients of its own process, heraldd being the test.
#include "sidecar/http/server.h"

#include <fcntl.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <vector>

#include "tests/http/client.h"
#include "tests/os/temporary_directory.h"

namespace server_test {

using namespace herald;
using namespace herald::http;
using namespace fixture;

namespace {

constexpr unsigned kClientsOfOne = 6;

struct Bench {
  Bench() {
    limits.of_one_client = kClientsOfOne;
    limits.patience = 1s;
    limits.whole = 3s;
    limits.silence_seconds = 2;
    limits.unsent_bytes = std::size_t{24} << 20U;
  }
  void start(std::string path = "") {
    Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener.get(), 64) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
    auto started = Server::start(loop, std::move(listener), std::move(path), views, limits);
    REQUIRE(started);
    server = std::move(*started);
    server->serve();
  }
  // What heraldd says to all that is asked.
  void says(std::string text) {
    answers = [text = std::move(text)](const work::HttpAsk& ask) {
      return work::HttpPart{ask.ask, true, std::nullopt, text};
    };
  }
  std::string get(std::string_view path, std::string_view more = "") {
    Client client(port);
    REQUIRE(client.get(path, more));
    return client.answer(loop);
  }

  Loop loop;
  ServerLimits limits;
  std::uint16_t port = 0;
  std::function<work::HttpPart(const work::HttpAsk&)> answers;  // none: heraldd is silent
  std::vector<work::HttpAsk> asked;
  std::vector<work::HttpPart> said;
  Views views{[this](const work::HttpAsk& ask) {
    asked.push_back(ask);
    if (!answers) return;
    said.push_back(answers(ask));
    later = loop.timer_at(Loop::clock(), [this] {
      for (const work::HttpPart& part : std::exchange(said, {})) (void)views.take(part);
    });
  }};
  Source later;
  std::unique_ptr<Server> server;
};

}  // namespace

TEST_CASE_METHOD(Bench, "server: it hands out what heraldd says, and closes behind it") {
  start();
  says("herald_build_info 1\n");
  const std::string answer = get("/metrics");
  CHECK(has_status(answer, "200"));
  CHECK(body_of(answer) == "herald_build_info 1\n");
  CHECK(answer.find("Content-Type: text/plain; version=0.0.4") != std::string::npos);
  CHECK(answer.find("X-Content-Type-Options: nosniff") != std::string::npos);
  CHECK(answer.find("Cache-Control: no-store") != std::string::npos);
  CHECK(get("/metrics", "Accept: application/openmetrics-text\r\n")
            .find("Content-Type: application/openmetrics-text; version=1.0.0") != std::string::npos);
  says("1 healthy announced web\n0 unhealthy withdrawn api\n");
  CHECK(has_status(get("/service/web"), "200"));
  CHECK(has_status(get("/service/w%65b?a=b"), "200"));
  CHECK(has_status(get("/service/api"), "503"));
  CHECK(has_status(get("/service/no"), "404"));
}

TEST_CASE_METHOD(Bench, "server: a HEAD has the header alone") {
  start();
  says("12345");
  Client client(port);
  REQUIRE(client.send("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n"));
  const std::string answer = client.answer(loop);
  CHECK(has_status(answer, "200"));
  CHECK(answer.find("Content-Length: 5\r\n") != std::string::npos);
  CHECK(body_of(answer).empty());
}

TEST_CASE_METHOD(Bench, "server: what is no look is refused, and heraldd does not hear of it") {
  start();
  says("ok\n");
  const auto answer_to = [this](const std::string& request) {
    Client client(port);
    REQUIRE(client.send(request));
    return client.answer(loop);
  };
  CHECK(has_status(get("/"), "404"));
  CHECK(has_status(get("/../../etc/passwd"), "404"));
  CHECK(has_status(answer_to("DELETE /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), "405"));
  CHECK(
      answer_to("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").find("Allow: GET, HEAD") !=
      std::string::npos);
  CHECK(
      has_status(answer_to("GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789"), "413"));
  CHECK(has_status(answer_to("GET /metrics HTTP/1.1\r\n\r\n"), "400"));  // no Host
  CHECK(has_status(answer_to("GET /" + std::string(20000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), "414"));
  CHECK(has_status(
      answer_to("GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + std::string(20000, 'a') + "\r\n\r\n"), "431"));
  (void)answer_to("\x16\x03\x01\x02\x00\x01\x00 junk \r\n\r\n\r\n");
  CHECK(asked.empty());
  CHECK(has_status(get("/healthz"), "200"));
}

TEST_CASE_METHOD(Bench, "server: however many want the same, heraldd is asked once") {
  start();
  std::vector<std::unique_ptr<Client>> clients;
  for (unsigned count = 0; count < kClientsOfOne; ++count) {
    clients.push_back(std::make_unique<Client>(port));
    REQUIRE(clients.back()->get("/metrics"));
  }
  REQUIRE(run_until(loop, [this] { return !asked.empty(); }));
  run_for(loop, 100ms);
  CHECK(asked.size() == 1);
  CHECK(views.take({asked[0].ask, true, std::nullopt, std::string(100000, 'a')}));
  for (const auto& client : clients) CHECK(body_of(client->answer(loop)).size() == 100000);
}

TEST_CASE_METHOD(Bench, "server: while heraldd is silent, that is said") {
  start();
  const std::string answer = get("/healthz");
  CHECK(has_status(answer, "503"));
  CHECK(body_of(answer) == "heraldd does not answer\n");
  says("ok\n");
  CHECK(has_status(get("/service/web"), "404"));
  // What was asked for then is still awaited; it comes, and all goes on.
  CHECK(views.take({asked[0].ask, true, std::nullopt, "ok\n"}));
  CHECK(has_status(get("/healthz"), "200"));
}

TEST_CASE_METHOD(Bench, "server: who drips a request has an end") {
  start();
  Client client(port);
  bool is_open = true;
  const TimePoint began = Loop::clock();
  while (is_open && Loop::clock() - began < 20s) {
    is_open = client.send("G") && !client.is_over();
    run_for(loop, 50ms);
  }
  CHECK_FALSE(is_open);
  CHECK(Loop::clock() - began >= limits.whole);
}

TEST_CASE_METHOD(Bench, "server: who says nothing has an end, and so has who does not read") {
  start();
  constexpr std::size_t kMuch = 16'000'000;  // more than the kernel takes
  says(std::string(kMuch, 'a'));
  Client silent(port);
  Client reader(port);
  REQUIRE(reader.get("/metrics"));
  REQUIRE(run_until(loop, [&] { return asked.size() == 1; }));
  run_for(loop, 200ms);
  // What he keeps is all that may be kept: the next one is told so, and is the last who is.
  const bool is_told = body_of(get("/metrics")) == "others have not read what they asked for\n";
  CHECK(is_told);
  CHECK(has_status(get("/service/web"), "404"));
  REQUIRE(run_until(loop, [&] { return silent.is_over(); }));
  run_for(loop, 3s);
  CHECK(body_of(get("/metrics")).size() == kMuch);
}

TEST_CASE_METHOD(Bench, "server: one client has so many connections, and no more") {
  start();
  says("ok\n");
  std::vector<std::unique_ptr<Client>> clients;
  for (unsigned count = 0; count < kClientsOfOne + 4; ++count)
    clients.push_back(std::make_unique<Client>(port));
  run_for(loop, 200ms);
  std::size_t open = 0;
  for (const auto& client : clients) open += client->is_over() ? 0 : 1;
  CHECK(open == kClientsOfOne);
  clients.clear();
  run_for(loop, 100ms);
  CHECK(has_status(get("/healthz"), "200"));
}

TEST_CASE_METHOD(Bench, "server: who goes while he waits is forgotten, and it ends among those who wait") {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "http.sock";
  {
    Fd file(::open(path.c_str(), O_CREAT | O_CLOEXEC | O_WRONLY, 0600));
  }
  start(path);
  {
    Client gone(port);
    REQUIRE(gone.get("/metrics"));
    REQUIRE(run_until(loop, [this] { return asked.size() == 1; }));
  }
  Client waiting(port);
  REQUIRE(waiting.get("/metrics"));
  run_for(loop, 100ms);
  server.reset();
  CHECK(waiting.is_over());
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK(views.take({asked[0].ask, true, std::nullopt, "for nobody"}));
}

}  // namespace server_test
