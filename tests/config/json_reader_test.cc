#include "sidecar/config/json_reader.h"

#include <catch2/catch.hpp>
#include <limits>

#include "sidecar/core/config.h"

namespace json_reader_test {

using namespace std::chrono_literals;
using namespace herald;
using nlohmann::json;

namespace {

// A document, and what its reader has reported, as "pointer: message".
struct Fixture {
  json document;
  std::vector<ConfigError> errors;
  ObjectReader reader;

  explicit Fixture(std::string_view text) : document(json::parse(text)), reader(document, "f", "", errors) {}

  [[nodiscard]] std::vector<std::string> reports() const {
    std::vector<std::string> out;
    for (const auto& error : errors) {
      CHECK(error.file == "f");
      out.push_back(error.pointer + ": " + error.message);
    }
    return out;
  }
};

using Reports = std::vector<std::string>;

}  // namespace

TEST_CASE("values of the right type are read, and absent keys leave the default") {
  Fixture f(R"({"s": "text", "b": true, "d": 0.5, "u": 7, "t": "2s", "l": ["a", "b"], "c": "keep"})");
  std::string s;
  bool b = false;
  double d = 0;
  std::uint32_t u = 0;
  Duration t{};
  std::vector<std::string> l;
  std::size_t c = 9;
  CHECK(f.reader.read("s", s));
  CHECK(f.reader.read("b", b));
  CHECK(f.reader.read("d", d, 0, 1));
  CHECK(f.reader.read("u", u, 0, 7));
  CHECK(f.reader.read("t", t, 1s, 2s));
  CHECK(f.reader.read("l", l));
  CHECK(f.reader.read_choice("c", c, {"withdraw", "keep"}));
  CHECK(s == "text");
  CHECK(b);
  CHECK(d == 0.5);
  CHECK(u == 7);
  CHECK(t == 2s);
  CHECK(l == std::vector<std::string>{"a", "b"});
  CHECK(c == 1);
  CHECK_FALSE(f.reader.read("absent", s));
  CHECK(s == "text");
  f.reader.finish();
  CHECK(f.errors.empty());
}

TEST_CASE("a whole number reads as a double too") {
  Fixture f(R"({"d": 2, "n": -1})");
  double d = 0;
  CHECK(f.reader.read("d", d, 0, 5));
  CHECK(d == 2);
  CHECK(f.reader.read("n", d, -5, 5));
  CHECK(d == -1);
}

TEST_CASE("a word of an enumeration becomes its enumerator") {
  Fixture f(R"({"role": "info", "via": "brdc", "stack": 1})");
  Role role = Role::gate;
  Via via = Via::vtysh;
  Stack stack = Stack::bird;
  CHECK(f.reader.read("role", role));
  CHECK(role == Role::info);
  CHECK_FALSE(f.reader.read("via", via));
  CHECK(via == Via::vtysh);
  CHECK_FALSE(f.reader.read("stack", stack));
  CHECK_FALSE(f.reader.read("absent", stack));
  CHECK(stack == Stack::bird);
  f.reader.finish();
  CHECK(f.reports() ==
        Reports{R"(/via: must be "loopback", "vtysh" or "birdc", not "brdc"; did you mean "birdc"?)",
                R"(/stack: must be "frr", "bird" or "none", not 1)"});
}

TEST_CASE("wrong types and ranges are reported with what was found") {
  Fixture f(
      R"({"s": 1, "b": "true", "d": 1.5, "d2": "x", "u": 101, "u2": -1, "u3": 1.0, "u4": 18446744073709551616,
                "t": 5, "t2": "5", "t3": "2h", "t4": null, "l": "a", "l2": ["a", 1, "b", {}], "c": "kep", "c2": []})");
  std::string s = "as it was";
  bool b = false;
  double d = 0;
  std::uint32_t u = 0;
  Duration t{};
  std::vector<std::string> l;
  std::size_t c = 9;
  CHECK_FALSE(f.reader.read("s", s));
  CHECK_FALSE(f.reader.read("b", b));
  CHECK_FALSE(f.reader.read("d", d, 0, 1));
  CHECK_FALSE(f.reader.read("d2", d, 0, 1));
  for (const auto* key : {"u", "u2", "u3", "u4"}) CHECK_FALSE(f.reader.read(key, u, 1, 100));
  for (const auto* key : {"t", "t2", "t3", "t4"}) CHECK_FALSE(f.reader.read(key, t, 1s, 1h));
  CHECK_FALSE(f.reader.read("l", l));
  CHECK_FALSE(f.reader.read("l2", l));
  CHECK_FALSE(f.reader.read_choice("c", c, {"withdraw", "keep"}));
  CHECK_FALSE(f.reader.read_choice("c2", c, {"gate", "degrade", "info"}));
  f.reader.finish();
  CHECK(s == "as it was");
  CHECK(l.empty());
  CHECK(c == 9);
  CHECK(f.reports() == Reports{"/s: must be a string, not 1", "/b: must be true or false, not \"true\"",
                               "/d: must be a number from 0 to 1, not 1.5",
                               "/d2: must be a number from 0 to 1, not \"x\"",
                               "/u: must be a whole number from 1 to 100, not 101",
                               "/u2: must be a whole number from 1 to 100, not -1",
                               "/u3: must be a whole number from 1 to 100, not 1.0",
                               "/u4: must be a whole number from 1 to 100, not 1.8446744073709552e+19",
                               "/t: must be a duration such as \"250ms\", \"1s\" or \"2m\", not 5",
                               "/t2: must be a duration such as \"250ms\", \"1s\" or \"2m\", not \"5\"",
                               "/t3: must be from 1s to 1h, not \"2h\"",
                               "/t4: must be a duration such as \"250ms\", \"1s\" or \"2m\", not null",
                               "/l: must be an array of strings, not \"a\"", "/l2/1: must be a string, not 1",
                               "/l2/3: must be a string, not an object",
                               "/c: must be \"withdraw\" or \"keep\", not \"kep\"; did you mean \"keep\"?",
                               "/c2: must be \"gate\", \"degrade\" or \"info\", not an array"});
}

