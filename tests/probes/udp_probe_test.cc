#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include <cstring>
#include <fstream>

#include "tests/probes/dns_reply.h"
#include "tests/probes/lab.h"

namespace udp_probe_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;

namespace {

using Replies = std::vector<std::string>;

// In a thread of its own, which ends with its network namespace.
void with_one_client_port(std::uint16_t port, const std::function<void(Lab&)>& test) {
  std::thread([&] {
    REQUIRE(unshare(CLONE_NEWNET) == 0);
    const Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    REQUIRE(ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0);
    std::ofstream("/proc/sys/net/ipv4/ip_local_port_range") << port << ' ' << port;
    Lab lab;
    test(lab);
  }).join();
}

}  // namespace

TEST_CASE("udp: any answer passes where nothing is expected, also an empty one") {
  for (const std::string& reply : {std::string("hello"), std::string()}) {
    const DatagramServer server([&](const std::string&) { return Replies{reply}; });
    Lab lab;
    const auto result = lab.run("udp", {{"address", server.address()}});
    CHECK(result.verdict == Verdict::pass);
    CHECK(result.detail.starts_with("answered in "));
    CHECK(server.received() == 1);
  }
}

TEST_CASE("udp: what is sent arrives as one datagram, and the answer is held against both expectations") {
  const DatagramServer server([](const std::string& datagram) { return Replies{"\x24\x02" + datagram}; });
  Lab lab;
  const auto run = [&](json more) {
    more["address"] = server.address();
    more["send"] = {{"hex", "ff 00 41"}};
    return lab.run("udp", more);
  };
  CHECK(run({{"expect", {{"hex", "24 02 ff 00 41"}}}}).verdict == Verdict::pass);
  CHECK(run({{"expect", {{"base64", "/wBB"}}}}).verdict == Verdict::pass);
  CHECK(run({{"expect_matches", R"(^\x24[\x01-\x0f]\xff)"}}).verdict == Verdict::pass);
  CHECK(run({{"expect", "A"}, {"expect_matches", "^A"}}).verdict == Verdict::fail);
  CHECK(run({{"expect", "B"}, {"expect_matches", "A"}}).verdict == Verdict::fail);
}

TEST_CASE("udp: a wrong answer is a failure with its text, shortly before the deadline") {
  const DatagramServer server([](const std::string&) { return Replies{"no\x1b[2J"}; });
  Lab lab;
  const auto begin = Loop::clock();
  const auto result = lab.run("udp", {{"address", server.address()}, {"expect", "yes"}, {"tries", 1}});
  CHECK(Loop::clock() - begin >= lab.timeout / 2);
  CHECK(Loop::clock() - begin < lab.timeout);
  check_fail(result, Reason::body, "the answer does not match: \"no");
  CHECK(result.detail.find('\x1b') == std::string::npos);
  const auto twice = lab.run("udp", {{"address", server.address()}, {"expect", "yes"}, {"tries", 2}});
  check_fail(twice, Reason::body, "(the last of 2)");
}

TEST_CASE("udp: an answer that fits passes behind one that does not, but two halves are none") {
  Lab lab;
  const DatagramServer late([](const std::string&) { return Replies{"no", "", "yes"}; });
  CHECK(lab.run("udp", {{"address", late.address()}, {"expect", "yes"}}).verdict == Verdict::pass);
  const DatagramServer halves([](const std::string&) { return Replies{"ye", "s"}; });
  check_fail(lab.run("udp", {{"address", halves.address()}, {"expect", "yes"}}), Reason::body,
             "does not match");
}

TEST_CASE("udp: a datagram that is lost is sent again, as often as is said") {
  std::atomic<int> count = 0;
  const DatagramServer deaf([&](const std::string&) { return ++count < 3 ? Replies{} : Replies{"yes"}; });
  Lab lab;
  CHECK(lab.run("udp", {{"address", deaf.address()}, {"tries", 3}}).verdict == Verdict::pass);
  CHECK(deaf.received() == 3);
  const DatagramServer silent([](const std::string&) { return Replies{}; });
  CHECK(lab.stage("udp", {{"address", silent.address()}}, 900ms) == "waiting for the answer, sent 2 times");
  CHECK(silent.received() == 2);
  CHECK(lab.stage("udp", {{"address", silent.address()}, {"tries", 1}}, 900ms) == "waiting for the answer");
  CHECK(silent.received() == 3);
}

