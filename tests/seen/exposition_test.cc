#include "sidecar/seen/exposition.h"

#include <catch2/catch.hpp>

namespace exposition_test {

using namespace herald;
using namespace herald::seen;

namespace {

using namespace std::chrono_literals;

TEST_CASE("exposition: a counter, whose family OpenMetrics names without its suffix") {
  const Head head{"herald_x_total", Type::counter, "What it says."};
  Text plain(Format::prometheus);
  plain.begin(head);
  plain.sample(label("service", "web"), std::uint64_t{3});
  plain.end();
  CHECK(plain.take() ==
        "# HELP herald_x_total What it says.\n# TYPE herald_x_total counter\n"
        "herald_x_total{service=\"web\"} 3\n");

  Text open(Format::openmetrics);
  open.begin(head);
  open.sample("", 0.5);
  open.end();
  CHECK(open.take() == "# HELP herald_x What it says.\n# TYPE herald_x counter\nherald_x_total 0.5\n# EOF\n");
}

TEST_CASE("exposition: what is an info to OpenMetrics is a gauge to Prometheus") {
  Text plain(Format::prometheus);
  plain.begin({"herald_build_info", Type::info, "It."});
  plain.flag("", true);
  CHECK(plain.take() ==
        "# HELP herald_build_info It.\n# TYPE herald_build_info gauge\nherald_build_info 1\n");
  Text open(Format::openmetrics);
  open.begin({"herald_build_info", Type::info, "It."});
  open.flag("", true);
  CHECK(open.take() == "# HELP herald_build It.\n# TYPE herald_build info\nherald_build_info 1\n");
}

TEST_CASE("exposition: a family without samples is absent") {
  Text text(Format::prometheus);
  text.begin({"herald_x", Type::gauge, "It."});
  text.begin({"herald_y", Type::gauge, "It."});
  text.sample("", 1795428180.123);
  CHECK(text.take() == "# HELP herald_y It.\n# TYPE herald_y gauge\nherald_y 1795428180.123\n");
}

TEST_CASE("exposition: values of labels are escaped") {
  std::string labels = label("service", "a\"b\\c\nd");
  add_label(labels, "probe", "e");
  CHECK(labels == R"(service="a\"b\\c\nd",probe="e")");
}

TEST_CASE("exposition: the buckets of a histogram hold all that is below them") {
  Histogram histogram;
  histogram.record(1ms);
  histogram.record(2ms);
  histogram.record(1min);
  Text text(Format::prometheus);
  text.begin({"herald_t_seconds", Type::histogram, "It."});
  text.histogram(label("a", "b"), histogram);
  const std::string told = text.take();
  CHECK(told.find("herald_t_seconds_bucket{a=\"b\",le=\"0.0003\"} 0\n") != std::string::npos);
  CHECK(told.find("herald_t_seconds_bucket{a=\"b\",le=\"0.001\"} 1\n") != std::string::npos);
  CHECK(told.find("herald_t_seconds_bucket{a=\"b\",le=\"30.0\"} 2\n") != std::string::npos);
  CHECK(told.find("herald_t_seconds_bucket{a=\"b\",le=\"+Inf\"} 3\n") != std::string::npos);
  CHECK(told.find("herald_t_seconds_sum{a=\"b\"} 60.003\n") != std::string::npos);
  CHECK(told.ends_with("herald_t_seconds_count{a=\"b\"} 3\n"));
}

}  // namespace
}  // namespace exposition_test
