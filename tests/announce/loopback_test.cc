// The loopback lever against the real kernel, in a network namespace of this process's own.
#include "sidecar/announce/loopback.h"

#include <poll.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "sidecar/os/loop.h"
#include "tests/os/own_namespace.h"

namespace herald::loopback_test {
namespace {

using namespace std::chrono_literals;

const Vip kVip{"10.99.0.1/32"};
const Vip kVip6{"fd00:99::1/128"};

struct Bench {
  Bench() { enter_new_namespace(); }

  LoopbackLever lever(AddressMark mark = AddressMark::protocol) {
    ServiceSpec web;
    web.vips = {kVip, kVip6};
    auto opened = LoopbackLever::open({web}, mark);
    REQUIRE(opened);
    return std::move(*opened);
  }

  static std::optional<ObservedAddress> find(LoopbackLever& lever, const Vip& vip) {
    const auto seen = lever.look(Loop::clock());
    REQUIRE(seen);
    const auto found = std::ranges::find(seen->addresses, AddressKey{vip, "lo"}, &ObservedAddress::key);
    return found == seen->addresses.end() ? std::nullopt : std::optional{*found};
  }

  static Step step(Step::Kind kind, const Vip& vip, std::optional<Duration> lease = std::nullopt) {
    return {kind, {vip, "lo"}, lease};
  }

