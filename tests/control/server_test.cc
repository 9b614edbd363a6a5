#include "sidecar/control/server.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <deque>
#include <numeric>

#include "tests/control/fixture.h"
#include "tests/os/no_descriptors.h"

namespace server_test {

using namespace herald;
using namespace fixture;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

constexpr auto kPong = "{\"parameters\":{\"pong\":true}}\0"sv;

}  // namespace

TEST_CASE("two clients are answered, each its own") {
  TestServer test;
  TestClient one = test.connect();
  TestClient two = test.connect();
  one.call("t.T.Ping");
  two.call("t.T.Big", {{"bytes", 3}});
  CHECK(one.wait_for_reply(test.loop) == kPong);
  CHECK(two.wait_for_reply(test.loop) == "{\"parameters\":{\"text\":\"xxx\"}}\0"sv);
  CHECK(test.server->client_count() == 2);
}

TEST_CASE("a request may come in halves, and several at once") {
  TestServer test;
  TestClient client = test.connect();
  const std::string call = encode_call("t.T.Ping", nlohmann::ordered_json::object());
  client.send(call.substr(0, 7));
  run_for(test.loop, 10ms);
  client.receive();
  CHECK(client.received().empty());
  client.send(call.substr(7) + call + call);
  CHECK(client.wait_for_reply(test.loop, 3) == std::string(kPong) + std::string(kPong) + std::string(kPong));
}

TEST_CASE("requests before the end of file are answered, and then the client is gone") {
  TestServer test;
  TestClient client = test.connect();
  client.call("t.T.Ping");
  client.call("t.T.Ping");
  client.send("half a requ");
  client.finish_sending();
  CHECK(client.wait_for_close(test.loop));
  CHECK(client.replies() == 2);
  CHECK(test.server->client_count() == 0);
}

TEST_CASE("a oneway call of a client that closes at once is carried out") {
  TestServer test;
  {
    TestClient client = test.connect();
    client.send("{\"method\": \"t.T.Change\", \"oneway\": true}\0"sv);
  }
  CHECK(run_until(test.loop, [&] { return test.changes == 1 && test.server->client_count() == 0; }));
}

TEST_CASE("what changes something is not carried out for a client that has closed before") {
  TestServer test;
  {
    const TestClient client = test.connect();
    client.call("t.T.Change");
    client.call("t.T.Change");
  }
  TestClient half = test.connect();  // it still waits for its reply
  half.call("t.T.Change");
  half.finish_sending();
  CHECK(half.wait_for_close(test.loop));
  CHECK(half.replies() == 1);
  CHECK(run_until(test.loop, [&] { return test.server->client_count() == 0; }));
  CHECK(test.changes == 1);
}

TEST_CASE("junk gets an error reply and the end, and harms nobody else") {
  TestServer test;
  TestClient good = test.connect();
  TestClient bad = test.connect();
  bad.send("GET / HTTP/1.1\r\n\r\n\0{\"method\": \"t.T.Ping\"}\0"sv);
  CHECK(bad.wait_for_close(test.loop));
  CHECK(bad.replies() == 1);
  CHECK(bad.received().find("t.T.MalformedRequest") != std::string::npos);
  good.call("t.T.Ping");
  CHECK(good.wait_for_reply(test.loop) == kPong);
}

