#include "sidecar/config/announce.h"

#include <catch2/catch.hpp>

#include "tests/config/fixture.h"

namespace announce_test {

using namespace herald;
using namespace config_fixture;

TEST_CASE("a short lease is a warning") {
  const auto result = parse(service_with(R"({"announce": {"lease": "5s"}})"));
  CHECK(result.config.has_value());
  CHECK(result.warnings ==
        Reports{"f: /services/0/announce/lease: 5s is shorter than 15s: a stall of this machine withdraws"});
  CHECK(parse(service_with(R"({"announce": {"lease": "15s"}})")).warnings.empty());
}

TEST_CASE("a misspelt lever is one error, and nothing is held against the one that nobody wrote") {
  CHECK(service_errors(R"({"announce": {"via": "vtish", "manage_vip": false, "vip_on_down": "keep",
    "attributes": {"draining": {"communities": ["no-export"]}}},
    "probes": [{"type": "tcp", "address": "10.99.0.1:80"}]})") ==
        Reports{
            R"(/announce/via: must be "loopback", "vtysh" or "birdc", not "vtish"; did you mean "vtysh"?)"});
  CHECK(service_errors(R"({"announce": {"via": 7, "lease": "1s", "vip_on_down": "go"}})").size() == 3);
}

}  // namespace announce_test
