// Each case runs in a network namespace of its own: what a machine gives to whom is a setting of it.
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <cstring>
#include <fstream>

#include "tests/probes/dns_reply.h"
#include "tests/probes/lab.h"

namespace icmp_probe_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

void set_mtu_and_bring_up(int mtu) {
  const Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_mtu = mtu;
  REQUIRE(ioctl(fd.get(), SIOCSIFMTU, &request) == 0);
  request.ifr_flags = IFF_UP;
  REQUIRE(ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0);
}

void give_up_raw_sockets() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  REQUIRE(syscall(SYS_capget, &header, data) == 0);
  data[0].effective &= ~(1U << CAP_NET_RAW);
  REQUIRE(syscall(SYS_capset, &header, data) == 0);
}

enum class Sockets { ping, raw, none };

// In a thread of its own, which ends with its namespace and its capabilities.
void with_sockets(Sockets sockets, const std::function<void(Lab&)>& test, int mtu = 65536) {
  std::thread([&] {
    REQUIRE(unshare(CLONE_NEWNET) == 0);
    set_mtu_and_bring_up(mtu);
    std::ofstream("/proc/sys/net/ipv4/ping_group_range") << (sockets == Sockets::ping ? "0 0" : "1 0");
    if (sockets != Sockets::raw) give_up_raw_sockets();
    Lab lab;
    test(lab);
  }).join();
}

}  // namespace

TEST_CASE("icmp: an echo comes back, over IPv4 and IPv6, by a ping socket or a raw one") {
  for (const Sockets sockets : {Sockets::ping, Sockets::raw}) {
    with_sockets(sockets, [](Lab& lab) {
      for (const char* address : {"127.0.0.1", "::1"}) {
        for (const int size : {0, 1, 8, 56, 57, 9000}) {
          CAPTURE(address, size);
          const auto result = lab.run("icmp", {{"address", address}, {"size", size}});
          CAPTURE(result);
          CHECK(result.verdict == Verdict::pass);
          CHECK_THAT(result.detail, StartsWith("echo in "));
        }
      }
      lab.socket = {"127.0.0.9", "lo", 7};
      CHECK(lab.run("icmp", {{"address", "127.0.0.1"}}).verdict == Verdict::pass);
      lab.socket = {"::1", "lo", 7};
      CHECK(lab.run("icmp", {{"address", "::1"}}).verdict == Verdict::pass);
    });
  }
}

TEST_CASE("icmp: what cannot be reached fails, and what says nothing is waited for") {
  with_sockets(Sockets::ping, [](Lab& lab) {
    const auto result = lab.run("icmp", {{"address", "192.0.2.1"}});
    CHECK(result.verdict == Verdict::fail);
    CHECK(result.reason == Reason::unreachable);
    CHECK(result.detail == "ping 192.0.2.1: Network is unreachable");
    std::ofstream("/proc/sys/net/ipv4/icmp_echo_ignore_all") << 1;
    CHECK(lab.stage("icmp", {{"address", "127.0.0.1"}}) == "waiting for the echo");
    lab.timeout = 100ms;
    CHECK(lab.stage("icmp", {{"address", "127.0.0.1"}, {"count", 3}}) ==
          "waiting for the echo, asked 3 times");
    std::ofstream("/proc/sys/net/ipv4/icmp_echo_ignore_all") << 0;
  });
}

TEST_CASE("icmp: where there is no way to an address of a name, the next is tried") {
  with_sockets(Sockets::ping, [](Lab&) {
    const DatagramServer names([](const std::string& query) {
      const std::string name = asked_name(query);
      const bool is_two = name.starts_with("two.");
      if (asked_type(query) != 1)
        return std::vector{reply_to(query, {.answers = {name + " 60 AAAA 2001:db8::1"}})};
      ReplyWish wish{.answers = {name + " 60 A 192.0.2.1"}};
      if (is_two) wish.answers.push_back(name + " 60 A 127.0.0.1");
      return std::vector{reply_to(query, wish)};
    });
    Lab lab(names.address());
    for (const std::string name : {"two.example.net", "none.example.net"}) {
      for (int i = 0; i < 100 && !lab.resolver.find(name); ++i) lab.run_for(10ms);
    }
    CHECK(lab.run("icmp", {{"address", "two.example.net"}}).verdict == Verdict::pass);
    const auto none = lab.run("icmp", {{"address", "none.example.net"}});
    CHECK(none.verdict == Verdict::fail);
    CHECK(none.reason == Reason::unreachable);
  });
}

