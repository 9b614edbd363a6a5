#include "sidecar/daemon/event_sources.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/os/own_namespace.h"
#include "tests/os/run_until.h"

namespace herald::event_sources_test {
namespace {

ProbeSpec probe(const std::string& target, bool hold) {
  ProbeSpec spec;
  spec.name = "front";
  spec.target = target;
  spec.listens = target.starts_with('/') ? Listens::nothing : Listens::tcp;
  spec.hold = hold;
  return spec;
}

struct Bench {
  Bench() {
    enter_new_namespace();
    REQUIRE(std::system(
                "ip link add eth0 type veth peer name end && ip link set eth0 up && ip link set end up && "
                "ip addr add 10.1.0.4/24 dev eth0") == 0);
  }
  void use(const std::vector<ProbeSpec>& specs) {
    std::vector<EventSources::Watched> watched;
    for (std::size_t index = 0; index < specs.size(); ++index)
      watched.push_back({ProbeId{static_cast<std::uint32_t>(index)}, &specs[index]});
    sources.watch(watched);
  }
  std::string source(std::uint32_t index) { return sources.source_of(ProbeId{index}); }

  Loop loop;
  std::vector<event::Nudged> told;
  EventSources sources{loop, [this](const event::Nudged& one) { told.push_back(one); },
                       [](const std::string&) {}};
};

}  // namespace

TEST_CASE_METHOD(Bench, "event sources: a probe shows all that it has, or why it has none") {
  use({probe("127.0.0.1:1", false), probe("127.0.0.1:1", true), probe("10.1.0.9:80", false),
       probe("10.1.0.9:80", true), probe("/run/app.sock", true), probe("/run/app.sock", false),
       probe("shop.example.net:80", false)});
  REQUIRE(run_until(loop, [&] { return source(0) != "not known yet"; }));
  CHECK(source(0) == "none (no listener here)");
  CHECK(source(1) == "none (no listener here), connection not held (no attempt has passed since)");
  CHECK(source(2) == "link eth0");
  sources.held({ProbeId{3}, work::HeldChange::begun, ""});
  CHECK(source(3) == "connection held, link eth0");
  sources.held({ProbeId{4}, work::HeldChange::failed, "connect: No such file or directory"});
  CHECK(source(4) == "connection not held (connect: No such file or directory)");
  CHECK(source(5) == "none (the target is no TCP or UDP port)");
  CHECK(source(6) == "none (the target is a name)");
  CHECK(told.empty());
}

TEST_CASE_METHOD(
    Bench, "event sources: only the end of a connection that is wanted nudges, and a reload keeps its word") {
  use({probe("10.1.0.9:80", true), probe("10.1.0.9:80", false)});
  sources.held({ProbeId{1}, work::HeldChange::ended, ""});
  sources.held({ProbeId{7}, work::HeldChange::ended, ""});
  sources.held({ProbeId{0}, work::HeldChange::begun, ""});
  sources.held({ProbeId{0}, work::HeldChange::failed, "its worker has ended"});
  CHECK(told.empty());
  sources.held({ProbeId{0}, work::HeldChange::ended, "the target closed it after 2.0 s"});
  REQUIRE(told.size() == 1);
  CHECK(told[0].probe == ProbeId{0});
  CHECK(told[0].why == Nudge::connection_ended);
  use({probe("10.1.0.9:80", true)});
  CHECK(source(0) == "connection not held (the target closed it after 2.0 s), link eth0");
  use({probe("10.1.0.9:80", false)});
  CHECK(source(0) == "link eth0");
}

TEST_CASE_METHOD(Bench, "event sources: a link that goes down nudges as a listener's end does") {
  use({probe("10.1.0.9:80", false)});
  run_for(loop, 80ms);
  REQUIRE(std::system("ip link set eth0 down") == 0);
  REQUIRE(run_until(loop, [&] { return !told.empty(); }));
  CHECK(told[0].why == Nudge::link_down);
  CHECK(source(0) == "no route");
}

}  // namespace herald::event_sources_test
