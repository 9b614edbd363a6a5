#include <catch2/catch.hpp>

#include "tests/seen/seen_fixture.h"

namespace own_metrics_test {

using namespace fixture;

TEST_CASE("own metrics: heraldd itself") {
  const std::string text = told(everything());
  CHECK(has_line(text, "herald_build_info{version=\"" HERALD_VERSION "\"} 1"));
  CHECK(has_line(text, "herald_start_timestamp_seconds 1795341780"));
  CHECK(has_line(text, "herald_config_loaded_timestamp_seconds 1795424580"));
  CHECK(has_line(text, "herald_config_last_reload_successful 0"));
  CHECK(has_line(text, "herald_config_last_reload_timestamp_seconds 1795427580"));
  CHECK(has_line(text, "herald_dry_run 0"));
  CHECK(has_line(text, "herald_interfaces_readable 1"));
  CHECK(has_line(text, "herald_brake_holding 1"));
  CHECK(has_line(text, "herald_brake_until_timestamp_seconds 1795428200"));
  CHECK(has_line(text, R"(herald_loop_lateness_seconds_bucket{le="0.0001"} 1)"));
  CHECK(has_line(text, "herald_log_lines_dropped_total 7"));
  CHECK(has_line(text, "process_cpu_seconds_total 1.5"));
  CHECK(has_line(text, "process_resident_memory_bytes 9000000"));
  CHECK(has_line(text, "process_open_fds 25"));
  CHECK(has_line(text, "process_max_fds 65536"));
  CHECK(has_line(text, "process_start_time_seconds 1795341780"));
}

TEST_CASE("own metrics: absent where there was none") {
  const std::string text = told(Snapshot{});
  CHECK(text.find("herald_config_last_reload_timestamp") == std::string::npos);
  CHECK(text.find("herald_brake_until") == std::string::npos);
  CHECK(has_line(text, "herald_brake_holding 0"));
  CHECK(has_line(text, "herald_config_last_reload_successful 1"));
}

}  // namespace own_metrics_test
