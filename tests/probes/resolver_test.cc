#include "probes/resolver.h"

#include <fmt/format.h>

#include <fstream>

#include "tests/probes/dns_reply.h"
#include "tests/probes/lab.h"

namespace resolver_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

constexpr std::uint16_t kA = 1;

// Answers for A with what is in `address` at the time, or NXDOMAIN.
struct Names {
  std::mutex mutex;
  std::string address;
  int ttl = 0;
  std::vector<std::string> asked;

  std::vector<std::string> serve(const std::string& query) {
    const std::lock_guard lock(mutex);
    const std::string name = asked_name(query);
    if (asked_type(query) == kA) asked.push_back(name);
    if (address.empty()) return {reply_to(query, {.rcode = 3})};
    if (asked_type(query) != kA) return {reply_to(query, {})};
    return {reply_to(query, {.answers = {fmt::format("{} {} A {}", name, ttl, address)}})};
  }
  void set(const std::string& to, int its_ttl = 0) {
    const std::lock_guard lock(mutex);
    address = to;
    ttl = its_ttl;
  }
  std::size_t questions() {
    const std::lock_guard lock(mutex);
    return asked.size();
  }
};

std::optional<Address> wait_for_address(Lab& lab, const std::string& name) {
  for (int i = 0; i < 500; ++i) {
    if (const auto found = lab.resolver.find(name)) return found->front();
    lab.run_for(10ms);
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("resolver: an attempt without an address is inconclusive, and with one it runs") {
  Names names;
  names.set("127.0.0.1");
  const DatagramServer server([&](const std::string& query) { return names.serve(query); });
  const Server web(always(http_answer("200 OK", "")));
  Lab lab(server.address());
  const auto probe = lab.make("http", {{"url", fmt::format("http://web.example.net:{}/", web.port())}});
  const auto first = lab.run(*probe);
  REQUIRE(first);
  CHECK(first->verdict == Verdict::inconclusive);
  CHECK(first->reason == Reason::resolve);
  CHECK(first->detail == "web.example.net has no address yet: the first look-up is under way");
  REQUIRE(wait_for_address(lab, "web.example.net"));
  const auto second = lab.run(*probe);
  REQUIRE(second);
  CHECK(second->verdict == Verdict::pass);
  CHECK(names.questions() == 1);
  const auto tcp = lab.make("tcp", {{"address", fmt::format("web.example.net:{}", web.port())}});
  CHECK(lab.run(*tcp)->verdict == Verdict::pass);
}

TEST_CASE("resolver: a name that does not exist says so, and is asked for again only later") {
  Names names;
  const DatagramServer server([&](const std::string& query) { return names.serve(query); });
  Lab lab(server.address());
  for (int i = 0; i < 20; ++i) {
    CHECK_FALSE(lab.resolver.find("nowhere.example.net"));
    lab.run_for(10ms);
  }
  CHECK_THAT(lab.resolver.find("nowhere.example.net").error(), Contains("not found"));
  CHECK(names.questions() == 1);
}

TEST_CASE("resolver: a stale address stays in use until a new one is there") {
  Names names;
  names.set("127.0.0.1", 0);
  const DatagramServer server([&](const std::string& query) { return names.serve(query); });
  Lab lab(server.address());
  REQUIRE(wait_for_address(lab, "web.example.net"));
  names.set("127.0.0.2", 0);
  // The least time of use, whatever the TTL says.
  lab.run_for(200ms);
  CHECK(to_string(lab.resolver.find("web.example.net")->front()) == "127.0.0.1");
  CHECK(names.questions() == 1);
  lab.run_for(5s);
  CHECK(to_string(lab.resolver.find("web.example.net")->front()) == "127.0.0.1");
  for (int i = 0; i < 300 && names.questions() < 2; ++i) lab.run_for(10ms);
  lab.run_for(100ms);
  CHECK(to_string(lab.resolver.find("web.example.net")->front()) == "127.0.0.2");
}

TEST_CASE("resolver: a server that does not answer delays nobody, and an end in the middle is clean") {
  const DatagramServer server([](const std::string&) { return std::vector<std::string>{}; });
  Lab lab(server.address());
  for (int i = 0; i < 100; ++i) CHECK_FALSE(lab.resolver.find(fmt::format("name{}.example.net", i)));
  const TimePoint start = Loop::clock();
  CHECK_FALSE(lab.resolver.find("name1.example.net"));
  CHECK(Loop::clock() - start < 1s);
  lab.run_for(50ms);
}

TEST_CASE("resolver: a source address decides which of a name's addresses is meant") {
  const DatagramServer server([](const std::string& query) {
    const std::string name = asked_name(query);
    const bool is_v4 = asked_type(query) == kA;
    if (!is_v4 && name != "dual.example.net.") return std::vector{reply_to(query, {})};
    return std::vector{
        reply_to(query, {.answers = {fmt::format("{} 60 {}", name, is_v4 ? "A 127.0.0.1" : "AAAA ::1")}})};
  });
  const Server four(always(http_answer("200 OK", "four")));
  const Server six(always(http_answer("200 OK", "six")), {AF_INET6});
  Lab lab(server.address());
  const auto run = [&](const std::string& source, const std::string& name, const Server& web) {
    lab.socket.source = source;
    const auto probe = lab.make("http", {{"url", fmt::format("http://{}:{}/", name, web.port())}});
    for (int i = 0; i < 20 && lab.run(*probe)->reason == Reason::resolve; ++i) lab.run_for(10ms);
    return *lab.run(*probe);
  };
  CHECK(run("::1", "dual.example.net", six).verdict == Verdict::pass);
  CHECK(run("", "dual.example.net", four).verdict == Verdict::pass);
  CHECK(run("127.0.0.1", "dual.example.net", four).verdict == Verdict::pass);
  const auto none = run("::1", "four.example.net", four);
  CHECK(none.verdict == Verdict::inconclusive);
  CHECK_THAT(none.detail, StartsWith("four.example.net has no IPv6 address yet: "));
}

TEST_CASE("resolver: once it has to begin anew, look-ups in flight are waited for and none is added") {
  Names names;
  std::atomic<bool> is_slow = true;
  const DatagramServer server([&](const std::string& query) {
    const std::string name = asked_name(query);
    if (name == "slow.example.net." && is_slow) return std::vector<std::string>{};
    names.set(name == "bad.example.net." ? "" : "127.0.0.1");
    return names.serve(query);
  });
  Lab lab(server.address());
  CHECK_FALSE(lab.resolver.find("slow.example.net"));
  CHECK_FALSE(lab.resolver.find("bad.example.net"));
  for (int i = 0; i < 100 && names.questions() == 0; ++i) lab.run_for(10ms);
  lab.run_for(50ms);
  CHECK_THAT(lab.resolver.find("bad.example.net").error(), Contains("not found"));
  for (int i = 0; i < 20; ++i) {
    CHECK_FALSE(lab.resolver.find("next.example.net"));
    lab.run_for(10ms);
  }
  CHECK(names.questions() == 1);
  is_slow = false;
  CHECK(wait_for_address(lab, "next.example.net"));
  CHECK(wait_for_address(lab, "slow.example.net"));
}

TEST_CASE("resolver: localhost is both addresses of loopback, at once and whatever /etc/hosts says") {
  Lab lab;
  const auto found = lab.resolver.find("localhost");
  REQUIRE(found);
  REQUIRE(found->size() == 2);
  CHECK(to_string(found->front()) == "127.0.0.1");
  CHECK(to_string(found->back()) == "::1");
  CHECK(to_string(lab.resolver.find("localhost", AF_INET6)->front()) == "::1");
  CHECK(lab.resolver.find("localhost", AF_INET)->size() == 1);
}

TEST_CASE("resolver: names of /etc/hosts have an address at once, and all addresses of a name are there") {
  Lab lab;
  std::ifstream hosts("/etc/hosts");
  std::string address;
  std::string name;
  while (hosts >> address >> name && (name == "localhost" || !parse_address(address))) {
  }
  const auto at_once = lab.resolver.find(name);
  REQUIRE(at_once);
  CHECK(to_string(at_once->front()) == address);
  const DatagramServer server([](const std::string& query) {
    const std::string asked = asked_name(query);
    if (asked_type(query) != kA)
      return std::vector{reply_to(query, {.answers = {asked + " 60 AAAA 2001:db8::1"}})};
    ReplyWish wish;
    for (int i = 1; i <= 9; ++i)
      wish.answers.push_back(fmt::format("{} 60 A 192.0.2.{}", asked, i % 3 * 3 + i));
    return std::vector{reply_to(query, wish)};
  });
  Lab other(server.address());
  REQUIRE(wait_for_address(other, "many.example.net"));
  const auto all = *other.resolver.find("many.example.net");
  CHECK(all.size() == kMostAddresses);
  CHECK(to_string(all[0]) == "192.0.2.4");
  CHECK(to_string(all[1]) == "192.0.2.8");
  CHECK(to_string(all[2]) == "192.0.2.3");
}

}  // namespace resolver_test
