// heraldd's side of herald-http: against one that the test plays, which listens as that of the unit does; and against the real one.
#include "sidecar/daemon/http_hand.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/http/client.h"
#include "tests/os/children.h"
#include "tests/os/own_namespace.h"
#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"
#include "tests/work/packets.h"

namespace http_hand_test {

using namespace herald;
using namespace fixture;

namespace {

const std::string kOne = "127.0.0.1:9476";
const std::string kOther = "127.0.0.1:9477";
using Problems = std::vector<std::string>;

struct Bench {
  HttpHand::Told told() {
    return {.part =
                [this](const work::HttpAsk& ask) {
                  asked.push_back(ask);
                  return work::HttpPart{ask.ask, true, std::nullopt, "said\n"};
                },
            .gone = [this] { ++gone; },
            .notice = [this](bool, const std::string& text) { notices.push_back(text); }};
  }
  void prepare(HttpHand& hand, std::vector<std::string> listen) {
    problems.reset();
    hand.prepare(std::move(listen), [this](Problems found, const std::string& why) {
      problems = std::move(found);
      untried = why;
    });
  }
  [[nodiscard]] std::size_t count(std::string_view part) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(notices, [&](const std::string& one) { return one.contains(part); }));
  }

  Loop loop;
  std::vector<work::HttpAsk> asked;
  std::size_t gone = 0;
  std::vector<std::string> notices;
  std::optional<Problems> problems;
  std::string untried;
};

// A herald-http that the test plays.
struct Fake : Bench {
  Fake() : listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.native().size());
    REQUIRE(bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listening.get(), 4) == 0);
  }
  // It comes, as the next one.
  void come() {
    connection.reset();
    orders = {};
    ponged = 0;
    REQUIRE(run_until(loop, [this] {
      connection = Fd(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      return bool(connection);
    }));
    say(work::HttpHello{HERALD_VERSION});
  }
  void say(const work::HttpReport& report) const {
    work::send_packet(connection, work::packet_of<work::HttpReport>({report}));
  }
  template <typename Order>
  std::vector<Order> ordered() {
    orders.take(connection);
    return orders.of<Order>();
  }
  // Answers what it is asked to prepare next.
  void prepares(std::size_t count, Problems found = {}) {
    REQUIRE(run_until(loop, [&] {
      const auto pings = ordered<work::HttpPing>();
      if (pings.size() > ponged) say(work::HttpPong{pings.back().number});
      ponged = pings.size();
      return ordered<work::HttpPrepare>().size() == count;
    }));
    say(work::HttpPrepared{ordered<work::HttpPrepare>().back().ticket, std::move(found)});
  }
  void serve(std::vector<std::string> listen) {
    prepare(hand, std::move(listen));
    come();
    prepares(1);
    REQUIRE(run_until(loop, [this] { return problems.has_value(); }));
    CHECK(problems->empty());
    CHECK(untried.empty());
    hand.use();
  }
  bool is_gone() {
    orders.take(connection);
    char byte = 0;
    const ssize_t count = recv(connection.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return count == 0 || (count < 0 && errno != EAGAIN);
  }

  TemporaryDirectory directory;
  std::filesystem::path path = directory.path() / "http.sock";
  Fd listening;
  Fd connection;
  work::Received<work::HttpOrder> orders;
  std::size_t ponged = 0;  // while it prepares
  HttpHand hand{loop, {.socket = path, .program = {}, .user = {}}, told()};
};

// The real one, as heraldd's child.
struct Real : Bench {
  Real() { enter_new_namespace(); }
  void serve(std::vector<std::string> listen) {
    prepare(hand, std::move(listen));
    REQUIRE(run_until(loop, [this] { return problems.has_value(); }));
    CHECK(*problems == Problems{});
    CHECK(untried.empty());
    hand.use();
  }
  // Other tests' children may be there, too.
  static pid_t its_pid() {
    pid_t found = -1;
    for (const pid_t child : children()) {
      std::ifstream file("/proc/" + std::to_string(child) + "/cmdline");
      std::string command;
      std::getline(file, command, '\0');
      if (command == HERALD_BUILT_HTTP && is_alive(child)) found = child;
    }
    REQUIRE(found > 0);
    return found;
  }
  std::string get(std::uint16_t port, std::string_view target) {
    Client client(port);
    REQUIRE(client.get(target));
    return client.answer(loop);
  }

  const Reaper reaper;
  HttpHand hand{loop, {.socket = {}, .program = HERALD_BUILT_HTTP, .user = "nobody"}, told()};
};

}  // namespace

