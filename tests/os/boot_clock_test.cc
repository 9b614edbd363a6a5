#include "sidecar/os/boot_clock.h"

#include <catch2/catch.hpp>

namespace boot_clock_test {

using namespace herald;

TEST_CASE("boot clock: the same boot, and it goes on") {
  const BootClock clock;
  const auto first = clock.now();
  REQUIRE(first);
  CHECK(first->boot_id.size() == 36);
  CHECK(first->since > Duration{});
  const auto again = BootClock().now();  // as another process of the same boot
  REQUIRE(again);
  CHECK(again->boot_id == first->boot_id);
  CHECK(again->since >= first->since);
}

}  // namespace boot_clock_test
