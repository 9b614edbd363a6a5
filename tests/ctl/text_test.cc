// Values of what heraldd answers, which may be anything, and the tables that are made of them.
#include "sidecar/ctl/text.h"

#include <catch2/catch.hpp>

#include "tests/announce/type_swap.h"

namespace herald::text_test {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;
using ctl::line;
using ctl::Table;

TEST_CASE("columns stand one below the other, however wide the characters of a cell are") {
  Table table;
  table.add({{"web"}, {"announced"}, {"a"}});
  table.add({{"東京"}, {"u\u0308ber"}, {"b"}});
  table.add({{"\U0001F600"}, {"held"}, {"c"}});
  CHECK(table.text({}) ==
        "web   announced  a\n"
        "東京  u\u0308ber       b\n"
        "\U0001F600    held       c\n");
}

TEST_CASE("what is wrapped takes no more columns than there are") {
  CHECK(line("東京 東京 東京", {.width = 11}) ==
        "東京 東京\n"
        "    東京\n");
  CHECK(line("東京東京東京", {.width = 9}) ==
        "東京東京\n"
        "    東京\n");
  // Where nothing has room the terminal wraps.
  CHECK(line("東京東京", {.width = 4}) == "東京東京\n");
}

TEST_CASE("lists of texts: what is none is left out, and the rest is fit to be shown") {
  const ctl::Report report{{"steps", {"a\n", 5, nullptr, {{"x", 1}}, "b"}}};
  CHECK(ctl::texts_at(report, "steps") == Texts{"a\\n", "b"});
  CHECK(ctl::joined_at(report, "steps") == "a\\n, b");
  CHECK(ctl::texts_at(report, "commands").empty());
}

TEST_CASE("a value of another type than expected is an empty one") {
  for (const nlohmann::json& value : json_values()) {
    INFO(value.type_name());
    const ctl::Report report{{"key", value}};
    CHECK(ctl::text_at(report, "key") == (value.is_string() ? value.get<std::string>() : ""));
    CHECK(ctl::count_at(report, "key") == 0);
    CHECK(ctl::number_at(report, "key") == (value.is_number() ? value.get<double>() : 0));
    CHECK(ctl::flag_at(report, "key").has_value() == value.is_boolean());
    CHECK(ctl::list_at(report, "key").is_array());
    CHECK(ctl::object_at(report, "key").is_object());
    CHECK(ctl::texts_at(report, "key").empty());
    CHECK_FALSE(ctl::time_at(report, "key"));
    CHECK(ctl::text_at(value, "key").empty());
  }
}

TEST_CASE("times are read exactly, spans are told roughly") {
  const auto read = [](const char* text) { return ctl::time_at({{"t", text}}, "t"); };
  CHECK(read("1970-01-01T00:00:01.250Z") == ctl::WallTime(1250ms));
  CHECK(read("1970-01-01T00:00:01Z") == ctl::WallTime(1s));
  for (const char* wrong : {"", "x", "1970-01-01", "1970-01-01T00:00:01.250", "1970-01-01T00:00:01.2x"}) {
    CHECK_FALSE(read(wrong));
  }
  CHECK(ctl::span_text(-5s) == "0.0s");
  CHECK(ctl::span_text(450ms) == "0.4s");
  CHECK(ctl::span_text(42s) == "42s");
  CHECK(ctl::span_text(3min + 59s) == "3m");
  CHECK(ctl::span_text(2h + 5min) == "2h 5m");
  CHECK(ctl::span_text(76h) == "3d 4h");
}

}  // namespace
}  // namespace herald::text_test