TEST_CASE_METHOD(Fake, "http hand: nothing to listen at needs nobody") {
  prepare(hand, {});
  REQUIRE(run_until(loop, [this] { return problems.has_value(); }));
  hand.use();
  run_for(loop, 200ms);
  CHECK_FALSE(Fd(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC)));
}

TEST_CASE_METHOD(Fake, "http hand: what can be prepared is used, and what it asks for is told") {
  serve({kOne});
  CHECK(run_until(loop, [this] { return ordered<work::HttpUse>().size() == 1; }));
  CHECK(ordered<work::HttpPrepare>()[0].listen == std::vector{kOne});
  CHECK(count("seen by HTTP at 127.0.0.1:9476") == 1);
  say(work::HttpAsk{5, work::HttpView::metrics, "", 0});
  REQUIRE(run_until(loop, [this] { return ordered<work::HttpPart>().size() == 1; }));
  CHECK(ordered<work::HttpPart>()[0].ask == 5);
  CHECK(ordered<work::HttpPart>()[0].text == "said\n");
  CHECK(asked[0].view == work::HttpView::metrics);
}

TEST_CASE_METHOD(Fake, "http hand: what happens is told to who serves, and to nobody else") {
  hand.tell("transition", "before");
  serve({kOne});
  hand.tell("transition", "{}");
  REQUIRE(run_until(loop, [this] { return ordered<work::HttpEvent>().size() == 1; }));
  CHECK(ordered<work::HttpEvent>()[0].kind == "transition");
  CHECK(ordered<work::HttpEvent>()[0].data == "{}");
}

TEST_CASE_METHOD(Fake, "http hand: what is taken is told, and nothing changes") {
  serve({kOne});
  prepare(hand, {kOther});
  prepares(2, {kOther + ": Address already in use"});
  REQUIRE(run_until(loop, [this] { return problems.has_value(); }));
  CHECK(*problems == Problems{"http.listen: 127.0.0.1:9477: Address already in use"});
  hand.forget();
  CHECK(run_until(loop, [this] { return ordered<work::HttpForget>().size() == 1; }));
  CHECK(ordered<work::HttpUse>().size() == 1);
  CHECK_FALSE(is_gone());
}

TEST_CASE_METHOD(Fake, "http hand: what was taken and is used all the same is tried again") {
  prepare(hand, {kOne});
  come();
  prepares(1, {kOne + ": Address already in use"});
  REQUIRE(run_until(loop, [this] { return problems.has_value(); }));
  hand.use();
  REQUIRE(run_until(loop, [this] { return count("Address already in use; it is tried again") == 1; }));
  prepares(2);
  CHECK(run_until(loop, [this] { return count("seen by HTTP at 127.0.0.1:9476") == 1; }));
}

TEST_CASE_METHOD(Fake, "http hand: an answer counts once, and nobody is asked to use what has not answered") {
  serve({kOne});
  const std::vector<work::HttpReport> replayed(
      1000, work::HttpPrepared{ordered<work::HttpPrepare>().back().ticket, {"x"}});
  work::send_packet(connection, work::packet_of(replayed));
  run_for(loop, 200ms);
  CHECK(ordered<work::HttpUse>().size() == 1);
  CHECK(count("x; it is tried again") == 0);
  prepare(hand, {kOther});
  REQUIRE(run_until(loop, [this] { return ordered<work::HttpPrepare>().size() == 2; }));
  hand.use();
  run_for(loop, 100ms);
  CHECK(ordered<work::HttpUse>().size() == 1);
  prepares(2);
  CHECK(run_until(loop, [this] { return ordered<work::HttpUse>().size() == 2; }));
}

TEST_CASE_METHOD(Fake, "http hand: one that says too much at once, or asks about too much, is ended") {
  serve({kOne});
  SECTION("many messages") {
    const std::vector<work::HttpReport> many(8000, work::HttpPong{0});
    work::send_packet(connection, work::packet_of(many));
  }
  SECTION("a long name") {
    say(work::HttpAsk{1, work::HttpView::why, std::string(257, 'a'), 0});
  }
  CHECK(run_until(loop, [this] { return is_gone(); }));
  CHECK(asked.empty());
}

