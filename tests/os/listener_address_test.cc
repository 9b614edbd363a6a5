#include "sidecar/os/listener_address.h"

#include <catch2/catch.hpp>

#include "tests/os/bound_socket.h"

namespace herald::listener_address_test {

using Listeners = std::vector<ListenerAddress>;

TEST_CASE("a target as people write it is the listeners that it means") {
  const auto kind = SocketKind::tcp;
  CHECK(listeners_of("127.0.0.1:80", kind) == Listeners{at("127.0.0.1", kind, 80)});
  CHECK(listeners_of("[fd00::1]:443", SocketKind::udp) == Listeners{at("fd00::1", SocketKind::udp, 443)});
  CHECK(listeners_of("[fe80::1%eth0]:443", kind) == Listeners{at("fe80::1", kind, 443)});
  CHECK(listeners_of("localhost:53", kind) == Listeners{at("127.0.0.1", kind, 53), at("::1", kind, 53)});
  CHECK(listeners_of("www.example.net:80", kind).empty());
  CHECK(has_port("www.example.net:80"));
  for (const char* none : {"", "/run/web.sock", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:80x"}) {
    CAPTURE(none);
    CHECK_FALSE(has_port(none));
    CHECK(listeners_of(none, kind).empty());
  }
}

TEST_CASE("who listens takes what is sent to its address and port, or to any of its family's") {
  const auto kind = SocketKind::tcp;
  const auto target = at("10.99.0.1", kind, 80);
  CHECK(takes(at("10.99.0.1", kind, 80), target));
  CHECK(takes(at("0.0.0.0", kind, 80), target));
  CHECK(takes(at("::", kind, 80), target));
  CHECK_FALSE(takes(at("127.0.0.1", kind, 80), target));
  CHECK_FALSE(takes(at("10.99.0.1", kind, 81), target));
  CHECK_FALSE(takes(at("10.99.0.1", SocketKind::udp, 80), target));
  CHECK_FALSE(takes(at("0.0.0.0", kind, 80), at("fd00::1", kind, 80)));
  CHECK(takes(at("::", kind, 80), at("fd00::1", kind, 80)));
}

}  // namespace herald::listener_address_test
