#include "sidecar/announce/frr/template.h"

#include <array>
#include <catch2/catch.hpp>
#include <tuple>

#include "tests/os/temporary_directory.h"

namespace template_test {

using namespace herald;
namespace fs = std::filesystem;

namespace {

using Kind = Placeholder::Kind;

constexpr std::array kPlaceholders{
    Placeholder{"map"},
    Placeholder{.name = "med", .kind = Kind::optional, .must_occur = false},
    Placeholder{.name = "peers", .kind = Kind::list, .must_occur = false},
    Placeholder{.name = "peer", .kind = Kind::text, .of = "peers", .must_occur = false},
};
const TemplateKind kind_a{"a.conf", kPlaceholders};

std::vector<std::string> errors_of(const std::string& text, const TemplateKind& kind = kind_a) {
  const auto parsed = Template::parse(kind, text, "a.conf");
  std::vector<std::string> errors;
  if (!parsed) {
    for (const TemplateError& error : parsed.error()) errors.push_back(to_string(error));
  }
  return errors;
}

std::string rendered(const std::string& text, const TemplateValues& values) {
  CHECK(errors_of(text).empty());
  return Template::parse(kind_a, text, "a.conf")->render(values);
}

const TemplateValues all_set{.texts = {{"map", "M"}, {"med", "7"}},
                             .lists = {{"peers", {{{"peer", "10.0.0.1"}}, {{"peer", "10.0.0.2"}}}}}};
const TemplateValues none_set{.texts = {{"map", "M"}}, .lists = {{"peers", {}}}};

}  // namespace

TEST_CASE("a template's values, optional lines and lists") {
  const std::string text =
      "! {{map}}'s\n"
      "route-map {{map}} permit 10 # {{map}}\n"
      "{{?med}} set metric {{med}}\n"
      "\n"
      "{{#peers}} neighbor {{peer}} {{map}}\n"
      "{{?peers}} peers\n"
      "f { x; }; }} {";
  CHECK(rendered(text, all_set) ==
        "! M's\nroute-map M permit 10 # M\n set metric 7\n\n neighbor 10.0.0.1 M\n neighbor 10.0.0.2 M\n "
        "peers\n"
        "f { x; }; }} {\n");
  CHECK(rendered(text, none_set) == "! M's\nroute-map M permit 10 # M\n\nf { x; }; }} {\n");
  // A value is not read again.
  CHECK(rendered("{{map}}", {.texts = {{"map", "{{med}}"}}, .lists = {}}) == "{{med}}\n");
}

TEST_CASE("errors of a template name file, line and what is allowed") {
  const std::string allowed = "allowed here: map, ?med, #peers";
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases{
      {"{{map}}\n{{mapp}}", {"a.conf:2: unknown placeholder {{mapp}}; did you mean {{map}}? " + allowed}},
      {"{{map}}\n{{?nothing}}", {"a.conf:2: unknown placeholder {{?nothing}}; " + allowed}},
      {"{{map}}{{ map }}", {"a.conf:1: unknown placeholder {{ map }}; did you mean {{map}}? " + allowed}},
      {"{{map}} {{}}", {"a.conf:1: unknown placeholder {{}}; " + allowed}},
      {"x\n\n", {"a.conf:2: {{map}} has to occur, and does not"}},
      {"", {"a.conf: {{map}} has to occur, and does not"}},
      {"{{map}}\n x {{map\n}}", {"a.conf:2: \"{{\" without \"}}\" in the same line: {{map"}},
      {"{{map}}\n\n set {{med}}", {"a.conf:3: med may be unset; begin the line with {{?med}}"}},
      {"{{map}}\n {{?med}} {{med}}",
       {"a.conf:2: {{?med}} may only stand at the start of a line",
        "a.conf:2: med may be unset; begin the line with {{?med}}"}},
      {"{{#map}} {{map}}", {"a.conf:1: map is no list; " + allowed}},
      {"{{?map}} {{map}}", {"a.conf:1: map always has a value; {{?map}} is for those that may be unset"}},
      {"{{map}} {{peers}}", {"a.conf:1: peers is a list; begin the line with {{#peers}}"}},
      {"{{map}} {{peer}}", {"a.conf:1: {{peer}} is known only in lines that begin with {{#peers}}"}},
      {"{{#peers}} {{med}} {{map}} {{pier}}",
       {"a.conf:1: med may be unset; begin the line with {{?med}}",
        "a.conf:1: unknown placeholder {{pier}}; did you mean {{peer}}? allowed here: map, ?med, #peers, "
        "peer"}},
      {"{{map}}\r\n\t\x7f",
       {"a.conf:1: control character 0x0d in column 8; only line breaks are allowed",
        "a.conf:2: control character 0x09 in column 1; only line breaks are allowed",
        "a.conf:2: {{map}} has to occur, and does not"}},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(errors_of(text) == expected);
  }
  CHECK(errors_of(std::string(kMostTemplateBytes + 1, 'x')) ==
        std::vector<std::string>{"a.conf: longer than 65536 bytes"});
}

TEST_CASE("a list that has to occur, and a field of it") {
  static constexpr std::array kNeeded{Placeholder{.name = "peers", .kind = Kind::list},
                                      Placeholder{.name = "peer", .kind = Kind::text, .of = "peers"}};
  const TemplateKind kind{"a.conf", kNeeded};
  CHECK(errors_of("{{#peers}} {{peer}}", kind).empty());
  CHECK(errors_of("{{#peers}} x\n", kind) ==
        std::vector<std::string>{"a.conf:1: {{peer}} has to occur in a line of {{#peers}}, and does not"});
  CHECK(errors_of("{{?peers}} x\n", kind) ==
        std::vector<std::string>{"a.conf:1: {{#peers}} has to occur, and does not",
                                 "a.conf:1: {{peer}} has to occur in a line of {{#peers}}, and does not"});
}

TEST_CASE("the operator's template wins by its name") {
  TemporaryDirectory directory;
  const fs::path own = directory.path() / "own";
  const fs::path shipped = directory.path() / "shipped";
  const std::vector dirs{own, shipped};
  const auto message = [&] { return to_string(load_template(kind_a, dirs).error().front()); };
  CHECK(message() == "a.conf: there is no such template in " + own.string() + " or " + shipped.string());
  std::ignore = directory.write("shipped/a.conf", "shipped {{map}}\n");
  CHECK(load_template(kind_a, dirs)->render(none_set) == "shipped M\n");
  std::ignore = directory.write("own/b.conf", "");
  std::ignore = directory.write("own/a.conf", "own {{map}}\n");
  CHECK(load_template(kind_a, dirs)->render(none_set) == "own M\n");
  std::ignore = directory.write("own/a.conf", "own {{mpa}}\n");
  CHECK(message().starts_with((own / "a.conf").string() + ":1: unknown placeholder {{mpa}}"));
  fs::remove(own / "a.conf");
  fs::create_directory(own / "a.conf");  // there, and no template: an error, not the other one
  CHECK(message().starts_with((own / "a.conf").string() + ": "));
}

TEST_CASE("commands in rendered text") {
  CHECK(commands_in("! why\nroute-map M permit 10\n\n  set metric 7  \n ! more\nexit") ==
        std::vector<std::string>{"route-map M permit 10", "set metric 7", "exit"});
  CHECK(commands_in("").empty());
}

}  // namespace template_test