TEST_CASE_METHOD(Fake, "http hand: one that ends is followed by another, which listens where it did") {
  serve({kOne});
  come();
  prepares(1);
  CHECK(run_until(loop, [this] { return ordered<work::HttpUse>().size() == 1; }));
  CHECK(ordered<work::HttpPrepare>()[0].listen == std::vector{kOne});
  CHECK(count("herald-http has ended: it is gone; it is started again") == 1);
  CHECK(gone == 1);
}

TEST_CASE_METHOD(Fake, "http hand: what is taken meanwhile is tried again, and told once") {
  serve({kOne, kOther});
  come();
  prepares(1, {kOther + ": Address already in use"});
  REQUIRE(
      run_until(loop, [this] { return count("127.0.0.1:9477: Address already in use; it is tried") == 1; }));
  CHECK(ordered<work::HttpUse>().size() == 1);  // what could be had
  prepares(2, {kOther + ": Address already in use"});
  prepares(3);
  REQUIRE(run_until(loop, [this] { return count("seen by HTTP at 127.0.0.1:9476, 127.0.0.1:9477") == 2; }));
  CHECK(count("Address already in use") == 1);
}

TEST_CASE_METHOD(Fake, "http hand: one that ends while it prepares is followed by one that does") {
  serve({kOne});
  prepare(hand, {kOther});
  come();
  SECTION("and it is used") {
    prepares(1);
    REQUIRE(run_until(loop, [this] { return problems.has_value(); }));
    CHECK(problems->empty());
    hand.use();
    CHECK(run_until(loop, [this] { return ordered<work::HttpUse>().size() == 1; }));
  }
  SECTION("and something else is wrong: then it listens where the former one did") {
    prepares(1);
    REQUIRE(run_until(loop, [this] { return problems.has_value(); }));
    hand.forget();
    prepares(2);
    CHECK(run_until(loop, [this] { return ordered<work::HttpUse>().size() == 1; }));
    CHECK(ordered<work::HttpPrepare>()[1].listen == std::vector{kOne});
  }
}

TEST_CASE_METHOD(Fake, "http hand: who is not there is awaited for a while, and that is said") {
  std::filesystem::remove(path);
  prepare(hand, {kOne});
  REQUIRE(run_until(loop, [this] { return problems.has_value(); }));
  CHECK(untried.starts_with("herald-http does not answer: "));
  CHECK(untried.ends_with("No such file or directory"));
  CHECK(count("herald is not seen by HTTP: ") == 1);
}

TEST_CASE_METHOD(Fake, "http hand: it may come later than heraldd") {
  prepare(hand, {kOne});
  come();  // and says nothing
  REQUIRE(run_until(loop, [this] { return problems.has_value(); }));
  CHECK(untried == "herald-http does not answer: it says nothing");
  hand.use();
  CHECK(ordered<work::HttpUse>().empty());  // nobody is to use what has not answered
  prepares(1);
  CHECK(run_until(loop, [this] { return ordered<work::HttpUse>().size() == 1; }));
}

TEST_CASE_METHOD(Fake, "http hand: one that does not answer is let go of") {
  serve({kOne});
  REQUIRE(run_until(loop, [this] { return !ordered<work::HttpPing>().empty(); }));
  REQUIRE(run_until(loop, [this] { return is_gone(); }, 30s));
  CHECK(count("it does not answer") == 1);
}

TEST_CASE_METHOD(Fake, "http hand: one that answers is not") {
  serve({kOne});
  for (std::uint64_t number = 1; number <= 6; ++number) {
    REQUIRE(run_until(loop, [&] { return ordered<work::HttpPing>().size() == number; }));
    say(work::HttpPong{number});
  }
  CHECK_FALSE(is_gone());
}

TEST_CASE_METHOD(Fake, "http hand: what it should not say ends it") {
  serve({kOne});
  SECTION("junk") {
    work::send_packet(connection, "\x77junk");
  }
  SECTION("another version") {
    say(work::HttpHello{"0.0.0"});
  }
  SECTION("more questions than anybody has") {
    std::vector<work::HttpReport> many(2000, work::HttpAsk{1, work::HttpView::metrics, "", 0});
    work::send_packet(connection, work::packet_of(many));
  }
  CHECK(run_until(loop, [this] { return is_gone(); }));
  CHECK(asked.empty());
}