TEST_CASE("a request of 100 kB is refused, though its sender still sends") {
  TestServer test({.closing = 50ms});
  TestClient good = test.connect();
  TestClient bad = test.connect();
  const std::string request(100'000, ' ');
  std::size_t sent = 0;
  CHECK(run_until(test.loop, [&] {
    if (sent < request.size()) sent += bad.send(std::string_view(request).substr(sent));
    bad.receive();
    return bad.closed();
  }));
  CHECK(sent == request.size());
  CHECK(bad.replies() == 1);
  CHECK(bad.received().find("longer than 65536 bytes") != std::string::npos);
  good.call("t.T.Ping");
  CHECK(good.wait_for_reply(test.loop) == kPong);
  // The refused one has not closed its side; that is waited for, but not for long.
  CHECK(run_until(test.loop, [&] { return test.server->client_count() == 1; }));
}

TEST_CASE("a request of exactly the limit is answered") {
  TestServer test;
  TestClient client = test.connect();
  std::string request = R"({"method": "t.T.Ping"})";
  request.resize(65536, ' ');
  client.send(request);
  run_for(test.loop, 20ms);
  client.send("\0"sv);
  CHECK(client.wait_for_reply(test.loop) == kPong);
}

TEST_CASE("a slow reader gets all, as long as it reads") {
  TestServer test({.slow_reader = 300ms});
  TestClient client = test.connect();
  client.call("t.T.Big", {{"bytes", 3'000'000}});
  client.call("t.T.Ping");
  CHECK(client.wait_for_reply(test.loop, 2).ends_with(kPong));
}

TEST_CASE("a client that does not read its reply is dropped, and what it sent meanwhile is bounded") {
  TestServer test({.slow_reader = 50ms});
  TestClient idle = test.connect();
  TestClient greedy = test.connect();
  greedy.call("t.T.Big", {{"bytes", 3'000'000}});
  std::size_t sent = 0;
  CHECK(run_until(test.loop, [&] {
    sent += greedy.send(encode_call("t.T.Change", nlohmann::ordered_json::object()));
    return test.server->client_count() == 1;
  }));
  CHECK(test.changes == 0);
  CHECK(sent < 2'000'000);  // our buffer and the kernel's
  idle.call("t.T.Ping");
  CHECK(idle.wait_for_reply(test.loop) == kPong);
}

TEST_CASE("clients that ask for much and do not read cannot fill the memory") {
  TestServer test({.unsent_bytes = 5'000'000, .share = 100ms});  // all of the window
  std::vector<TestClient> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(test.connect());
    clients.back().call("t.T.Big", {{"bytes", 2'000'000}});
  }
  CHECK(run_until(test.loop, [&] { return test.server->client_count() == 2; }));
  for (TestClient& client : clients) client.receive();
  CHECK(std::ranges::count_if(clients, &TestClient::closed) == 6);
  TestClient client = test.connect();
  client.call("t.T.Ping");
  CHECK(client.wait_for_reply(test.loop) == kPong);
}

TEST_CASE("idle clients and half requests have their time") {
  TestServer test({.idle = 60ms, .half_request = 30ms});
  const TimePoint begun = Loop::clock();
  TestClient idle = test.connect();
  TestClient dripping = test.connect();
  dripping.send("{");
  CHECK(run_until(test.loop, [&] {
    dripping.send(" ");
    dripping.receive();
    return dripping.closed();
  }));
  const Duration dripped = Loop::clock() - begun;
  CHECK(dripped >= 30ms);
  CHECK(test.server->client_count() == 1);
  CHECK(idle.wait_for_close(test.loop));
  CHECK(Loop::clock() - begun >= 60ms);
}

TEST_CASE("a client that asks again and again is not idle") {
  TestServer test({.idle = 200ms});
  TestClient client = test.connect();
  const TimePoint begun = Loop::clock();
  for (std::size_t count = 1; Loop::clock() - begun < 500ms; ++count) {
    run_for(test.loop, 50ms);
    client.call("t.T.Ping");
    REQUIRE(client.wait_for_reply(test.loop, count).size() == count * kPong.size());
  }
}

TEST_CASE("330 idle clients lock nobody out") {
  TestServer test;
  std::vector<TestClient> idlers;
  for (int i = 0; i < 330; ++i) {
    idlers.push_back(test.connect());
    if (i % 100 == 0) run_for(test.loop, 5ms);
  }
  TestClient client = test.connect();
  client.call("t.T.Ping");
  CHECK(client.wait_for_reply(test.loop) == kPong);
  CHECK(test.server->client_count() == 320);
  for (TestClient& idler : idlers) idler.receive();
  CHECK(std::ranges::count_if(idlers, &TestClient::closed) == 11);
  CHECK(idlers[10].closed());
  CHECK_FALSE(idlers[11].closed());
}