TEST_CASE("udp: nobody there is refused, over both families") {
  Lab lab;
  const auto port = std::to_string(free_port());
  check_fail(lab.run("udp", {{"address", "127.0.0.1:" + port}}), Reason::refused, "query 127.0.0.1:" + port);
  check_fail(lab.run("udp", {{"address", "[::1]:" + port}}), Reason::refused, "query [::1]:" + port);
}

TEST_CASE("udp: it does not take its own datagram for the answer") {
  with_one_client_port(40000, [](Lab& lab) {
    check_fail(lab.run("udp", {{"address", "127.0.0.1:40000"}, {"send", "x"}}), Reason::refused,
               "query 127.0.0.1:40000");
    check_fail(lab.run("udp", {{"address", "[::1]:40000"}, {"send", "x"}}), Reason::refused,
               "query [::1]:40000");
  });
}

TEST_CASE("udp: without a free port it is inconclusive") {
  with_one_client_port(40000, [](Lab& lab) {
    const DatagramServer server([](const std::string&) { return Replies{"yes"}; }, 40000);
    const auto result = lab.run("udp", {{"address", server.address()}});
    CHECK(result.verdict == Verdict::inconclusive);
    CHECK(result.reason == Reason::local);
  });
}

TEST_CASE("udp: where nobody listens at an address of a name, the next is tried, also with one try") {
  const DatagramServer names([](const std::string& query) {
    const std::string name = asked_name(query);
    if (asked_type(query) != 1) return Replies{reply_to(query, {.answers = {name + " 60 AAAA ::1"}})};
    return Replies{reply_to(query, {.answers = {name + " 60 A 127.0.0.2", name + " 60 A 127.0.0.1"}})};
  });
  Lab lab(names.address());
  for (int i = 0; i < 500 && !lab.resolver.find("two.example.net"); ++i) lab.run_for(10ms);
  const auto run = [&](std::uint16_t port) {
    return lab.run("udp", {{"address", "two.example.net:" + std::to_string(port)}, {"tries", 1}});
  };
  const DatagramServer server([](const std::string&) { return Replies{"yes"}; });
  CHECK(run(server.port()).verdict == Verdict::pass);
  check_fail(run(free_port()), Reason::refused, "Connection refused");
}

TEST_CASE("udp: what came before the refusal counts") {
  Lab lab;
  for (const std::string reply : {"yes", "no"}) {
    // Answers once and is gone: the second try is refused.
    auto server = std::make_unique<DatagramServer>([&](const std::string&) { return Replies{reply}; });
    const auto probe =
        lab.make("udp", {{"address", server->address()}, {"expect", "yes"}, {"send", std::string(8, 'x')}});
    std::optional<ProbeResult> result;
    const auto attempt = probe->start([&](ProbeResult end) {
      result = std::move(end);
      lab.loop.exit(0);
    });
    REQUIRE(attempt);
    while (server->received() == 0) std::this_thread::sleep_for(1ms);
    server.reset();
    lab.run_for(700ms);
    REQUIRE(result);
    CHECK(result->verdict == (reply == "yes" ? Verdict::pass : Verdict::fail));
    if (reply == "no") check_fail(*result, Reason::body, "\"no\"");
  }
}

