#include "sidecar/text/clocks.h"

#include <catch2/catch.hpp>

using namespace herald;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint kNow{1000s};
const ClockPair kClocks{kNow, std::chrono::system_clock::time_point{1795428180s}};  // 2026-11-23T10:03:00Z

}  // namespace

TEST_CASE("times are told in UTC with milliseconds, and follow the wall clock's reading") {
  CHECK(to_rfc3339(kNow, kClocks) == "2026-11-23T10:03:00.000Z");
  CHECK(to_rfc3339(kNow - 3min + 123456us, kClocks) == "2026-11-23T10:00:00.123Z");
  CHECK(to_rfc3339(kNow - 1ns, kClocks) == "2026-11-23T10:02:59.999Z");
  const ClockPair before_1970{kNow, std::chrono::system_clock::time_point{-1s}};
  CHECK(to_rfc3339(kNow - 1ms, before_1970) == "1969-12-31T23:59:58.999Z");
}

TEST_CASE("what is written can be read, and nothing else") {
  CHECK(parse_rfc3339(to_rfc3339(kNow + 5ms, kClocks)) ==
        std::chrono::sys_time<std::chrono::milliseconds>(1795428180005ms));
  CHECK(parse_rfc3339("1970-01-01T00:00:01Z") == std::chrono::sys_time<std::chrono::milliseconds>(1s));
  for (const char* wrong : {"", "x", "1970-01-01", "1970-01-01T00:00:01.250", "1970-01-01T00:00:01.2x"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_rfc3339(wrong));
  }
}
