#include "sidecar/text/duration.h"

#include <catch2/catch.hpp>

namespace duration_test {

using namespace std::chrono_literals;
using herald::Duration;
using herald::parse_duration;
using herald::to_string;

TEST_CASE("durations are read with their unit") {
  const std::vector<std::pair<std::string, Duration>> cases{{"250ms", 250ms},
                                                            {"1s", 1s},
                                                            {"2m", 2min},
                                                            {"1h", 1h},
                                                            {"14d", 14 * 24h},
                                                            {"0s", 0s},
                                                            {"1.5s", 1500ms},
                                                            {"0.25ms", 250us},
                                                            {"0.125d", 3h},
                                                            {"1.000001s", 1000001us},
                                                            {"007s", 7s},
                                                            {"0.000001ms", 1ns},
                                                            {"106750d", 106750 * 24h}};
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(parse_duration(text) == expected);
  }
}

TEST_CASE("what is no duration is refused") {
  for (const std::string text : {"",
                                 "s",
                                 "1",
                                 "0",
                                 "1.s",
                                 ".5s",
                                 "1.5",
                                 "-1s",
                                 "+1s",
                                 " 1s",
                                 "1s ",
                                 "1 s",
                                 "1S",
                                 "1sec",
                                 "1us",
                                 "1ns",
                                 "1w",
                                 "1m30s",
                                 "1.2.3s",
                                 "1e3s",
                                 "0x1s",
                                 "1,5s",
                                 "1.0000001s",
                                 "99999999999999999999s",
                                 "9223372036854775807ms",
                                 "106751d",
                                 "1.5.s",
                                 "ms",
                                 "infs",
                                 "nans"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text));
  }
  CHECK_FALSE(parse_duration(std::string_view("1s\0", 3)));
}

TEST_CASE("durations are written in the largest unit that is exact") {
  CHECK(to_string(Duration(1500ms)) == "1500ms");
  CHECK(to_string(Duration(60s)) == "1m");
  CHECK(to_string(Duration(90s)) == "90s");
  CHECK(to_string(Duration(24h)) == "1d");
  CHECK(to_string(Duration(0s)) == "0s");
  CHECK(to_string(Duration(-2s)) == "-2s");
  CHECK(to_string(Duration(1ns)) == "0.000001ms");
  CHECK(to_string(Duration(1250us)) == "1.25ms");
  CHECK(to_string(Duration(-1250us)) == "-1.25ms");
  CHECK(to_string(Duration::min()).starts_with("-9223372036854.775808ms"));
}

TEST_CASE("what is written can be read") {
  for (const Duration duration :
       {Duration(1ns), Duration(999'999ns), Duration(1h + 1ms), Duration(400 * 24h)}) {
    CHECK(parse_duration(to_string(duration)) == duration);
  }
}

}  // namespace duration_test
