#include "sidecar/doctor/facts_reader.h"

#include <catch2/catch.hpp>
#include <optional>

namespace herald::facts_reader_test {
namespace {

TEST_CASE("the stack's reader asks that stack's client, and without a stack there is none") {
  Loop loop;
  Config config;
  config.router.vtysh.path = "/nowhere/vtysh";
  config.router.bird.birdc = "/nowhere/birdc";
  CHECK(make_facts_reader(loop, config) == nullptr);
  for (const auto& [stack, client] : {std::pair(Stack::frr, "vtysh"), std::pair(Stack::bird, "birdc")}) {
    config.router.stack = stack;
    const auto reader = make_facts_reader(loop, config);
    REQUIRE(reader);
    std::optional<RouterFacts> facts;
    reader->read([&](RouterFacts read) {
      facts = std::move(read);
      loop.exit(0);
    });
    CHECK_FALSE(facts);  // later
    REQUIRE(loop.run() == 0);
    REQUIRE(facts);
    CHECK_FALSE(facts->reachable);
    CHECK(facts->error == "run /nowhere/" + std::string(client) + ": No such file or directory");
  }
}

}  // namespace
}  // namespace herald::facts_reader_test
