#include "sidecar/announce/router/json_member.h"

#include <catch2/catch.hpp>

#include "tests/announce/type_swap.h"

namespace herald::json_member_test {
namespace {

using nlohmann::json;

constexpr std::string_view kNoJson = "what it printed is not JSON";

TEST_CASE("the objects of a text, whatever stands between them") {
  CHECK(json_documents("")->empty());
  CHECK(json_documents("% no such table\n]")->empty());
  const auto found = json_documents("show x\r\n{\"a\": {\"b\": \"}\\\"{\"}}{}\n% warning\n{\"c\": [1, {}]} ");
  REQUIRE(found);
  CHECK(*found == std::vector<json>{{{"a", {{"b", "}\"{"}}}}, json::object(), {{"c", {1, json::object()}}}});
}

TEST_CASE("what is cut off, or is no JSON, is an error, also behind what is sound") {
  for (const char* text :
       {"{", "{}{", "{\"a\": \"}", "{\"a\": [1, 2}", "{a: 1}", "{} {\"a\": 1,}", "{]}", "{\"\\"}) {
    CAPTURE(text);
    const auto found = json_documents(text);
    REQUIRE_FALSE(found);
    CHECK(found.error() == kNoJson);
  }
}

TEST_CASE("64 levels are read, and one more is refused") {
  const auto nested = [](int lists) {
    return "{\"a\": " + std::string(lists, '[') + std::string(lists, ']') + "}";
  };
  CHECK(json_documents(nested(63)));
  CHECK(json_documents(nested(64)).error() == kNoJson);
  CHECK(json_documents("{\"a\": \"" + std::string(1000, '[') + "\"}"));  // brackets of a text are none
}

TEST_CASE("a description in Latin-1 does not hide the rest") {
  const auto found = json_documents("{\"desc\": \"M\xfcnchen\", \"as\": 65001}");
  REQUIRE(found);
  CHECK(found->front() == json{{"desc", "M?nchen"}, {"as", 65001}});
  CHECK(json_documents("{\"desc\": \"M\u00fcnchen\"}")->front() == json{{"desc", "M\u00fcnchen"}});
}

TEST_CASE("members are read by their types, and what is missing is empty") {
  const json document =
      json::parse(R"({"text": "x", "number": 7, "flag": true, "object": {"deep": "y"}, "null": null})");
  std::optional<std::string> problem;
  const JsonMember member(document, problem);
  CHECK(member.has("null"));
  CHECK_FALSE(member.has("nothing"));
  CHECK_FALSE(member.empty());
  CHECK(member.text_at("text") == "x");
  CHECK(member.number_at("number") == 7U);
  CHECK(member.count_at("number") == 7U);
  CHECK(member.flag_at("flag"));
  CHECK(member.object_at("object").text_at("deep") == "y");
  CHECK(member.text_at("nothing").empty());
  CHECK_FALSE(member.number_at("nothing"));
  CHECK_FALSE(member.count_at("nothing"));
  CHECK_FALSE(member.count_at("text"));  // and is no problem
  CHECK_FALSE(member.flag_at("nothing"));
  CHECK(member.object_at("nothing").empty());
  member.each_of_list("nothing", [](const JsonMember&) { FAIL("there is none"); });
  CHECK_FALSE(problem);
}

TEST_CASE("a member of another type is a problem with its place, and reads as empty") {
  for (const json& value : json_values()) {
    const json document{{"a", {{"b", value}}}};
    const auto problem_of = [&](const auto& read) {
      std::optional<std::string> problem;
      read(JsonMember(document, problem).object_at("a"));
      return problem.value_or("");
    };
    const auto expected = [](bool fits, const char* type) {
      return fits ? std::string() : std::string("a.b is no ") + type;
    };
    INFO(value.type_name());
    CHECK(problem_of([](const JsonMember& m) { (void)m.text_at("b"); }) ==
          expected(value.is_string(), "text"));
    // A document that is parsed has numbers from 0 on as unsigned ones; a literal of C++ is signed.
    const bool unsigned_number = value.is_number_unsigned();
    CHECK(problem_of([](const JsonMember& m) { (void)m.number_at("b"); }) ==
          expected(unsigned_number, "number from 0 on"));
    CHECK(problem_of([](const JsonMember& m) { (void)m.flag_at("b"); }) ==
          expected(value.is_boolean(), "true or false"));
    CHECK(problem_of([](const JsonMember& m) { CHECK_FALSE(m.object_at("b").has("x")); }) ==
          (value.is_object() ? "" : "a.b is no object"));
    CHECK(problem_of([](const JsonMember& m) { m.each_of_list("b", [](const JsonMember&) {}); }) ==
          (!value.is_array() ? "a.b is no list"
           : value.empty()   ? ""
                             : "a.b.0 is no object"));
  }
}

TEST_CASE("of several problems the first is kept; one without a place is said as it is") {
  std::optional<std::string> problem;
  const json document =
      json::parse(R"({"x": -1, "list": [{"y": 1}, {"y": true}], "peers": {"10.1.1.4": []}})");
  const JsonMember member(document, problem);
  CHECK_FALSE(member.number_at("x"));
  std::vector<std::string> texts;
  member.each_of_list("list", [&](const JsonMember& each) { texts.push_back(each.text_at("y")); });
  CHECK(texts == std::vector<std::string>{"", ""});
  CHECK(problem == "x is no number from 0 on");

  problem.reset();
  member.object_at("peers").each_member([](const std::string& key, const JsonMember& each) {
    CHECK(key == "10.1.1.4");
    CHECK(each.empty());
  });
  CHECK(problem == "peers.10.1.1.4 is no object");

  problem.reset();
  (void)member.object_at("list");
  CHECK(problem == "list is no object");
  problem.reset();
  member.each_of_list("list", [](const JsonMember& each) { each.fail("has no paths"); });
  CHECK(problem == "list.0 has no paths");

  problem.reset();
  const json list = json::array();
  CHECK(JsonMember(list, problem).empty());
  CHECK(problem == "is no object");
}

}  // namespace
}  // namespace herald::json_member_test
