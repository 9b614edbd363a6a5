#include "sidecar/config/json_document.h"

#include <catch2/catch.hpp>

namespace json_document_test {

using namespace herald;
using nlohmann::json;

namespace {

// What parse_json() reports, as "pointer: message"; the document if there is one.
struct Parsed {
  std::optional<json> document;
  std::vector<std::string> reports;

  explicit Parsed(std::string_view text) {
    std::vector<ConfigError> errors;
    document = parse_json(text, "f", errors);
    for (const auto& error : errors) reports.push_back(error.pointer + ": " + error.message);
  }
};

using Reports = std::vector<std::string>;

}  // namespace

TEST_CASE("documents are built as they are") {
  const std::string_view text =
      R"(// a comment
      {"a": [1, -2, 3.5, true, false, null, "x", [], {}, [[{"b": {}}]]], /* and one */ "c": 18446744073709551615})";
  const Parsed parsed(text);
  CHECK(parsed.reports.empty());
  CHECK(parsed.document == json::parse(text, nullptr, true, true));
  CHECK(Parsed("5").document == json(5));
  CHECK(Parsed("\xef\xbb\xbf{}").document == json::object());
}

TEST_CASE("syntax errors say where and what, in one line") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"{\"a\":1,}", "line 1, column 8: the comma before this } is one too many"},
      {"[1,\n 2,\n]", "line 3, column 1: a value is missing before this ], or a comma is one too many"},
      {"{\"a\":}", "line 1, column 6: a value is missing before this }"},
      {"{\"a\" 1}", "line 1, column 6: a colon is missing before this"},
      {"{a: 1}", "line 1, column 2: a key must be in double quotes"},
      {"{\n  'a': 1}", "line 2, column 3: a key must be in double quotes"},
      {"{,}", "line 1, column 2: a key must be in double quotes"},
      {"{\"a\": 1\n  \"bcd\": 2}", "line 2, column 3: a comma is missing before this"},
      {"{\"a\": 1]", "line 1, column 8: expected a comma or }"},
      {"[1 22]", "line 1, column 4: expected a comma or ]"},
      {"{\"a\": 01}", "line 1, column 8: expected a comma or }"},
      {"{\"a\": tru}", "line 1, column 10: this is no JSON value; a string must be in double quotes"},
      {"# x\n{}", "line 1, column 1: this is no JSON value; a string must be in double quotes"},
      {"\xff\xfe{", "line 1, column 1: this is no JSON value; a string must be in double quotes"},
      {"{\"a\": 1", "line 1, column 8: the file ends too early; a closing } or ] is missing"},
      {"{\"a\":", "line 1, column 6: the file ends too early; a closing } or ] is missing"},
      {"{}}", "line 1, column 3: the document has ended before this"},
      {"{} {}", "line 1, column 4: the document has ended before this"},
      {"{\"a\": \"b\n\"}", "line 1, column 9: a string must end on its own line; a closing quote is missing"},
      {"{\"a\": \"b", "line 1, column 9: the closing quote of a string is missing"},
      {"/* a", "line 1, column 5: the closing */ of a comment is missing"},
      {"{\"\xc3\xa9\": \"\xff\"}", "line 1, column 8: a string is not valid UTF-8"},
      {"{\"a\": 1e999}", "line 1, column 11: the number is too large"},
      {"{\"a\": \"\\x\"}", "line 1, column 9: invalid string: forbidden character after backslash"},
      {"{\"a\": -}", "line 1, column 8: invalid number; expected digit after '-'"},
      {"", "the file is empty"},
      {" \n\t// only\n // this", "the file has only comments"},
      {std::string("{\"a\": 1\0}", 9), "is not a text file: it has a NUL byte"},
      {std::string("\x7f"
                   "ELF\x02\x01\x01\0\0\0",
                   10),
       "is not a text file: it has a NUL byte"}};
  for (const auto& [text, expected] : cases) {
    INFO(text);
    const Parsed parsed(text);
    CHECK_FALSE(parsed.document);
    CHECK(parsed.reports == Reports{": " + expected});
  }
}

TEST_CASE("duplicate keys are all reported, each where it is") {
  const Parsed parsed(
      R"({"a": 1, "b": [{"c": 1}, {"c": 1, "c": 2}], "x/y": 1, "x/y": 2, "a": {"b": 1, "b": 1}})");
  CHECK(parsed.reports == Reports{"/b/1/c: duplicate key: this object has it twice",
                                  "/x~1y: duplicate key: this object has it twice",
                                  "/a: duplicate key: this object has it twice",
                                  "/a/b: duplicate key: this object has it twice"});
  CHECK(parsed.document.has_value());
}

TEST_CASE("depth, size and number of values have limits") {
  CHECK(Parsed(std::string(64, '[') + std::string(64, ']')).reports.empty());
  CHECK(Parsed(std::string(65, '[') + std::string(65, ']')).reports ==
        Reports{": nested deeper than 64 levels"});
  CHECK(Parsed(std::string(100'000, '[')).reports == Reports{": nested deeper than 64 levels"});
  std::string objects;
  for (int i = 0; i < 10'000; ++i) objects += "{\"a\":";
  CHECK(Parsed(objects).reports == Reports{": nested deeper than 64 levels"});
  CHECK(Parsed(std::string(kMostFileBytes + 1, ' ')).reports == Reports{": larger than 16 MiB"});
  std::string values = "[0";
  for (std::size_t i = 2; i < kMostJsonValues; ++i) values += ",0";
  CHECK(Parsed(values + "]").reports.empty());
  CHECK(Parsed(values + ",0]").reports == Reports{": more than 1000000 values"});
  std::string duplicates = "{\"a\":0";
  for (int i = 0; i < 1000; ++i) duplicates += ",\"a\":0";
  CHECK(Parsed(duplicates + "}").reports.size() == 20);
}

}  // namespace json_document_test
