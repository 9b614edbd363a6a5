#include "sidecar/seen/metrics.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include "tests/seen/seen_fixture.h"
#include "tests/source_dir.h"

namespace metrics_test {

using namespace fixture;

namespace {

using seen::Format;

const char* const kPage = HERALD_SOURCE_DIR "/packaging/doc/metrics.md";
constexpr std::string_view kBegin = "<!-- table -->\n";

std::string page() {
  std::ifstream file(kPage);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("metrics: each family is told, has a name of its own and says what it is") {
  const std::string text = told(everything());
  std::set<std::string_view> names;
  for (const seen::Metric& metric : seen::all_metrics()) {
    INFO(metric.head.name);
    CHECK(names.insert(metric.head.name).second);
    CHECK(metric.head.help.ends_with('.'));
    CHECK(text.find("# HELP " + std::string(metric.head.name) + ' ') != std::string::npos);
    CHECK(metric.head.name.ends_with("_total") == (metric.head.type == seen::Type::counter));
  }
}

TEST_CASE("metrics: no label holds what somebody has said in words of his own") {
  CHECK(told(everything()).find("free text") == std::string::npos);
}

TEST_CASE("metrics: the pages together are the whole, each of whole families") {
  const Snapshot all = everything();
  const seen::Sample sample(all, kClocks);
  for (const Format format : {Format::prometheus, Format::openmetrics}) {
    std::string text;
    std::size_t pages = 0;
    std::optional<std::size_t> from = 0;
    while (from) {
      const seen::Page page = seen::metrics_page(sample, format, *from, 1000);
      CHECK((page.text.starts_with("# HELP ") || page.text == "# EOF\n"));
      text += page.text;
      from = page.next;
      ++pages;
    }
    CHECK(pages > 5);
    CHECK(text == told(all, format));
    CHECK(text.ends_with("# EOF\n") == (format == Format::openmetrics));
  }
  CHECK(seen::metrics_page(sample, Format::prometheus, 100000).text.empty());
}

// HERALD_WRITE_METRICS=1 writes the page anew.
TEST_CASE("metrics: the page of reference has this table") {
  const std::string before = page();
  const std::size_t at = before.find(kBegin);
  REQUIRE(at != std::string::npos);
  const std::string wanted = before.substr(0, at) + std::string(kBegin) + seen::metrics_reference();
  if (std::getenv("HERALD_WRITE_METRICS") != nullptr) std::ofstream(kPage) << wanted;
  CHECK(page() == wanted);
}

}  // namespace metrics_test
