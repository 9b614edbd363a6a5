#include "probes/pattern.h"

#include <catch2/catch.hpp>

#include "sidecar/config/json_reader.h"

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
