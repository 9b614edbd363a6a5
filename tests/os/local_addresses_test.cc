#include "sidecar/os/local_addresses.h"

#include <catch2/catch.hpp>

namespace herald::local_addresses_test {

TEST_CASE("loopback is of every machine, and what an interface has is of this one") {
  for (const char* local : {"127.0.0.1", "127.9.8.7", "::1"})
    CHECK(is_loopback(parse_address(local).value()));
  for (const char* other : {"128.0.0.1", "::2", "::"}) CHECK_FALSE(is_loopback(parse_address(other).value()));
  const auto here = addresses_of_this_machine();
  REQUIRE(here);
  CHECK(here->contains(parse_address("127.0.0.1").value()));
  CHECK_FALSE(here->contains(parse_address("192.0.2.1").value()));
}

}  // namespace herald::local_addresses_test
