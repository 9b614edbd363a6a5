#include "probes/pattern.h"

#include <catch2/catch.hpp>

#include "sidecar/config/json_reader.h"

namespace pattern_test {

using namespace herald;
using namespace herald::probes;

TEST_CASE("patterns are found anywhere, in linear time") {
  const auto pattern = Pattern::compile("o+k$");
  REQUIRE(pattern);
  CHECK(pattern->is_in("all is ook"));
  CHECK_FALSE(pattern->is_in("ok then"));
  CHECK(Pattern::compile("")->is_in("anything"));
  CHECK_FALSE(Pattern::compile("(a"));
  CHECK_FALSE(Pattern::compile(std::string(5000, 'a')));
  CHECK_FALSE(Pattern::compile("((a{100}){100}){100}"));
  const auto catastrophic = Pattern::compile("(a+)+$");
  REQUIRE(catastrophic);
  CHECK_FALSE(catastrophic->is_in(std::string(60000, 'a') + "b"));
  CHECK(Pattern::compile("ready")->is_in("\xff\xfe\x80 ready"));
}

TEST_CASE("over bytes each byte is a character, and \\x80 is the byte everywhere") {
  const auto finds = [](const std::string& text, const std::string& in,
                        PatternOver over = PatternOver::bytes) {
    const auto pattern = Pattern::compile(text, over);
    REQUIRE(pattern);
    return pattern->is_in(in);
  };
  CHECK(finds(R"(^\x80\xff$)", "\x80\xff"));
  CHECK(finds(R"(^\x80\xff$)", "\x80\xff", PatternOver::text));
  CHECK(finds(R"(\x80)", "\xc2\x80", PatternOver::text));  // the byte is in what UTF-8 makes of U+0080
  CHECK(finds(R"(\x{80}$)", "\x80"));
  CHECK(finds(R"(\377)", "\xff"));
  CHECK(finds(R"([\xf0-\xff]{2})", "\xfd\xfb"));
  CHECK(finds("^.{4}$", std::string("\xff\0\x80z", 4)));
  CHECK_FALSE(finds("^.{4}$", std::string("\xff\0\x80z", 4), PatternOver::text));
  CHECK(finds("^.{3}$", "\u00e9t\u00e9", PatternOver::text));
  // With letters it is text all the same.
  CHECK(finds("^[\u00e4\u00f6]$", "\u00f6"));
  CHECK(finds(R"(^\pL+$)", "\u00e9t\u00e9"));
  // What is escaped is no escape.
  CHECK(finds(R"(\\x80)", "\\x80"));
  CHECK_THAT(Pattern::compile("\u00e9\\x80").error(),
             Catch::Matchers::Contains("beside letters beyond ASCII"));
  CHECK_FALSE(Pattern::compile(R"(\pL\xff)", PatternOver::bytes));
}

TEST_CASE("a key that is no expression is reported with the reason") {
  const auto json = nlohmann::json::parse(R"({"good": "^ok", "bad": "(", "number": 7})");
  std::vector<ConfigError> errors;
  ObjectReader keys(json, "", "", errors);
  std::optional<Pattern> pattern;
  read_pattern(keys, "absent", pattern);
  CHECK_FALSE(pattern);
  read_pattern(keys, "good", pattern);
  REQUIRE(pattern);
  CHECK(pattern->text() == "^ok");
  CHECK(errors.empty());
  read_pattern(keys, "bad", pattern);
  read_pattern(keys, "number", pattern);
  REQUIRE(errors.size() == 2);
  CHECK(errors[0].message == "is not a regular expression (RE2 syntax): missing ): (");
  CHECK(errors[1].pointer == "/number");
  CHECK(pattern->text() == "^ok");
}

}  // namespace pattern_test