  static void operator_adds(const std::string& prefix) {
    REQUIRE(std::system(("ip address add " + prefix + " dev lo").c_str()) == 0);
  }
};

TEST_CASE_METHOD(Bench, "an address is added with our mark, seen, and removed, for both families") {
  LoopbackLever lever = this->lever();
  for (const Vip& vip : {kVip, kVip6}) {
    CAPTURE(vip.prefix);
    CHECK_FALSE(find(lever, vip));
    CHECK(lever.apply(step(Step::Kind::add, vip)));
    const auto seen = find(lever, vip);
    REQUIRE(seen);
    CHECK(seen->ours);
    CHECK_FALSE(seen->expires);
    CHECK(lever.apply(step(Step::Kind::remove, vip)));
    CHECK_FALSE(find(lever, vip));
  }
}

TEST_CASE_METHOD(Bench, "already there and already gone are success") {
  LoopbackLever lever = this->lever();
  for (const Vip& vip : {kVip, kVip6}) {
    CAPTURE(vip.prefix);
    CHECK(lever.apply(step(Step::Kind::remove, vip)));
    const auto first = lever.apply(step(Step::Kind::add, vip));
    CHECK(first == Applied::done);
    const auto second = lever.apply(step(Step::Kind::add, vip));
    CHECK(second == Applied::was_there);
  }
}

TEST_CASE_METHOD(Bench, "a lease is a kernel lifetime, a refresh renews it and keeps the mark") {
  LoopbackLever lever = this->lever();
  for (const Vip& vip : {kVip, kVip6}) {
    CAPTURE(vip.prefix);
    const TimePoint before = Loop::clock();
    CHECK(lever.apply(step(Step::Kind::add, vip, 30s)));
    auto seen = find(lever, vip);
    REQUIRE(seen);
    REQUIRE(seen->expires);
    CHECK(*seen->expires > before + 27s);
    CHECK(*seen->expires <= Loop::clock() + 31s);

    CHECK(lever.apply(step(Step::Kind::refresh, vip, 300s)));
    seen = find(lever, vip);
    REQUIRE(seen);
    CHECK(seen->ours);
    REQUIRE(seen->expires);
    CHECK(*seen->expires > before + 290s);

    CHECK(lever.apply(step(Step::Kind::refresh, vip)));  // on_exit: keep
    seen = find(lever, vip);
    REQUIRE(seen);
    CHECK(seen->ours);
    CHECK_FALSE(seen->expires);
  }
}

TEST_CASE_METHOD(Bench, "the kernel removes an address whose lease runs out, and tells") {
  LoopbackLever lever = this->lever();
  auto monitor = AddressMonitor::open();
  REQUIRE(monitor);
  CHECK(lever.apply(step(Step::Kind::add, kVip, 1s)));
  CHECK(lever.apply(step(Step::Kind::add, kVip6, 1s)));
  CHECK(monitor->drain());
  CHECK_FALSE(monitor->drain());
  int told = 0;
  for (int wait = 0; wait < 50 && (find(lever, kVip) || find(lever, kVip6)); ++wait) {
    pollfd ready{.fd = monitor->fd(), .events = POLLIN, .revents = 0};
    poll(&ready, 1, 200);
    if (monitor->drain()) ++told;
  }
  CHECK_FALSE(find(lever, kVip));
  CHECK_FALSE(find(lever, kVip6));
  CHECK(told > 0);
}

TEST_CASE_METHOD(Bench, "an operator's address is shown as foreign, and adding ours does not touch it") {
  LoopbackLever lever = this->lever();
  operator_adds("10.99.0.1/32");
  operator_adds("fd00:99::1/128");
  operator_adds("10.55.0.1/32");
  for (const Vip& vip : {kVip, kVip6}) {
    CAPTURE(vip.prefix);
    CHECK(lever.apply(step(Step::Kind::add, vip, 30s)));
    const auto seen = find(lever, vip);
    REQUIRE(seen);
    CHECK_FALSE(seen->ours);
    CHECK_FALSE(seen->expires);
  }
  CHECK_FALSE(find(lever, Vip{"10.55.0.1/32"}));  // nobody's business
}

TEST_CASE_METHOD(Bench,
                 "an operator's address is ours once it is adopted, with the lease, and can be removed") {
  LoopbackLever lever = this->lever();
  operator_adds("10.99.0.1/32");
  operator_adds("fd00:99::1/128");
  for (const Vip& vip : {kVip, kVip6}) {
    CAPTURE(vip.prefix);
    CHECK(lever.apply(step(Step::Kind::adopt, vip, 30s)) == Applied::done);
    const auto seen = find(lever, vip);
    REQUIRE(seen);
    CHECK(seen->ours);
    CHECK(seen->expires);
    CHECK(lever.apply(step(Step::Kind::remove, vip, 30s)));
    CHECK_FALSE(find(lever, vip));
  }
}

TEST_CASE_METHOD(Bench, "a leftover of a service that is not configured any more is seen as ours") {
  LoopbackLever lever = this->lever();
  const Vip old{"10.99.0.77/32"};
  CHECK(lever.apply(step(Step::Kind::add, old, 30s)));
  const auto seen = find(lever, old);
  REQUIRE(seen);
  CHECK(seen->ours);
}

TEST_CASE_METHOD(Bench, "before 5.18 the label marks IPv4, and a lifetime marks a configured IPv6 VIP") {
  LoopbackLever old = this->lever(AddressMark::label);
  CHECK(old.apply(step(Step::Kind::add, kVip, 30s)));
  CHECK(old.apply(step(Step::Kind::add, kVip6, 30s)));
  CHECK(find(old, kVip)->ours);
  CHECK(find(old, kVip6)->ours);
  CHECK(old.apply(step(Step::Kind::remove, kVip)));
  CHECK(old.apply(step(Step::Kind::remove, kVip6)));
  operator_adds("10.99.0.1/32");
  operator_adds("fd00:99::1/128");
  CHECK_FALSE(find(old, kVip)->ours);
  CHECK_FALSE(find(old, kVip6)->ours);
}

TEST_CASE("before 5.18 what could not be recognised as ours afterwards is refused at the start") {
  ServiceSpec web;
  web.name = "web";
  web.vips = {kVip};
  const auto refused = [&web](AddressMark mark) {
    const auto opened = LoopbackLever::open({web}, mark);
    return opened ? std::string() : opened.error();
  };
  web.announce.interface = "loopback0";  // 9 characters and ":herald" are 16
  CHECK(refused(AddressMark::label) ==
        "service web: Linux before 5.18 marks an IPv4 VIP by the label \"loopback0:herald\", which is too "
        "long; "
        "use an interface whose name has at most 8 characters");
  CHECK(refused(AddressMark::protocol).empty());
  web.vips = {kVip6};  // has no label
  CHECK(refused(AddressMark::label).empty());

  web.announce.lease = std::nullopt;
  CHECK(
      refused(AddressMark::label) ==
      "service web: Linux before 5.18 marks an IPv6 VIP by its lifetime alone, and \"lease\": \"off\" leaves "
      "it without one");
  web.announce.lease = 30s;
  web.on_exit = OnExit::keep;
  CHECK(refused(AddressMark::label).ends_with("and \"on_exit\": \"keep\" leaves it without one"));
  CHECK(refused(AddressMark::protocol).empty());
  web.announce.interface = "loopback";
  web.vips = {kVip};
  CHECK(refused(AddressMark::label).empty());
}

TEST_CASE_METHOD(Bench, "a missing interface is said plainly, and removing from it is done") {
  LoopbackLever lever = this->lever();
  const Step add{Step::Kind::add, {kVip, "dummy9"}, 30s};
  CHECK(lever.apply(add).error() == "add 10.99.0.1/32 to dummy9, lease 30 s: there is no interface dummy9");
  CHECK(lever.apply({Step::Kind::remove, {kVip, "dummy9"}, {}}));
}

TEST_CASE_METHOD(Bench, "five hundred addresses are listed whole") {
  LoopbackLever lever = this->lever();
  for (int index = 0; index < 500; ++index) {
    const Vip vip{"10.98." + std::to_string(index / 250) + "." + std::to_string(index % 250) + "/32"};
    REQUIRE(lever.apply({Step::Kind::add, {vip, "lo"}, 60s}));
  }
  const auto seen = lever.look(Loop::clock());
  REQUIRE(seen);
  CHECK(seen->addresses.size() == 500);
}

}  // namespace
}  // namespace herald::loopback_test