TEST_CASE("unknown keys are reported with the near name") {
  Fixture f(R"({"fal": 3, "rise": 2, "zzz": 1, "a/b~c": 1, "": 0, "Fall": 1})");
  std::uint32_t number = 0;
  f.reader.read("rise", number, 1, 100);
  f.reader.read("fall", number, 1, 100);
  f.reader.finish();
  CHECK(f.reports() == Reports{"/: unknown key", "/Fall: unknown key; did you mean \"fall\"?",
                               "/a~1b~0c: unknown key", "/fal: unknown key; did you mean \"fall\"?",
                               "/zzz: unknown key"});
}

TEST_CASE("a hostile object cannot make an endless report") {
  json document = json::object();
  for (int i = 0; i < 50'000; ++i) document["key" + std::to_string(i)] = 0;
  document["list"] = json::array();
  for (int i = 0; i < 50'000; ++i) document["list"].push_back(i);
  std::vector<ConfigError> errors;
  ObjectReader reader(document, "f", "", errors);
  std::vector<std::string> list;
  CHECK_FALSE(reader.read("list", list));
  CHECK(errors.size() == 20);
  reader.finish();
  CHECK(errors.size() == 41);
  CHECK(errors.back().message == "49980 more unknown keys");
}

TEST_CASE("nested objects have pointers of their own") {
  Fixture f(
      R"({"window": {"fail": 0, "off": 1}, "bad": [], "probes": [{"x": 1}, 5, {"name": "y"}], "p2": {}})");
  auto window = f.reader.object("window");
  REQUIRE(window);
  std::uint32_t number = 0;
  window->read("fail", number, 1, 9);
  window->read("of", number, 1, 9);
  window->finish();
  CHECK_FALSE(f.reader.object("bad"));
  CHECK_FALSE(f.reader.object("absent"));
  std::vector<std::size_t> visited;
  CHECK(f.reader.each_object("probes", [&](ObjectReader& element, std::size_t index) {
    visited.push_back(index);
    element.require("name");
    element.finish();
  }));
  CHECK(visited == std::vector<std::size_t>{0, 2});
  CHECK_FALSE(f.reader.each_object("p2", [](ObjectReader&, std::size_t) {}));
  CHECK_FALSE(f.reader.each_object("p3", [](ObjectReader&, std::size_t) {}));
  f.reader.finish();
  CHECK(f.reports() == Reports{"/window/fail: must be a whole number from 1 to 9, not 0",
                               "/window/off: unknown key; did you mean \"of\"?",
                               "/bad: must be an object, not an array", "/probes/0: \"name\" is required",
                               "/probes/0/x: unknown key", "/probes/1: must be an object, not 5",
                               "/p2: must be an array of objects, not an object"});
}

TEST_CASE("what is no object reads as an empty one") {
  const json document = "text";
  std::vector<ConfigError> errors;
  ObjectReader reader(document, "f", "/a", errors);
  std::string s;
  CHECK_FALSE(reader.read("s", s));
  reader.finish();
  CHECK(errors == std::vector<ConfigError>{{"f", "/a", "must be an object, not \"text\""}});
}

TEST_CASE("keys of a later release are refused, and never suggested") {
  Fixture f(R"({"drain": {}, "drian": 1})");
  f.reader.not_yet("drain");
  f.reader.not_yet("http");
  f.reader.finish();
  CHECK(f.reports().front() == "/drain: not available in this release");
  Fixture g(R"({"htp": 1})");
  g.reader.not_yet("http");
  g.reader.finish();
  CHECK(g.reports() == Reports{"/htp: unknown key"});
}

TEST_CASE("an error is one line that says where") {
  CHECK(to_string(ConfigError{"f.json", "/a/0", "is wrong"}) == "f.json: /a/0: is wrong");
  CHECK(to_string(ConfigError{"f.json", "", "is wrong"}) == "f.json: is wrong");
  CHECK(to_string(ConfigError{"", "/a", "is wrong"}) == "/a: is wrong");
  CHECK(to_string(ConfigError{"", "", "is wrong"}) == "is wrong");
  CHECK(to_string(ConfigError{"f", "/" + std::string(5000, 'k'), "x"}) ==
        "f: /" + std::string(299, 'k') + "...: x");
  CHECK(to_string(ConfigError{"f\n", "/\x1b[31m", "x\ry"}) == "f\\n: /\\x1b[31m: x\\ry");
}

TEST_CASE("nothing of a hostile file reaches the terminal raw") {
  const std::string hostile = "k\u202e\u009b\xff";
  CHECK(to_string(ConfigError{hostile, "/" + hostile, "no " + hostile}) ==
        R"(k\u202e\u009b\xff: /k\u202e\u009b\xff: no k\u202e\u009b\xff)");
  Fixture f("{\"k\u202e\": 1, \"s\": \"\u009b31m\"}");
  bool s = false;
  f.reader.read("s", s);
  f.reader.finish();
  REQUIRE(f.errors.size() == 2);
  CHECK(to_string(f.errors[0]) == R"(f: /s: must be true or false, not "\u009b31m")");
  CHECK(to_string(f.errors[1]) == R"(f: /k\u202e: unknown key)");
}

TEST_CASE("values are quoted on one line and shortened") {
  CHECK(shown("a\nb\"") == R"("a\nb\"")");
  CHECK(shown(std::string(100, 'x')) == "\"" + std::string(60, 'x') + "...\"");
  std::string accents = "x";
  for (int i = 0; i < 100; ++i) accents += "\xc3\xa9";
  CHECK(shown(accents) == "\"" + accents.substr(0, 1 + 59 * 2) + "...\"");
  CHECK(shown("\xff") == "\"\xef\xbf\xbd\"");
  CHECK(shown(nullptr) == "null");
  CHECK(shown(json::object()) == "an object");
  CHECK(shown(1e300) == "1e+300");
}

}  // namespace json_reader_test