TEST_CASE_METHOD(Fake, "http hand: one that asks all the time has a share of the loop's time") {
  serve({kOne});
  HttpHand::Told slow = told();
  std::size_t parts = 0;
  HttpHand busy(loop, {.socket = path, .program = {}, .user = {}},
                {.part =
                     [&](const work::HttpAsk& ask) {
                       ::usleep(10'000);
                       ++parts;
                       return work::HttpPart{ask.ask, true, std::nullopt, "said\n"};
                     },
                 .gone = [] {},
                 .notice = [](bool, const std::string&) {}});
  prepare(busy, {kOther});
  come();
  prepares(1);
  REQUIRE(run_until(loop, [this] { return problems.has_value(); }));
  busy.use();
  const std::vector<work::HttpReport> many(60, work::HttpAsk{1, work::HttpView::metrics, "", 0});
  work::send_packet(connection, work::packet_of(many));
  run_for(loop, 1s);
  CHECK(parts >= 3);
  CHECK(parts <= 36);  // three in each window of 100 ms, and some that begin
}

TEST_CASE_METHOD(Fake, "http hand: a long answer makes the time until the next one longer") {
  std::size_t parts = 0;
  HttpHand busy(loop, {.socket = path, .program = {}, .user = {}},
                {.part =
                     [&](const work::HttpAsk& ask) {
                       ::usleep(200'000);
                       ++parts;
                       return work::HttpPart{ask.ask, true, std::nullopt, "said\n"};
                     },
                 .gone = [] {},
                 .notice = [](bool, const std::string&) {}});
  prepare(busy, {kOther});
  come();
  prepares(1);
  REQUIRE(run_until(loop, [this] { return problems.has_value(); }));
  busy.use();
  const std::vector<work::HttpReport> many(20, work::HttpAsk{1, work::HttpView::metrics, "", 0});
  work::send_packet(connection, work::packet_of(many));
  run_for(loop, 2s);
  CHECK(parts >= 1);
  CHECK(parts <= 3);  // each takes 200 ms of 800
}

TEST_CASE_METHOD(Real, "http hand: the real one serves, and ends with what it was to listen at") {
  serve({kOne, kOther});
  CHECK(body_of(get(9476, "/healthz")) == "said\n");
  CHECK(body_of(get(9477, "/healthz")) == "said\n");
  const pid_t before = its_pid();
  prepare(hand, {});
  REQUIRE(run_until(loop, [this] { return problems.has_value(); }));
  hand.use();
  CHECK(run_until(loop, [&] { return !is_alive(before); }));
}

TEST_CASE_METHOD(Real, "http hand: the real one that is killed is followed by another") {
  serve({kOne});
  const pid_t before = its_pid();
  kill(before, SIGKILL);
  REQUIRE(run_until(loop, [this] { return count("seen by HTTP") == 2; }));
  CHECK(body_of(get(9476, "/healthz")) == "said\n");
}

TEST_CASE_METHOD(Real, "http hand: the real one that is stopped is ended, and followed by another") {
  serve({kOne});
  const pid_t before = its_pid();
  kill(before, SIGSTOP);
  REQUIRE(run_until(loop, [this] { return count("seen by HTTP") == 2; }, 40s));
  CHECK_FALSE(is_alive(before));
  CHECK(body_of(get(9476, "/healthz")) == "said\n");
}

TEST_CASE_METHOD(Real, "http hand: who has the port is to blame") {
  const Fd taken(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9476);
  REQUIRE(::bind(taken.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(taken.get(), 1) == 0);
  prepare(hand, {kOne});
  REQUIRE(run_until(loop, [this] { return problems.has_value(); }));
  CHECK(
      *problems ==
      Problems{"http.listen: 127.0.0.1:9476: Address already in use; who has it: ss -ltnp 'sport = :9476'"});
}

TEST_CASE("http hand: without the program, and with a user that is not there, it is said") {
  struct Missing : Bench {
  } bench;
  const Reaper reaper;
  HttpOptions options{.socket = {}, .program = "/nonexistent/herald-http", .user = {}};
  SECTION("the program") {}
  SECTION("the user") {
    if (geteuid() != 0) return;
    options = {.socket = {}, .program = HERALD_BUILT_HTTP, .user = "no-such-user"};
  }
  HttpHand hand(bench.loop, options, bench.told());
  bench.prepare(hand, {kOne});
  REQUIRE(run_until(bench.loop, [&] { return bench.problems.has_value(); }));
  CHECK_FALSE(bench.untried.empty());
  hand.forget();
}

}  // namespace http_hand_test