TEST_CASE("icmp: an echo that is late or lost is asked for again") {
  with_sockets(Sockets::ping, [](Lab& lab) {
    std::ofstream("/proc/sys/net/ipv4/icmp_echo_ignore_all") << 1;
    lab.timeout = 200ms;
    const Source answering = lab.loop.timer_at(
        Loop::clock() + 50ms, [] { std::ofstream("/proc/sys/net/ipv4/icmp_echo_ignore_all") << 0; });
    const auto result = lab.run("icmp", {{"address", "127.0.0.1"}, {"count", 2}});
    CHECK(result.verdict == Verdict::pass);
    CHECK(result.latency >= 100ms);
  });
}

TEST_CASE("icmp: with df, what the path does not carry fails; without, it goes in pieces") {
  for (const char* address : {"127.0.0.1", "::1"}) {
    with_sockets(
        Sockets::ping,
        [&](Lab& lab) {
          const int headers = std::string(address) == "::1" ? 48 : 28;
          CAPTURE(address);
          CHECK(lab.run("icmp", {{"address", address}, {"size", 1400 - headers}, {"df", true}}).verdict ==
                Verdict::pass);
          const auto large = lab.run("icmp", {{"address", address}, {"size", 1401 - headers}, {"df", true}});
          CHECK(large.verdict == Verdict::fail);
          CHECK_THAT(large.detail, Contains("Message too long"));
          CHECK(lab.run("icmp", {{"address", address}, {"size", 1401 - headers}}).verdict == Verdict::pass);
        },
        1400);
  }
}

TEST_CASE("icmp: herald's own trouble is inconclusive") {
  with_sockets(Sockets::none, [](Lab& lab) {
    const auto refused = lab.run("icmp", {{"address", "127.0.0.1"}});
    CHECK(refused.verdict == Verdict::inconclusive);
    CHECK(refused.reason == Reason::local);
    CHECK(refused.detail == "ping socket: Permission denied");
  });
  with_sockets(Sockets::ping, [](Lab& lab) {
    lab.socket.bind_device = "nosuchdev0";
    CHECK(lab.run("icmp", {{"address", "127.0.0.1"}}).verdict == Verdict::inconclusive);
  });
}

TEST_CASE("icmp: an attempt may be destroyed in the middle, and from inside its own callback") {
  with_sockets(Sockets::ping, [](Lab& lab) {
    const auto probe = lab.make("icmp", {{"address", "127.0.0.1"}});
    for (int i = 0; i < 100; ++i) REQUIRE(probe->start([](const ProbeResult&) { FAIL("it was cancelled"); }));
    lab.run_for(50ms);
    std::unique_ptr<Attempt> attempt;
    attempt = std::move(*probe->start([&](const ProbeResult& result) {
      CHECK(result.verdict == Verdict::pass);
      attempt.reset();
      lab.loop.exit(0);
    }));
    lab.loop.run();
    CHECK(attempt == nullptr);
  });
}

TEST_CASE("icmp: its keys") {
  const auto one = [](const json& settings) {
    const auto found = Lab::errors_of("icmp", settings);
    REQUIRE(found.size() == 1);
    return found[0];
  };
  CHECK_THAT(one(json::object()), Contains("\"address\" is required"));
  CHECK_THAT(one({{"address", "127.0.0.1:80"}}), StartsWith("/address: must be an address or a name"));
  CHECK_THAT(one({{"address", "10.0.0.256"}}), StartsWith("/address: must be an address or a name"));
  CHECK_THAT(one({{"address", "fe80::1"}}), Contains("needs its interface"));
  CHECK_THAT(one({{"address", "a"}, {"count", 0}}),
             StartsWith("/count: must be a whole number from 1 to 10"));
  CHECK_THAT(one({{"address", "a"}, {"size", 65508}}), StartsWith("/size: must be"));
  CHECK_THAT(one({{"address", "a"}, {"df", 1}}), StartsWith("/df"));
  CHECK_THAT(one({{"address", "a"}, {"adress", "a"}}), Contains("did you mean \"address\"?"));
  CHECK(Lab::target("icmp", {{"address", "FD00::0:1"}}) == "fd00::1");
  CHECK(Lab::target("icmp", {{"address", "fe80::1%eth0"}}) == "fe80::1");
  CHECK(Lab::target("icmp", {{"address", "db.example.net"}}).empty());
  CHECK(Lab::endpoint("icmp", {{"address", "db.example.net"}}) == "db.example.net");
}

}  // namespace icmp_probe_test
