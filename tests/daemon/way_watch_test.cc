// Against the kernel's own links and routes, in a namespace of the test's own.
#include "sidecar/daemon/way_watch.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/os/no_descriptors.h"
#include "tests/os/own_namespace.h"
#include "tests/os/run_until.h"

namespace herald::way_watch_test {
namespace {

void ip(const std::string& arguments) {
  REQUIRE(std::system(("ip " + arguments).c_str()) == 0);
}

ProbeSpec probe(const std::string& target) {
  ProbeSpec spec;
  spec.name = "front";
  spec.target = target;
  spec.listens = Listens::tcp;
  return spec;
}

struct Network {
  Network() {
    enter_new_namespace();
    for (const char* name : {"left", "other"}) {
      ip(std::string("link add ") + name + " type veth peer name " + name + "-end");
      ip(std::string("link set ") + name + " up");
      ip(std::string("link set ") + name + "-end up");
    }
    ip("addr add 10.1.0.4/24 dev left");
    ip("addr add 10.2.0.4/24 dev other");
  }
};

struct Bench : Network {
  Loop loop;
  std::vector<event::Nudged> told;
  std::vector<std::string> said;
  WayWatch watch{loop, [this](const event::Nudged& one) { told.push_back(one); },
                 [this](const std::string& one) { said.push_back(one); }};

  void use(const std::vector<ProbeSpec>& specs) {
    std::vector<WayWatch::Watched> watched;
    for (std::size_t index = 0; index < specs.size(); ++index)
      watched.push_back({ProbeId{static_cast<std::uint32_t>(index)}, &specs[index]});
    watch.watch(watched);
    run_for(loop, 80ms);
  }
  bool hears(std::size_t many) {
    return run_until(loop, [&] { return told.size() >= many; });
  }
  std::string source(std::uint32_t index) { return watch.source_of(ProbeId{index}).value_or("none"); }
};

}  // namespace

TEST_CASE_METHOD(Bench, "way watch: what each target is reached by is shown") {
  ProbeSpec off = probe("10.1.0.9:80");
  off.events = EventUse::off;
  ProbeSpec bound = probe("10.1.0.9:80");
  bound.socket.bind_device = "nosuch0";
  use({probe("10.1.0.9:80"), probe("10.2.0.9"), probe("192.0.2.1:80"), probe("127.0.0.1:80"), off,
       probe("shop.example.net:80"), probe(""), probe("[fd00::9]:80"), bound, probe("10.1.0.4:80")});
  CHECK(source(0) == "link left");
  CHECK(source(1) == "link other");
  CHECK(source(2) == "no route");
  for (const std::uint32_t index : {3U, 4U, 5U, 6U}) CHECK(source(index) == "none");
  CHECK(source(7) == "no route");
  CHECK(source(8) == "no route");
  CHECK(source(9) == "none");  // on this machine: its listener says more
  CHECK(told.empty());
}

TEST_CASE_METHOD(Bench,
                 "way watch: a link that goes down nudges those whose packets went by it, and no others") {
  use({probe("10.1.0.9:80"), probe("10.2.0.9:80"), probe("10.1.0.8:80")});
  SECTION("its carrier is lost") {
    ip("link set left-end down");
  }
  SECTION("it is taken down") {
    ip("link set left down");
  }
  SECTION("it is gone") {
    ip("link del left");
  }
  REQUIRE(hears(2));
  run_for(loop, 120ms);
  REQUIRE(told.size() == 2);
  for (const event::Nudged& one : told) {
    CHECK(one.why == Nudge::link_down);
    CHECK(one.probe != ProbeId{1});
  }
}

TEST_CASE_METHOD(Bench, "way watch: an address or a route that goes nudges") {
  ip("addr add 10.1.0.5/24 dev left");
  ip("route add 192.0.2.0/24 via 10.2.0.9");
  ProbeSpec bound = probe("10.1.0.9:80");
  bound.socket.source = "10.1.0.5";
  use({bound, probe("192.0.2.1:80"), probe("10.2.0.4:80")});
  ip("addr del 10.1.0.5/24 dev left");
  REQUIRE(hears(1));
  CHECK(told[0].probe == ProbeId{0});
  CHECK(told[0].why == Nudge::route_gone);
  CHECK(source(0) == "no route");
  ip("route del 192.0.2.0/24");
  REQUIRE(hears(2));
  CHECK(told[1].probe == ProbeId{1});
  CHECK(told[1].why == Nudge::route_gone);
  ip("addr del 10.2.0.4/24 dev other");  // the target itself
  REQUIRE(hears(3));
  CHECK(told[2].probe == ProbeId{2});
  CHECK(told[2].why == Nudge::route_gone);
}

TEST_CASE_METHOD(Bench, "way watch: another way nudges, and one that comes back does not") {
  ip("route add 192.0.2.0/24 dev left metric 10");
  use({probe("192.0.2.1:80")});
  ip("route add 192.0.2.0/24 dev other metric 5");
  REQUIRE(hears(1));
  CHECK(told[0].why == Nudge::route_changed);
  CHECK(source(0) == "link other");
  ip("link set left down");  // nothing goes by it any more
  ip("link set other down");
  REQUIRE(hears(2));
  CHECK(told[1].why == Nudge::link_down);
  CHECK(source(0) == "no route");
  ip("link set other up");
  ip("route add 192.0.2.0/24 dev other");
  REQUIRE(run_until(loop, [&] { return source(0) == "link other"; }));
  CHECK(told.size() == 2);
}

TEST_CASE_METHOD(Bench, "way watch: a reload keeps what was seen, and looks up what is new") {
  use({probe("10.1.0.9:80")});
  use({probe("10.2.0.9:80"), probe("10.1.0.9:80")});
  CHECK(told.empty());
  ip("link set left down");
  REQUIRE(hears(1));
  CHECK(told[0].probe == ProbeId{1});
  use({});
  CHECK(source(0) == "none");
  ip("link set other down");
  run_for(loop, 100ms);
  CHECK(told.size() == 1);
}

TEST_CASE_METHOD(Bench, "way watch: a flood of routes wakes it seldom, and hides nothing") {
  use({probe("10.1.0.9:80")});
  REQUIRE(std::system(
              "for i in $(seq 0 255); do for j in $(seq 64 79); do echo route add 10.$j.$i.0/24 dev other; "
              "done; done | ip -batch -") == 0);
  ip("link set left down");
  REQUIRE(hears(1));
  CHECK(told[0].why == Nudge::link_down);
  CHECK(said.empty());
}

TEST_CASE_METHOD(Network, "way watch: without a socket it says so once, and polling goes on") {
  Loop loop;
  std::vector<std::string> said;
  WayWatch watch(loop, [](const event::Nudged&) {}, [&](const std::string& one) { said.push_back(one); });
  const ProbeSpec spec = probe("10.1.0.9:80");
  {
    const fixture::NoDescriptors none;
    watch.watch({{ProbeId{0}, &spec}});
    watch.watch({{ProbeId{0}, &spec}});
  }
  REQUIRE(said.size() == 1);
  CHECK(said[0] ==
        "changes of links and routes are not told (open a netlink socket: Too many open files): polling "
        "goes on as before");
  CHECK_FALSE(watch.source_of(ProbeId{0}));
  watch.watch({{ProbeId{0}, &spec}});
  CHECK(watch.source_of(ProbeId{0}) == "link left");
  CHECK(said.size() == 2);
}

}  // namespace herald::way_watch_test
