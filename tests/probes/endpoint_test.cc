#include "probes/endpoint.h"

#include <catch2/catch.hpp>

namespace endpoint_test {

using namespace herald;
using namespace herald::probes;

TEST_CASE("endpoints") {
  const auto text = [](const std::string& from, std::optional<std::uint16_t> port = std::nullopt) {
    const auto endpoint = parse_endpoint(from, port);
    return endpoint ? to_string(*endpoint) : "";
  };
  CHECK(text("192.0.2.1:80") == "192.0.2.1:80");
  CHECK(text("[2001:db8::1]:80") == "[2001:db8::1]:80");
  CHECK(text("[fe80::1%eth0]:80") == "[fe80::1%eth0]:80");
  CHECK(text("db-1.example_net.:5432") == "db-1.example_net.:5432");
  CHECK(text("192.0.2.1", 53) == "192.0.2.1:53");
  CHECK(text("2001:db8::1", 53) == "[2001:db8::1]:53");
  CHECK(text("[2001:db8::1]", 53) == "[2001:db8::1]:53");
  CHECK(text("fe80::1%eth0", 53) == "[fe80::1%eth0]:53");
  CHECK(text("2001:db8::1:53").empty());
  for (const char* wrong :
       {"", ":", ":80", "host:", "host:0", "host:65536", "host:8a", "[]:80", "[::1", "::1]:80", "ho st:80",
        "192.0.2.1%eth0:80", "1234:80", "-:80", "host:80:80", "[fe80::1]:80", "[febf:ffff::1]:80"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_endpoint(wrong, std::nullopt));
  }
}

TEST_CASE("a literal address is known as one, without its zone") {
  CHECK(literal_of("10.0.0.1") == "10.0.0.1");
  CHECK(literal_of("FE80::0:1%eth0") == "fe80::1");
  CHECK(literal_of("www.example.net").empty());
  CHECK(without_zone("fe80::1%eth0") == "fe80::1");
  CHECK(missing_zone("fe80::1").contains("needs its interface"));
  CHECK(missing_zone("fe80::1%eth0").empty());
  CHECK(missing_zone("fd00::1").empty());
}

TEST_CASE("equal endpoints have equal texts") {
  CHECK(to_string(Endpoint{"WWW.Example.net", 80}) == "www.example.net:80");
  CHECK(to_string(Endpoint{"fd00::1", 80}) == "[fd00::1]:80");
}

}  // namespace endpoint_test
