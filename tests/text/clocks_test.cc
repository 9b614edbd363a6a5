// Moments as text, and the text of others as a moment.
#include "sidecar/text/clocks.h"

#include <catch2/catch.hpp>

namespace herald::clocks_test {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow{1000s};
const ClockPair kClocks{kNow, std::chrono::system_clock::time_point{1795428180s}};  // 2026-11-23T10:03:00Z

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

TEST_CASE("clocks: a moment is read as it is written") {
  const auto when = parse_rfc3339("2026-11-23T10:00:00.123Z");
  REQUIRE(when);
  CHECK(to_rfc3339(TimePoint{}, {TimePoint{}, *when}) == "2026-11-23T10:00:00.123Z");
  CHECK(parse_rfc3339("1970-01-01T00:00:00Z").value().time_since_epoch() == 0ms);
  CHECK(parse_rfc3339("2199-12-31T23:59:59.9999999Z"));
}

TEST_CASE("clocks: what does not fit into nanoseconds, or is no moment, is none") {
  for (const char* text :
       {"", "Z", "2262-04-12T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z", "-999-01-01T00:00:00Z", "2026-11-23T10:00:00", "2026-11-23T10:00:00.1",
        "2026-11-23T10:00:00Z ", "2026-13-01T00:00:00Z", "99999999999-01-01T00:00:00Z"}) {
    INFO(text);
    CHECK_FALSE(parse_rfc3339(text));
  }
}

}  // namespace
}  // namespace herald::clocks_test
