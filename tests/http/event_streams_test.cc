// Streams of events, through the server that they belong to.
#include "sidecar/http/event_streams.h"

#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "sidecar/http/server.h"
#include "tests/http/client.h"
#include "tests/os/bound_socket.h"

namespace event_streams_test {

using namespace herald;
using namespace herald::http;
using namespace fixture;

namespace {

struct Bench {
  Bench() {
    limits.whole = 2s;
    Open opened = bound("127.0.0.1", SocketKind::tcp);
    port = opened.port;
    server = std::move(*Server::start(loop, std::move(opened.fd), "", views, limits));
    server->serve();
  }
  void open(Client& client) {
    REQUIRE(client.get("/events"));
    REQUIRE(run_until(loop, [&] { return client.received().contains("retry: 2000\n: herald\n\n"); }));
  }

  Loop loop;
  ServerLimits limits;
  Views views{[](const work::HttpAsk&) {}};
  std::uint16_t port = 0;
  std::unique_ptr<Server> server;
};

}  // namespace

TEST_CASE_METHOD(
    Bench, "event streams: who listens is told what happens, in its order, beyond the time of a request") {
  Client client(port);
  open(client);
  CHECK(has_status(client.received(), "200"));
  CHECK(client.received().contains("Content-Type: text/event-stream\r\n"));
  run_for(loop, 4s);
  server->tell("transition", "1");
  server->tell("transition", "2");
  REQUIRE(run_until(loop, [&] { return client.received().contains("data: 2\n\n"); }));
  CHECK(client.received().contains("event: transition\ndata: 1\n\nevent: transition\ndata: 2\n\n"));
  CHECK_FALSE(client.is_over());
}

TEST_CASE_METHOD(Bench, "event streams: who does not read is let go of, and holds up nobody") {
  Client deaf(port);
  Client other(port);
  open(deaf);
  open(other);
  const std::string much(60000, 'a');
  std::size_t told = 0;
  while (told < 400) {  // more than the kernel takes
    server->tell("transition", much);
    ++told;
    REQUIRE(run_until(loop, [&] { return other.received().size() > told * much.size(); }));
  }
  CHECK_FALSE(other.is_over());
  CHECK(run_until(loop, [&] { return deaf.is_over(); }));
  CHECK(deaf.received().size() < told * much.size());
}

TEST_CASE_METHOD(Bench, "event streams: there are so many, and who has gone makes room") {
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t count = 0; count < EventStreams::kMost; ++count) {
    clients.push_back(std::make_unique<Client>(port));
    open(*clients.back());
  }
  Client refused(port);
  REQUIRE(refused.get("/events"));
  CHECK(has_status(refused.answer(loop), "503"));
  clients.clear();
  server->tell("transition", "1");  // by which it is found out
  server->tell("transition", "2");
  run_for(loop, 100ms);
  server->tell("transition", "3");
  run_for(loop, 100ms);
  Client next(port);
  open(next);
}

TEST_CASE_METHOD(Bench, "event streams: the server ends among them") {
  Client asleep(port);
  Client awake(port);
  open(asleep);
  open(awake);
  server->tell("transition", std::string(100000, 'a'));
  server.reset();
  CHECK(run_until(loop, [&] { return asleep.is_over() && awake.is_over(); }));
}

TEST_CASE_METHOD(Bench, "event streams: to look at the header opens none") {
  Client client(port);
  REQUIRE(client.send("HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n"));
  CHECK(has_status(client.answer(loop), "200"));
}

}  // namespace event_streams_test
