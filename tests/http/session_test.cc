// A session as heraldd speaks with it: the test is heraldd.
#include "sidecar/http/session.h"

#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>

#include "tests/http/client.h"
#include "tests/os/own_namespace.h"
#include "tests/work/packets.h"

namespace session_test {

using namespace herald;
using namespace herald::http;
using namespace fixture;

namespace {

struct Bench {
  Bench() {
    enter_new_namespace();
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    heraldd = Fd(ends[0]);
    session.emplace(loop, Fd(ends[1]), [this](const std::string& why) { ended = why; });
  }
  void say(const work::HttpOrder& order) const {
    work::send_packet(heraldd, work::packet_of<work::HttpOrder>({order}));
  }
  template <typename Report>
  std::vector<Report> heard() {
    reports.take(heraldd);
    return reports.of<Report>();
  }
  // The problems.
  std::vector<std::string> prepare(std::vector<std::string> listen) {
    say(work::HttpPrepare{++ticket, std::move(listen)});
    std::vector<std::string> problems;
    REQUIRE(run_until(loop, [&] {
      const auto all = heard<work::HttpPrepared>();
      if (all.empty() || all.back().ticket != ticket) return false;
      problems = all.back().problems;
      return true;
    }));
    return problems;
  }

  Loop loop;
  Fd heraldd;
  work::Received<work::HttpReport> reports;
  std::uint64_t ticket = 0;
  std::optional<std::string> ended;
  std::optional<Session> session;
};

const std::string kOne = "127.0.0.1:9476";
const std::string kOther = "127.0.0.1:9477";

}  // namespace

TEST_CASE_METHOD(Bench, "session: it says first of which version it is, and whether it is well") {
  REQUIRE(run_until(loop, [this] { return heard<work::HttpHello>().size() == 1; }));
  CHECK(heard<work::HttpHello>()[0].version == HERALD_VERSION);
  say(work::HttpPing{7});
  REQUIRE(run_until(loop, [this] { return heard<work::HttpPong>().size() == 1; }));
  CHECK(heard<work::HttpPong>()[0].number == 7);
}

TEST_CASE_METHOD(Bench, "session: nobody is accepted before it is told to, and then is served") {
  CHECK(prepare({kOne}).empty());
  Client client(9476);
  REQUIRE(client.get("/metrics"));
  run_for(loop, 100ms);
  CHECK(heard<work::HttpAsk>().empty());
  say(work::HttpUse{});
  REQUIRE(run_until(loop, [this] { return heard<work::HttpAsk>().size() == 1; }));
  const work::HttpAsk ask = heard<work::HttpAsk>()[0];
  CHECK(ask.view == work::HttpView::metrics);
  say(work::HttpPart{ask.ask, true, 2, "a "});
  REQUIRE(run_until(loop, [this] { return heard<work::HttpAsk>().size() == 2; }));
  CHECK(heard<work::HttpAsk>()[1].from == 2);
  say(work::HttpPart{ask.ask, true, std::nullopt, "1\n"});
  CHECK(body_of(client.answer(loop)) == "a 1\n");
}

TEST_CASE_METHOD(Bench, "session: what happens is told at all its addresses") {
  CHECK(prepare({kOne, kOther}).empty());
  say(work::HttpUse{});
  Client one(9476);
  Client other(9477);
  REQUIRE(one.get("/events"));
  REQUIRE(other.get("/events"));
  for (Client* client : {&one, &other})
    REQUIRE(run_until(loop, [&] { return client->received().contains("retry: "); }));
  say(work::HttpEvent{"transition", R"({"service":"web"})"});
  for (Client* client : {&one, &other}) {
    CHECK(run_until(loop, [&] {
      return client->received().contains("event: transition\ndata: {\"service\":\"web\"}\n\n");
    }));
  }
}

TEST_CASE_METHOD(Bench, "session: it moves to other addresses, and keeps those that stay") {
  CHECK(prepare({kOne}).empty());
  say(work::HttpUse{});
  CHECK(prepare({kOne, kOther}).empty());
  say(work::HttpUse{});
  Client kept(9476);
  Client added(9477);
  REQUIRE(kept.get("/metrics"));
  REQUIRE(added.get("/metrics"));
  REQUIRE(run_until(loop, [this] { return heard<work::HttpAsk>().size() == 1; }));  // both want the same
  CHECK(prepare({kOther}).empty());
  say(work::HttpUse{});
  REQUIRE(run_until(loop, [&] { return kept.is_over(); }));
  CHECK_FALSE(added.is_over());
  CHECK(listen_at(*parse_listen_address(kOne)));
}

TEST_CASE_METHOD(Bench, "session: what is prepared and not used is let go of, and what runs runs on") {
  CHECK(prepare({kOne}).empty());
  say(work::HttpUse{});
  CHECK(prepare({kOther}).empty());
  say(work::HttpForget{});
  REQUIRE(run_until(loop, [] { return listen_at(*parse_listen_address(kOther)).has_value(); }));
  CHECK_FALSE(listen_at(*parse_listen_address(kOne)));
}

TEST_CASE_METHOD(Bench,
                 "session: what is taken is tried again for a while, and then told; the rest is served") {
  auto taken = listen_at(*parse_listen_address(kOne));
  REQUIRE(taken);
  SECTION("and it stays so") {
    const TimePoint began = Loop::clock();
    const auto problems = prepare({kOne, kOther});
    CHECK(Loop::clock() - began >= Session::kTakenPatience);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].starts_with(kOne + ": Address already in use"));
    say(work::HttpUse{});
    Client client(9477);
    REQUIRE(client.get("/metrics"));
    CHECK(run_until(loop, [this] { return heard<work::HttpAsk>().size() == 1; }));
  }
  SECTION("and it becomes free") {
    const Source frees = loop.timer_at(Loop::clock() + 300ms, [&] { taken->reset(); });
    CHECK(prepare({kOne}).empty());
  }
}

TEST_CASE_METHOD(Bench, "session: it ends with heraldd, and where that talks junk") {
  SECTION("the end") {
    heraldd.reset();
  }
  SECTION("junk") {
    work::send_packet(heraldd, "\x77junk");
  }
  CHECK(run_until(loop, [this] { return ended.has_value(); }));
}

TEST_CASE_METHOD(Bench, "session: an address that is none is told") {
  CHECK(prepare({"here"})[0].starts_with("here: must be an address and a port"));
}

}  // namespace session_test
