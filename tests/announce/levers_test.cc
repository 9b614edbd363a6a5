#include "sidecar/announce/levers.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/announce/frr/templates.h"
#include "tests/os/own_namespace.h"
#include "tests/os/temporary_directory.h"

namespace herald::levers_test {
namespace {

const AddressKey kWeb{Vip{"10.99.0.1/32"}, "lo"};

Config with(Stack stack, Via via = Via::loopback) {
  Config config;
  config.router.stack = stack;
  config.router.vtysh.socket_dir = "/run/frr-test";
  config.router.bird.socket = "/run/bird-test/bird.ctl";
  ServiceSpec& web = config.services.emplace_back();
  web.name = "web";
  web.vips = {kWeb.vip};
  web.announce.via = via;
  return config;
}

std::vector<std::unique_ptr<Levers>> both(Loop& loop, const TemplateDirs& dirs) {
  std::vector<std::unique_ptr<Levers>> all;
  all.push_back(make_levers(loop, dirs));
  all.push_back(make_dry_run_levers(loop, dirs));
  return all;
}

TEST_CASE("the stack's lever is made by the configuration, and none where there is no stack") {
  Loop loop;
  for (const auto& levers : both(loop, template_dirs())) {
    CHECK(levers->router(with(Stack::none), {}) == nullptr);
    const auto bird = levers->router(with(Stack::bird), {});
    REQUIRE(bird);
    CHECK(bird->socket_path() == "/run/bird-test/bird.ctl");
    const auto frr = levers->router(with(Stack::frr), {});
    REQUIRE(frr);
    CHECK(frr->socket_path().starts_with("/run/frr-test/"));
  }
  CHECK(make_router_lever(loop, with(Stack::none), template_dirs()) == nullptr);
  CHECK(make_router_lever(loop, with(Stack::bird), {})->socket_path() == "/run/bird-test/bird.ctl");
}

TEST_CASE("templates have to be sound only where a lever uses them") {
  const TemporaryDirectory directory;
  Loop loop;
  for (const auto& levers : both(loop, {directory.path()})) {
    CHECK(levers->template_problems(with(Stack::frr)).empty());
    CHECK(levers->template_problems(with(Stack::bird, Via::birdc)).empty());
    CHECK(levers->template_problems(with(Stack::frr, Via::vtysh)).size() == 4);  // none of the four is there
    // The fallback is a lever too, whatever the services' own is.
    for (const FallbackLevel level : {FallbackLevel::deny, FallbackLevel::shutdown}) {
      Config config = with(Stack::frr);
      config.router.fallback = level;
      CHECK(levers->template_problems(config).size() == 4);
    }
  }
  for (const auto& levers : both(loop, template_dirs()))
    CHECK(levers->template_problems(with(Stack::frr, Via::vtysh)).empty());

  (void)directory.write("network.conf", "network {{vip}} route-map {{route_mop}}\n");
  TemplateDirs dirs = template_dirs();
  dirs.insert(dirs.begin(), directory.path());
  const auto problems = make_levers(loop, dirs)->template_problems(with(Stack::frr, Via::vtysh));
  REQUIRE_FALSE(problems.empty());
  CHECK(problems[0].starts_with((directory.path() / "network.conf").native() + ":1"));
}

TEST_CASE("the real addresses change, and those of a dry run only seem to, also across a reload") {
  enter_new_namespace();
  Loop loop;
  const Config config = with(Stack::none);
  const auto real = make_levers(loop, {});
  const auto dry = make_dry_run_levers(loop, {});
  const auto pretends = dry->addresses(config.services);
  REQUIRE(pretends);
  const Step add{Step::Kind::add, kWeb, {}};
  REQUIRE((*pretends)->apply(add));
  CHECK((*real->addresses(config.services))->look({})->addresses.empty());
  // A lever that is made anew knows what was pretended.
  const auto anew = dry->addresses(config.services);
  REQUIRE(anew);
  CHECK((*anew)->look({})->addresses.size() == 1);
  CHECK((*anew)->outstanding({}) == std::vector<Step>{add});

  const auto acts = real->addresses(config.services);
  REQUIRE((*acts)->apply(add));
  CHECK((*acts)->look({})->addresses.size() == 1);
  CHECK((*acts)->outstanding({}).empty());
  CHECK((*anew)->look({})->addresses.size() == 1);
  CHECK((*anew)->outstanding({}).empty());  // it is there by now
}

}  // namespace
}  // namespace herald::levers_test