TEST_CASE("requests take their share of the loop's time and leave the rest") {
  TestServer test;
  std::deque<TestClient> askers;
  for (int i = 0; i < 10; ++i) {
    askers.push_back(test.connect());
    for (int k = 0; k < 20; ++k) askers.back().call("t.T.Slow");
  }
  const auto replies = [&] {
    std::vector<std::size_t> counts;
    for (TestClient& asker : askers) {
      asker.receive();
      counts.push_back(asker.replies());
    }
    return counts;
  };
  run_for(test.loop, 1s);
  const std::vector<std::size_t> first = replies();
  const std::size_t answered = std::accumulate(first.begin(), first.end(), std::size_t{0});
  CHECK(answered >= 5);
  CHECK(answered <= 25);  // of 50 that would fit
  // And all get their turn. Whoever was accepted first was asked first, so only what comes after that is compared.
  run_for(test.loop, 3s);
  std::vector<std::size_t> later = replies();
  for (std::size_t i = 0; i < later.size(); ++i) later[i] -= first[i];
  CHECK(std::ranges::min(later) >= 1);
  CHECK(std::ranges::max(later) - std::ranges::min(later) <= 2);
}

TEST_CASE("who watches gets all that is published, in order, and nobody else does") {
  TestServer test({.idle = 50ms});
  TestClient other = test.connect();
  TestClient one = test.connect();
  TestClient two = test.connect();
  one.watch();
  two.watch();
  CHECK(one.wait_for_reply(test.loop) == "{\"parameters\":{\"watching\":true},\"continues\":true}\0"sv);
  (void)two.wait_for_reply(test.loop);
  CHECK(other.wait_for_close(test.loop));  // of an idle one; those that watch are not
  test.server->publish({{"number", 1}});
  test.server->publish({{"number", 2}});
  for (TestClient* client : {&one, &two}) {
    CHECK(client->wait_for_reply(test.loop, 3)
              .ends_with("{\"parameters\":{\"number\":1},\"continues\":true}\0"
                         "{\"parameters\":{\"number\":2},\"continues\":true}\0"sv));
  }
  two.finish_sending();
  CHECK(two.wait_for_close(test.loop));
  CHECK(test.server->client_count() == 1);
}

TEST_CASE("a stream is only for who can take more than one reply") {
  TestServer test;
  TestClient client = test.connect();
  client.call("t.T.Watch");
  CHECK(client.wait_for_reply(test.loop).find("org.varlink.service.ExpectedMore") != std::string::npos);
  test.server->publish({{"number", 1}});
  client.call("t.T.Ping");
  CHECK(client.wait_for_reply(test.loop, 2).ends_with(kPong));
  CHECK(client.replies() == 2);
}

