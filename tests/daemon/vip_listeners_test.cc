#include "sidecar/daemon/vip_listeners.h"

#include <catch2/catch.hpp>

#include "tests/os/bound_socket.h"

namespace herald::vip_listeners_test {
namespace {

const Vip kVip{"127.0.0.8/32"};  // stands for one: nothing has to be added for it
constexpr TimePoint kStart{std::chrono::hours(1)};

ServiceSpec service(std::uint16_t port) {
  ServiceSpec spec;
  spec.name = "web";
  spec.vips = {kVip};
  ProbeSpec& probe = spec.probes.emplace_back();
  probe.target = "127.0.0.7:" + std::to_string(port);
  probe.listens = Listens::tcp;
  return spec;
}

}  // namespace

TEST_CASE("a VIP at which nobody listens though its probe's target is listened at is told, for as long as it is so") {
  VipListeners listeners;
  CHECK_FALSE(listeners.refusal("web", kVip, kStart));
  const Open here = bound("127.0.0.7", SocketKind::tcp);
  listeners.watch({service(here.port)});
  const auto told = listeners.refusal("web", kVip, kStart);
  REQUIRE(told);
  CHECK(*told == "nobody listens at TCP port " + std::to_string(here.port) +
                     " of 127.0.0.8, though somebody does at 127.0.0.7");
  CHECK_FALSE(listeners.refusal("db", kVip, kStart));
  const Open there = bound("127.0.0.8", SocketKind::tcp, here.port);
  CHECK(listeners.refusal("web", kVip, kStart + std::chrono::seconds(1)));  // as of the last look
  CHECK_FALSE(listeners.refusal("web", kVip, kStart + std::chrono::seconds(2)));
}

TEST_CASE("what probes nothing that listens is not judged") {
  VipListeners listeners;
  ServiceSpec spec = service(1);
  spec.probes[0].listens = Listens::nothing;
  listeners.watch({spec});
  CHECK_FALSE(listeners.refusal("web", kVip, kStart));
}

}  // namespace herald::vip_listeners_test
