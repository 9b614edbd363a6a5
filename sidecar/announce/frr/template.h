// Router configuration out of templates, which an operator may replace by files of the same name. The syntax is small and
// strict, so that what is misspelt is an error with file and line, never a line that silently stays away:
//
//   {{name}}      at any place: the value
//   {{?name}}     at the start of a line: the line is kept only where the value is set (a list: where it has elements)
//   {{#list}}     at the start of a line: the line is repeated for each element, whose fields are placeholders in it
//
// All else is copied, comments (`!`, `#`) too. Each kind of template says which placeholders it has, which of them may
// be unset, and which have to occur. Pure, but for load_template().
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace herald {

constexpr std::size_t kMostTemplateBytes = 65'536;

struct Placeholder {
  std::string_view name;
  enum class Kind : std::uint8_t {
    text,      // always has a value
    optional,  // may be unset: a line that uses it begins with {{?name}}
    list
  };
  Kind kind = Kind::text;
  std::string_view of = {};  // the list that this is a field of: known in that list's lines alone
  bool must_occur = true;
};

// One file that herald renders.
struct TemplateKind {
  std::string_view file;  // "route-map.conf"
  std::span<const Placeholder> placeholders;
};

struct TemplateError {
  std::string file;
  std::size_t line = 0;
  std::string message;

  bool operator==(const TemplateError&) const = default;
};

// "/etc/herald/frr-templates/route-map.conf:3: unknown placeholder {{medd}}; did you mean {{med}}?"
[[nodiscard]] std::string to_string(const TemplateError& error);

// Values come from a checked Config: they hold no control characters. An optional one that is unset is absent.
using TemplateFields = std::map<std::string, std::string, std::less<>>;
struct TemplateValues {
  TemplateFields texts;
  std::map<std::string, std::vector<TemplateFields>, std::less<>> lists;
};

class Template {
 public:
  // All errors of the text; `file` only names it in them. The kind outlives the template.
  [[nodiscard]] static std::expected<Template, std::vector<TemplateError>> parse(const TemplateKind& kind,
                                                                                 std::string_view text,
                                                                                 std::string file);

  // `values` has every placeholder of the kind that is not optional; anything else aborts.
  [[nodiscard]] std::string render(const TemplateValues& values) const;

 private:
  // A copied text, or a value where `is_value`.
  struct Piece {
    std::string text;
    bool is_value = false;
  };
  struct Line {
    char marker = 0;   // '?', '#' or none
    std::string name;  // of the marker
    std::vector<Piece> pieces;
  };
  class Parser;

  static void append(const Line& line, const TemplateValues& values, const TemplateFields* fields,
                     std::string& out);

  std::vector<Line> lines_;
};

// Takes the file of the kind from the first directory that has it. The error names that file, or all directories.
[[nodiscard]] std::expected<Template, std::vector<TemplateError>> load_template(
    const TemplateKind& kind, std::span<const std::filesystem::path> dirs);

// What rendered text tells a router line by line: without comments (`!`), blank lines and indentation.
[[nodiscard]] std::vector<std::string> commands_in(std::string_view rendered);

}  // namespace herald
