#include "sidecar/daemon/hands.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/os/own_namespace.h"
#include "tests/os/run_until.h"
#include "tests/os/temporary_directory.h"

namespace hands_test {

using namespace herald;

namespace {

// An empty state, by these hands.
bool is_kept(Loop& loop, const Hands& hands) {
  bool kept = false;
  hands.writer->write({.make = [&] { return hands.state.saving({}); },
                       .done = [&](const Written& written) { kept = written.has_value(); }});
  return run_until(loop, [&] { return hands.writer->is_idle(); }) && kept;
}

TEST_CASE("hands: a dry run changes no address, keeps nothing and takes nobody's place") {
  enter_new_namespace();
  const TemporaryDirectory directory;
  Loop loop;
  const Hands hands = dry_run_hands(loop, directory.path(), {});
  CHECK(hands.pretend);
  CHECK_FALSE(hands.keeps_in);
  const auto place = hands.take_place();
  REQUIRE(place);
  CHECK_FALSE(place->has_value());
  CHECK(hands.writer->pretends());
  CHECK(is_kept(loop, hands));
  CHECK(std::filesystem::is_empty(directory.path()));

  ServiceSpec web;
  web.vips = {Vip{"10.99.0.1/32"}};
  const auto pretends = hands.levers->addresses({web});
  const auto acts = make_levers(loop, {})->addresses({web});
  REQUIRE((pretends && acts));
  REQUIRE((*pretends)->apply({Step::Kind::add, {web.vips[0], "lo"}, {}}));
  CHECK((*pretends)->look({})->addresses.size() == 1);
  CHECK((*acts)->look({})->addresses.empty());
}

TEST_CASE("hands: the real ones act, and keep what they are told") {
  enter_new_namespace();
  const TemporaryDirectory directory;
  Loop loop;
  const Hands hands = real_hands(loop, directory.path(), {});
  CHECK_FALSE(hands.pretend);
  CHECK(hands.would.empty());
  CHECK(hands.keeps_in == directory.path());
  CHECK_FALSE(hands.writer->pretends());
  REQUIRE(is_kept(loop, hands));
  CHECK(std::filesystem::exists(directory.path() / "state.json"));
  ServiceSpec web;
  web.vips = {Vip{"10.99.0.1/32"}};
  const auto lever = hands.levers->addresses({web});
  REQUIRE(lever);
  REQUIRE((*lever)->apply({Step::Kind::add, {web.vips[0], "lo"}, {}}));
  CHECK((*lever)->outstanding({}).empty());
  CHECK((*hands.levers->addresses({web}))->look({})->addresses.size() == 1);
}

TEST_CASE("hands: a router only where the configuration has one") {
  Loop loop;
  const Hands hands = dry_run_hands(loop, "/nonexistent", {});
  Config config;
  CHECK(hands.levers->router(config, {}) == nullptr);
  config.router.stack = Stack::bird;
  config.router.bird.socket = "/run/bird/other.ctl";
  const auto router = hands.levers->router(config, {});
  REQUIRE(router);
  CHECK(router->socket_path() == "/run/bird/other.ctl");
}

}  // namespace

}  // namespace hands_test