TEST_CASE("udp: a flood ends at a cap of datagrams and of bytes") {
  for (const std::size_t size : {std::size_t{1}, std::size_t{30000}}) {
    // Small bursts, so that the kernel has room for each; on until the probe is gone.
    const Fd server(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof own;
    REQUIRE(bind(server.get(), reinterpret_cast<sockaddr*>(&own), length) == 0);
    REQUIRE(getsockname(server.get(), reinterpret_cast<sockaddr*>(&own), &length) == 0);
    std::atomic<bool> is_over = false;
    std::thread flood([&] {
      sockaddr_in peer{};
      socklen_t peer_length = sizeof peer;
      char query = 0;
      recvfrom(server.get(), &query, 1, 0, reinterpret_cast<sockaddr*>(&peer), &peer_length);
      const std::string text(size, 'x');
      while (!is_over) {
        for (int i = 0; i < 4; ++i)
          sendto(server.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&peer), peer_length);
        std::this_thread::sleep_for(1ms);
      }
    });
    Lab lab;
    lab.timeout = 20s;
    const auto before = thread_cpu();
    const auto result = lab.run("udp", {{"address", "127.0.0.1:" + std::to_string(ntohs(own.sin_port))},
                                        {"expect_matches", "(a|b|y)*z"},
                                        {"send", "x"}});
    is_over = true;
    flood.join();
    check_fail(result, Reason::too_large, size == 1 ? "1000 datagrams: \"x\"" : "no match in 10");
    CHECK(thread_cpu() - before < 10s);
  }
}

TEST_CASE("udp: the largest datagrams go both ways") {
  const DatagramServer server([](const std::string& datagram) { return Replies{datagram}; });
  Lab lab;
  const std::string text = std::string(65506, 'x') + "y";
  CHECK(lab.run("udp", {{"address", server.address()}, {"send", text}, {"expect", text}}).verdict ==
        Verdict::pass);
}

TEST_CASE("udp: an attempt may be destroyed in the middle and from its own callback") {
  const DatagramServer server([](const std::string&) { return Replies{"no"}; });
  Lab lab;
  const auto waiting = lab.make("udp", {{"address", server.address()}, {"expect", "yes"}});
  bool is_told = false;
  auto attempt = waiting->start([&](const ProbeResult&) { is_told = true; });
  REQUIRE(attempt);
  lab.run_for(100ms);
  CHECK((*attempt)->stage() == "waiting for the answer, 1 did not match, the last \"no\"");
  attempt->reset();
  lab.run_for(900ms);
  CHECK(!is_told);

  const auto passing = lab.make("udp", {{"address", server.address()}});
  std::unique_ptr<Attempt> own;
  auto started = passing->start([&](const ProbeResult&) {
    own.reset();
    lab.loop.exit(0);
  });
  REQUIRE(started);
  own = std::move(*started);
  lab.run_for(2s);
  CHECK(!own);
}

TEST_CASE("udp: herald's own trouble is inconclusive") {
  const DatagramServer server([](const std::string&) { return Replies{"yes"}; });
  Lab lab;
  const json settings = {{"address", server.address()}};
  {
    const auto probe = lab.make("udp", settings);
    rlimit limit{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlimit none{0, limit.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    const auto result = lab.run(*probe);
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    REQUIRE(result);
    CHECK(result->verdict == Verdict::inconclusive);
  }
  lab.socket.bind_device = "nosuchdev0";
  CHECK(lab.run("udp", settings).verdict == Verdict::inconclusive);
  lab.socket = {};
  lab.socket.source = "192.0.2.77";
  CHECK(lab.run("udp", settings).verdict == Verdict::inconclusive);
  lab.socket.source = "127.0.0.5";
  CHECK(lab.run("udp", settings).verdict == Verdict::pass);
}

TEST_CASE("udp: what is wrong with its keys") {
  const auto count = [](json keys) { return Lab::errors_of("udp", keys).size(); };
  CHECK(count(json::object()) == 1);
  CHECK(count({{"address", "127.0.0.1"}}) == 1);
  CHECK(count({{"address", "a:1"}, {"tries", 0}, {"send", {{"hex", "1"}}}, {"expect_matches", "("}}) == 3);
  CHECK(count({{"address", "a:1"}, {"send", std::string(65508, 'x')}}) == 1);
  CHECK(count({{"address", "[::1]:1"}, {"sned", "x"}}) == 1);
  CHECK(Lab::target("udp", {{"address", "[fd00::1]:53"}}) == "fd00::1");
  CHECK(Lab::endpoint("udp", {{"address", "Name.example:53"}}) == "name.example:53");
}

}  // namespace udp_probe_test
