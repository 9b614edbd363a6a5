// The kernel's own answers, in a namespace of the test's own.
#include "sidecar/os/way.h"

#include <poll.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "tests/os/own_namespace.h"

namespace herald::way_test {
namespace {

void ip(const std::string& arguments) {
  REQUIRE(std::system(("ip " + arguments).c_str()) == 0);
}

Address address(const char* text) {
  return *parse_address(text);
}

struct Bench {
  Bench() {
    enter_new_namespace();
    ip("link add left type veth peer name right");
    ip("link set left up");
    ip("link set right up");
    ip("addr add 10.1.0.4/24 dev left");
    ip("addr add fd00:1::4/64 dev left nodad");
    auto opened = WayLookup::open();
    REQUIRE(opened);
    lookup.emplace(std::move(*opened));
  }

  std::optional<Way> to(const char* target) { return of({.to = address(target)}); }
  std::optional<Way> of(const Packet& packet) {
    const auto way = lookup->find(packet);
    REQUIRE(way);
    return *way;
  }

  std::optional<WayLookup> lookup;
};

}  // namespace

TEST_CASE_METHOD(Bench, "ways: by which link a packet leaves, and from which address") {
  const auto way = to("10.1.0.9");
  REQUIRE(way);
  CHECK(way->link.name == "left");
  CHECK(way->is_running);
  CHECK(way->from == address("10.1.0.4"));
  CHECK(to("fd00:1::9")->link.name == "left");
  CHECK(to("10.1.0.4")->link.name == "lo");  // of this machine
  CHECK(to("127.0.0.1")->link.name == "lo");
}

TEST_CASE_METHOD(
    Bench,
    "ways: there is none to what no route leads to, from what is not here, and by a link that is gone") {
  CHECK_FALSE(to("192.0.2.1"));
  CHECK_FALSE(to("2001:db8::1"));
  CHECK_FALSE(of({.to = address("10.1.0.9"), .from = address("10.1.0.77")}));
  CHECK_FALSE(of({.to = address("10.1.0.9"), .from = std::nullopt, .interface = 4711}));
  for (const char* kind : {"unreachable", "blackhole", "prohibit"}) {
    ip(std::string("route add ") + kind + " 192.0.2.0/24");
    ip(std::string("-6 route add ") + kind + " 2001:db8::/32");
    CHECK_FALSE(to("192.0.2.1"));
    CHECK_FALSE(to("2001:db8::1"));
    ip(std::string("route del ") + kind + " 192.0.2.0/24");
    ip(std::string("-6 route del ") + kind + " 2001:db8::/32");
  }
}

TEST_CASE_METHOD(Bench,
                 "ways: a link without its carrier, one that is down, and one that is gone are told apart") {
  const std::uint32_t left = to("10.1.0.9")->link.index;
  ip("link set right down");
  REQUIRE(to("10.1.0.9"));
  CHECK_FALSE(to("10.1.0.9")->is_running);
  ip("link set right up");
  CHECK(to("10.1.0.9")->is_running);
  ip("link set left down");
  CHECK_FALSE(to("10.1.0.9"));
  CHECK_FALSE((*lookup->link(left))->is_running);
  CHECK((*lookup->link("left"))->link.index == left);
  ip("link del left");
  CHECK_FALSE(*lookup->link(left));
  CHECK_FALSE(*lookup->link("left"));
}

TEST_CASE_METHOD(Bench, "ways: each change of a link, an address or a route is told, and so is a flood") {
  auto monitor = WayMonitor::open();
  REQUIRE(monitor);
  const auto is_told = [&] {
    pollfd ready{monitor->fd(), POLLIN, 0};
    return poll(&ready, 1, 5000) == 1 && monitor->drain();
  };
  CHECK_FALSE(monitor->drain());
  for (const char* change : {"addr del fd00:1::4/64 dev left", "route add 192.0.2.0/24 dev left",
                             "route del 192.0.2.0/24", "-6 route add 2001:db8::/32 dev left",
                             "addr del 10.1.0.4/24 dev left", "link set left down", "link del left"}) {
    ip(change);
    CHECK(is_told());
    while (monitor->drain()) {
    }
  }
  ip("link set lo up");
  REQUIRE(
      std::system("for i in $(seq 0 255); do for j in $(seq 0 15); do echo route add 10.$j.$i.0/24 dev lo; "
                  "done; done | ip -batch -") == 0);
  CHECK(is_told());
  while (monitor->drain()) {
  }
  ip("route del 10.0.0.0/24");
  CHECK(is_told());  // also after what was lost
}

}  // namespace herald::way_test
