#include "sidecar/text/listen_address.h"

#include <sys/socket.h>

#include <catch2/catch.hpp>

namespace listen_address_test {

using namespace herald;

namespace {

std::string canonical(std::string_view text) {
  const auto parsed = parse_listen_address(text);
  return parsed ? to_string(*parsed) : parsed.error();
}

}  // namespace

TEST_CASE("listen address: an address with its port, or a path") {
  CHECK(canonical("127.0.0.1:9476") == "127.0.0.1:9476");
  CHECK(canonical("0.0.0.0:80") == "0.0.0.0:80");
  CHECK(canonical("[0:0::1]:9476") == "[::1]:9476");
  CHECK(canonical("[::]:9476") == "[::]:9476");
  CHECK(canonical("unix:/run/herald-http/http.sock") == "unix:/run/herald-http/http.sock");
  CHECK(parse_listen_address("[::1]:9476")->address.family == AF_INET6);
  CHECK(parse_listen_address("127.0.0.1:9476")->port == 9476);
}

TEST_CASE("listen address: what it is not says what it has to be") {
  for (const char* wrong :
       {"", "9476", ":9476", "localhost:9476", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
        "127.0.0.1:94x", "::1:9476", "[127.0.0.1]:9476", "[::1]9476", "127.0.0.1/32:80"}) {
    INFO(wrong);
    CHECK(canonical(wrong).starts_with("must be an address and a port"));
  }
  CHECK(canonical("unix:run/a").starts_with("must have an absolute path"));
  CHECK(canonical("unix:/" + std::string(107, 'a')) == "must have a path of at most 107 bytes");
}

}  // namespace listen_address_test
