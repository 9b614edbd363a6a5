// The keys of `dns`, as the configuration reads them.
#include "tests/probes/lab.h"

namespace dns_settings_test {

using namespace herald;
using namespace herald::probes;
using namespace herald::probes::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("dns: what is wrong with the settings is reported") {
  const auto one = [](const json& more) {
    json settings{{"server", "127.0.0.1"}, {"query", "example.net A"}};
    settings.update(more);
    const auto found = Lab::errors_of("dns", settings);
    CAPTURE(found);
    REQUIRE(found.size() == 1);
    return found[0];
  };
  CHECK(Lab::errors_of("dns", json::object()).size() == 2);
  CHECK(Lab::errors_of("dns", {{"server", "::1"}, {"query", "example.net A"}}).empty());
  CHECK(Lab::errors_of("dns", {{"server", "[::1]:5353"}, {"query", "example.net A"}}).empty());
  CHECK_THAT(one({{"server", "127.0.0.1:x"}}), StartsWith("/server"));
  CHECK_THAT(one({{"query", "example.net"}}), StartsWith("/query"));
  CHECK_THAT(one({{"transport", "tls"}}), StartsWith("/transport"));
  CHECK_THAT(one({{"tries", 0}}), StartsWith("/tries"));
  CHECK_THAT(one({{"edns", "never"}}), StartsWith("/edns: must be true, false or"));
  CHECK_THAT(one({{"edns", false}, {"dnssec_ok", true}}), StartsWith("/edns: must be true with dnssec_ok"));
  CHECK_THAT(one({{"on_truncation", "ignore"}}), StartsWith("/on_truncation"));
  CHECK_THAT(one({{"expect", {{"rcode", "OK"}}}}), StartsWith("/expect/rcode"));
  CHECK_THAT(one({{"expect", {{"rcode", json::array()}}}}), StartsWith("/expect/rcode"));
  CHECK_THAT(one({{"expect", {{"answers", {"192.0.2.1", "x"}}}}}), StartsWith("/expect/answers/1"));
  CHECK_THAT(one({{"expect", {{"serial_at_least", 5}}}}), Contains("type SOA"));
  CHECK_THAT(one({{"expect", {{"min_answer", 5}}}}), Contains("did you mean \"min_answers\"?"));
  CHECK_THAT(one({{"protocol", "udp"}}), StartsWith("/protocol: unknown key"));
}

TEST_CASE("dns: the literal target is known") {
  CHECK(Lab::target("dns", {{"server", "10.0.0.53"}, {"query", ". NS"}}) == "10.0.0.53");
  CHECK(Lab::target("dns", {{"server", "[fd00::53]:53"}, {"query", ". NS"}}) == "fd00::53");
  CHECK(Lab::target("dns", {{"server", "ns.example.net"}, {"query", ". NS"}}).empty());
}

TEST_CASE("dns: what an attempt asks is known") {
  CHECK(Lab::endpoint("dns", {{"server", "10.0.0.53"}, {"query", ". NS"}}) == "10.0.0.53:53");
}

}  // namespace dns_settings_test