TEST_CASE("a watcher that does not read is dropped, by what piles up or by time, and the others get all") {
  TestServer test({.watcher_bytes = 50'000, .slow_reader = 100ms});
  TestClient good = test.connect();
  TestClient bad = test.connect();
  good.watch();
  bad.watch();
  (void)good.wait_for_reply(test.loop);
  (void)bad.wait_for_reply(test.loop);
  std::size_t published = 0;
  const auto publish = [&](std::size_t bytes) {
    test.server->publish({{"text", std::string(bytes, 'x')}});
    REQUIRE(good.wait_for_reply(test.loop, ++published + 1).ends_with("\"continues\":true}\0"sv));
  };
  SECTION("much") {
    for (int i = 0; i < 100 && test.server->client_count() == 2; ++i) publish(20'000);
  }
  SECTION("little, but none of it is taken: what the kernel holds is filled first") {
    while (published < 1000 && bad.replies() == 1 && test.server->client_count() == 2) publish(1'000);
    CHECK(run_until(test.loop, [&] { return test.server->client_count() == 1; }, 5s));
  }
  CHECK(test.server->client_count() == 1);
  CHECK_FALSE(good.closed());
  CHECK(good.replies() == published + 1);
}

TEST_CASE("what a watcher still sends is bounded and carried out by nobody") {
  TestServer test;
  TestClient client = test.connect();
  client.watch();
  (void)client.wait_for_reply(test.loop);
  std::size_t sent = 0;
  run_until(
      test.loop,
      [&] {
        sent += client.send(encode_call("t.T.Change", nlohmann::ordered_json::object()));
        return false;
      },
      200ms);
  CHECK(test.changes == 0);
  CHECK(sent < 2'000'000);  // our buffer and the kernel's
  test.server->publish({{"number", 1}});
  CHECK(client.wait_for_reply(test.loop, 2).find("\"number\":1") != std::string::npos);
}

TEST_CASE("what takes time is answered when it is done, also to one that has said all it wants") {
  TestServer test({.idle = 30ms});
  TestClient client = test.connect();
  client.call("t.T.Later");
  client.call("t.T.Ping");  // after it, as Varlink has it
  client.finish_sending();
  {
    TestClient gone = test.connect();
    gone.call("t.T.Later");
    CHECK(run_until(test.loop, [&] { return test.later.size() == 2; }));
  }
  run_for(test.loop, 60ms);
  client.receive();
  CHECK(client.received().empty());
  for (const std::uint64_t waiting : test.later)
    test.server->finish(waiting, nlohmann::ordered_json{{"done", 1}});
  CHECK(client.wait_for_close(test.loop));
  CHECK(client.received() == "{\"parameters\":{\"done\":1}}\0"s + std::string(kPong));
  test.server->finish(test.later[0], nlohmann::ordered_json::object());  // twice is nothing
  CHECK(test.server->client_count() == 0);
}

TEST_CASE("a lack of descriptors pauses the server, and does not spin it") {
  TestServer test;
  TestClient before = test.connect();
  before.call("t.T.Ping");
  CHECK(before.wait_for_reply(test.loop) == kPong);
  TestClient first = test.connect();
  first.call("t.T.Ping");
  TestClient late = test.connect();
  late.call("t.T.Ping");
  int turns = 0;
  {
    const NoDescriptors none;
    const Source count = test.loop.post([&] { ++turns; });
    CHECK(first.wait_for_reply(test.loop) == kPong);  // by the one that is kept
    run_for(test.loop, 250ms);
  }
  CHECK(turns < 500);  // the test's own timer ticks every millisecond
  late.receive();
  CHECK(late.received().empty());
  before.call("t.T.Ping");
  CHECK(before.wait_for_reply(test.loop, 2).size() == 2 * kPong.size());
  CHECK(late.wait_for_reply(test.loop) == kPong);
}

TEST_CASE("with no descriptors left one who may change things comes in, and others pay for it") {
  if (::geteuid() != 0) return;
  TestServer test;
  std::vector<TestClient> lookers;
  for (int i = 0; i < 5; ++i) lookers.push_back(test.connect_as(4711));
  CHECK(run_until(test.loop, [&] { return test.server->client_count() == 5; }));
  TestClient more = test.connect_as(4711);
  TestClient one = test.connect();
  TestClient two = test.connect();
  TestClient three = test.connect();
  for (TestClient* root : {&one, &two, &three}) root->call("t.T.Ping");
  const NoDescriptors none;
  for (TestClient* root : {&one, &two, &three}) CHECK(root->wait_for_reply(test.loop) == kPong);
  CHECK(more.wait_for_close(test.loop));
  CHECK(run_until(test.loop, [&] { return test.server->client_count() == 5; }));
  CHECK_FALSE(one.closed());
}

TEST_CASE("while descriptors are short nobody comes who may only look") {
  if (::geteuid() != 0) return;
  TestServer test;
  bool is_short = true;
  test.server->turn_lookers_away_while([&] { return is_short; });
  TestClient looker = test.connect_as(4711);
  CHECK(looker.wait_for_close(test.loop));
  TestClient root = test.connect();
  root.call("t.T.Ping");
  CHECK(root.wait_for_reply(test.loop) == kPong);
  is_short = false;
  TestClient again = test.connect_as(4711);
  again.call("t.T.Ping");
  CHECK(again.wait_for_reply(test.loop) == kPong);
}

TEST_CASE("connections of those who may only look take no place of one who may change things") {
  if (::geteuid() != 0) return;
  TestServer test;
  TestClient root = test.connect();
  root.call("t.T.Ping");
  CHECK(root.wait_for_reply(test.loop) == kPong);
  TestClient other = test.connect_as(4712);
  other.call("t.T.Ping");
  CHECK(other.wait_for_reply(test.loop) == kPong);
  std::vector<TestClient> many;
  for (int i = 0; i < 330; ++i) {
    many.push_back(test.connect_as(4711));
    run_for(test.loop, 0ms);
  }
  CHECK(run_until(test.loop, [&] { return test.server->client_count() == 64 + 2; }));
  for (TestClient* old : {&root, &other}) {
    old->call("t.T.Ping");
    CHECK(old->wait_for_reply(test.loop, 2).size() == 2 * kPong.size());
  }
  for (uid_t user = 5000; user < 5400; ++user) {
    many.push_back(test.connect_as(user));
    run_for(test.loop, 0ms);
  }
  CHECK(run_until(test.loop, [&] { return test.server->client_count() == 256 + 1; }));
  root.call("t.T.Ping");
  CHECK(root.wait_for_reply(test.loop, 3).size() == 3 * kPong.size());
}

TEST_CASE("requests of those who may only look come after all others, and in nobody else's time") {
  if (::geteuid() != 0) return;
  TestServer test({.share = 1ms});  // one of them rests for two seconds after each
  std::vector<TestClient> lookers;
  for (int i = 0; i < 60; ++i) {
    lookers.push_back(test.connect_as(4711));
    for (int k = 0; k < 10; ++k) lookers.back().call("t.T.Slow");
  }
  CHECK(run_until(test.loop, [&] {
    for (TestClient& looker : lookers) looker.receive();
    return std::ranges::any_of(lookers, [](const TestClient& one) { return one.replies() > 0; });
  }));
  TestClient root = test.connect();
  root.call("t.T.Change");
  (void)root.wait_for_reply(test.loop);
  CHECK(test.changes == 1);
  std::size_t answered = 0;
  for (TestClient& looker : lookers) {
    looker.receive();
    answered += looker.replies();
  }
  CHECK(answered < 60);  // without precedence all of them would have come before
}

TEST_CASE("what one user leaves unread is bounded, and takes nothing from others") {
  if (::geteuid() != 0) return;
  TestServer test({.unsent_bytes = 16'000'000, .share = 100ms});
  TestClient root = test.connect();
  root.call("t.T.Big", {{"bytes", 3'000'000}});
  std::vector<TestClient> greedy;
  for (int i = 0; i < 10; ++i) {
    greedy.push_back(test.connect_as(4711));
    greedy.back().call("t.T.Big", {{"bytes", 3'000'000}});
  }
  CHECK(run_until(test.loop, [&] { return test.server->client_count() == 2; }));
  CHECK(root.wait_for_reply(test.loop).size() > 3'000'000);
}

TEST_CASE("a reply that is read drop by drop has its time") {
  TestServer test({.slow_reader = 10s, .whole_reply = 200ms});
  TestClient client = test.connect();
  client.call("t.T.Big", {{"bytes", 3'000'000}});
  CHECK(run_until(test.loop, [&] { return test.server->client_count() == 0; }));
  client.receive();
  CHECK(client.replies() == 0);
}

TEST_CASE("root may change things") {
  if (::geteuid() != 0) return;
  TestServer test;
  TestClient client = test.connect();
  client.call("t.T.Change");
  CHECK(client.wait_for_reply(test.loop) == "{\"parameters\":{\"user\":0}}\0"sv);
  CHECK(test.changes == 1);
}

TEST_CASE("the server goes away under its clients") {
  TestServer test;
  TestClient client = test.connect();
  client.call("t.T.Big", {{"bytes", 1'000'000}});
  run_for(test.loop, 10ms);
  test.server.reset();
  CHECK(client.wait_for_close(test.loop));
  CHECK_FALSE(std::filesystem::exists(test.path));
}

}  // namespace server_test
