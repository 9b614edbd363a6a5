#include "sidecar/daemon/target_watch.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/os/run_until.h"

namespace herald::target_watch_test {
namespace {

struct Listener {
  Fd fd;
  std::string target;

  explicit Listener(int type = SOCK_STREAM, std::uint32_t address = INADDR_LOOPBACK, std::uint16_t port = 0)
      : fd(socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    sockaddr_in at{
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(address)}, .sin_zero = {}};
    socklen_t length = sizeof at;
    REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&at), length) == 0);
    if (type == SOCK_STREAM) REQUIRE(listen(fd.get(), 5) == 0);
    getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &length);
    target = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
  }
  [[nodiscard]] std::uint16_t port() const {
    return static_cast<std::uint16_t>(std::stoi(target.substr(10)));
  }
  void close() { fd = Fd(); }
};

ProbeSpec probe(const std::string& target, Listens listens = Listens::tcp) {
  ProbeSpec spec;
  spec.name = "front";
  spec.target = target;
  spec.listens = listens;
  return spec;
}

struct Bench {
  Loop loop;
  std::vector<event::Nudged> told;
  std::vector<std::string> said;
  TargetWatch watch{loop, [this](const event::Nudged& one) { told.push_back(one); },
                    [this](const std::string& one) { said.push_back(one); }};

  void use(const std::vector<ProbeSpec>& specs) {
    std::vector<TargetWatch::Watched> watched;
    for (std::size_t index = 0; index < specs.size(); ++index)
      watched.push_back({ProbeId{static_cast<std::uint32_t>(index)}, &specs[index]});
    watch.watch(watched);
  }
  void settle() {
    REQUIRE(run_until(loop, [this] { return watch.source_of(ProbeId{0}) != "not known yet"; }));
  }
  bool hears(std::size_t many) {
    return run_until(loop, [&] { return told.size() >= many; });
  }
};

}  // namespace

TEST_CASE("the end of a target's listener nudges its probe, and no other") {
  Bench bench;
  Listener listener;
  Listener other;
  bench.use({probe(listener.target), probe(other.target)});
  bench.settle();
  CHECK(bench.watch.source_of(ProbeId{0}) == "listener " + listener.target);
  listener.close();
  REQUIRE(bench.hears(1));
  CHECK(bench.told[0].probe == ProbeId{0});
  CHECK(bench.told[0].why == Nudge::listener_gone);
  CHECK(bench.watch.source_of(ProbeId{0}) == "none (no listener here)");
  CHECK(bench.watch.source_of(ProbeId{1}) == "listener " + other.target);
  CHECK(bench.said.empty());
}

TEST_CASE("a listener on any-address is its target's; of several, the first to end nudges, too") {
  Bench bench;
  Listener first(SOCK_STREAM, INADDR_ANY);
  Listener second(SOCK_STREAM, INADDR_ANY, first.port());
  bench.use({probe(first.target), probe("localhost:" + std::to_string(first.port()))});
  bench.settle();
  first.close();
  REQUIRE(bench.hears(2));
  CHECK(bench.told[0].why == Nudge::listener_closed);
  CHECK(bench.told[1].probe == ProbeId{1});
  second.close();
  REQUIRE(bench.hears(4));
  CHECK(bench.told[2].why == Nudge::listener_gone);
}

TEST_CASE("over UDP the last socket's end nudges, and none before") {
  Bench bench;
  Listener first(SOCK_DGRAM);
  Listener second(SOCK_DGRAM, INADDR_LOOPBACK, first.port());
  bench.use({probe(first.target, Listens::udp)});
  bench.settle();
  first.close();
  run_for(bench.loop, 50ms);
  CHECK(bench.told.empty());
  second.close();
  REQUIRE(bench.hears(1));
  CHECK(bench.told[0].why == Nudge::listener_gone);
}

TEST_CASE("a target that comes by a reload is watched, and one that goes is not") {
  Bench bench;
  Listener before;
  Listener after;
  bench.use({probe(before.target)});
  bench.settle();
  bench.use({probe(after.target)});
  before.close();
  after.close();
  REQUIRE(bench.hears(1));
  run_for(bench.loop, 20ms);
  REQUIRE(bench.told.size() == 1);
  CHECK(bench.told[0].why == Nudge::listener_gone);
  bench.use({});
  CHECK(bench.watch.source_of(ProbeId{0}).empty());
}

TEST_CASE("what has no event source says why") {
  Bench bench;
  ProbeSpec off = probe("127.0.0.1:80");
  off.events = EventUse::off;
  bench.use({off, probe("203.0.113.7:80"), probe("shop.example.net:80"), probe("/run/x.sock"),
             probe("", Listens::nothing), probe("[fe80::1%eth0]:53", Listens::udp)});
  CHECK(bench.watch.source_of(ProbeId{0}) == "off");
  CHECK(bench.watch.source_of(ProbeId{1}) == "none (203.0.113.7 is not of this machine)");
  CHECK(bench.watch.source_of(ProbeId{2}) == "none (the target is a name)");
  CHECK(bench.watch.source_of(ProbeId{3}) == "none (the target is no TCP or UDP port)");
  CHECK(bench.watch.source_of(ProbeId{4}) == "none (the target is no TCP or UDP port)");
  CHECK(bench.watch.source_of(ProbeId{5}) == "none (fe80::1 is not of this machine)");
}

TEST_CASE("connections that wait and that nobody accepts nudge once, until some are accepted") {
  Bench bench;
  Listener listener;
  ProbeSpec stalls = probe(listener.target);
  stalls.accept_stall = 60ms;
  bench.use({stalls, probe(listener.target)});
  bench.settle();
  const auto connect_to_it = [&] {
    Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at{.sin_family = AF_INET,
                   .sin_port = htons(listener.port()),
                   .sin_addr = {htonl(INADDR_LOOPBACK)},
                   .sin_zero = {}};
    REQUIRE(connect(client.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    return client;
  };
  run_for(bench.loop, 100ms);
  CHECK(bench.told.empty());
  const Fd first = connect_to_it();
  REQUIRE(bench.hears(1));
  CHECK(bench.told[0].probe == ProbeId{0});
  CHECK(bench.told[0].why == Nudge::accept_stalled);
  run_for(bench.loop, 200ms);
  CHECK(bench.told.size() == 1);
  const Fd accepted(accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  run_for(bench.loop, 200ms);
  CHECK(bench.told.size() == 1);
  const Fd second = connect_to_it();
  REQUIRE(bench.hears(2));
  // After a reload nobody looks any more.
  bench.use({probe(listener.target)});
  run_for(bench.loop, 200ms);
  CHECK(bench.told.size() == 2);
}

}  // namespace herald::target_watch_test
