// The keys of `tcp`, as the configuration reads them.
#include "tests/probes/lab.h"

namespace tcp_settings_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("tcp: what is wrong with the settings is reported") {
  const auto one = [](const json& settings) {
    const auto found = Lab::errors_of("tcp", settings);
    REQUIRE(found.size() == 1);
    return found[0];
  };
  CHECK_THAT(one(json::object()), Contains("\"address\" is required"));
  CHECK_THAT(one({{"address", "127.0.0.1"}}), StartsWith("/address"));
  CHECK_THAT(one({{"address", "127.0.0.1:0"}}), Contains("1 to 65535"));
  CHECK_THAT(one({{"address", "127.0.0.1:x"}}), Contains("1 to 65535"));
  CHECK_THAT(one({{"address", "127.0.0.1:65536"}}), Contains("1 to 65535"));
  CHECK_THAT(one({{"address", "fd00::1"}}), Contains("[fd00::1]:port"));
  CHECK_THAT(one({{"address", "[fd00::1:80"}}), StartsWith("/address"));
  CHECK_THAT(one({{"address", "[fd00::1]80"}}), StartsWith("/address"));
  CHECK_THAT(one({{"address", "[host]:80"}}), StartsWith("/address"));
  CHECK_THAT(one({{"address", "a..b:80"}}), Contains("host"));
  CHECK_THAT(one({{"address", "[fe80::1]:80"}}), Contains("\"fe80::1%eth0\""));
  CHECK_THAT(one({{"address", ""}}), StartsWith("/address"));
  CHECK_THAT(one({{"address", "a:1"}, {"expect_matches", "["}}), StartsWith("/expect_matches"));
  CHECK_THAT(one({{"address", "a:1"}, {"tls", 1}}), StartsWith("/tls"));
  CHECK_THAT(one({{"address", "a:1"}, {"tls", {{"verfy", false}}}}), StartsWith("/tls/verfy: unknown key"));
  CHECK_THAT(one({{"address", "a:1"}, {"expected", "x"}}), Contains("did you mean \"expect\"?"));
}

TEST_CASE("tcp: the literal target is known") {
  CHECK(Lab::target("tcp", {{"address", "10.0.0.1:81"}}) == "10.0.0.1");
  CHECK(Lab::target("tcp", {{"address", "[FD00::0:1]:81"}}) == "fd00::1");
  CHECK(Lab::target("tcp", {{"address", "[fe80::1%eth0]:81"}}) == "fe80::1");
  CHECK(Lab::target("tcp", {{"address", "db.example.net:81"}}).empty());
}

TEST_CASE("tcp: what an attempt asks is known") {
  CHECK(Lab::endpoint("tcp", {{"address", "DB.example.net:81"}}) == "db.example.net:81");
}

}  // namespace tcp_settings_test
