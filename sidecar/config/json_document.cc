#include "sidecar/config/json_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace herald {

namespace {

using nlohmann::json;

constexpr std::size_t kMostDuplicates = 20;

// What the JSON library says (a part of it), and what helps somebody who edits the file. The first match
// counts.
struct Wording {
  std::string_view theirs;
  std::string_view ours;
};
constexpr std::array<Wording, 16> kWordings{
    {{"unexpected end of input", "the file ends too early; a closing } or ] is missing"},
     {"expected end of input", "the document has ended before this"},
     {"parsing object key - unexpected '}'", "the comma before this } is one too many"},
     {"parsing object key -", "a key must be in double quotes"},
     {"parsing object separator -", "a colon is missing before this"},
     {"parsing object - unexpected string literal", "a comma is missing before this"},
     {"parsing object - unexpected", "expected a comma or }"},
     {"parsing array - unexpected", "expected a comma or ]"},
     {"parsing value - unexpected ']'", "a value is missing before this ], or a comma is one too many"},
     {"parsing value - unexpected '}'", "a value is missing before this }"},
     {"parsing value - invalid literal", "this is no JSON value; a string must be in double quotes"},
     {"U+000A (LF) must be escaped", "a string must end on its own line; a closing quote is missing"},
     {"missing closing quote", "the closing quote of a string is missing"},
     {"missing closing '*/'", "the closing */ of a comment is missing"},
     {"ill-formed UTF-8", "a string is not valid UTF-8"},
     {"number overflow", "the number is too large"}}};

// "line 3, column 5", both from 1; a column is a character, as editors count.
std::string place_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const auto column = 1 + std::ranges::count_if(before.substr(line_start), [](char c) {
                        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
                      });
  return fmt::format("line {}, column {}", line, column);
}

std::string reworded(std::string_view library_text) {
  for (const auto& wording : kWordings) {
    if (library_text.find(wording.theirs) != std::string_view::npos) return std::string(wording.ours);
  }
  // "[json.exception.parse_error.101] parse error at line 1, column 8: syntax error while parsing value -
  // invalid string: forbidden character after backslash; last read: '"\x'"
  const std::size_t reason = library_text.find(" - ");
  if (reason == std::string_view::npos) return "syntax error";
  const std::string_view tail = library_text.substr(reason + 3);
  return std::string(tail.substr(0, tail.find("; last read:")));
}

// Builds the document from the parser's events. The library's own builder knows neither duplicates nor
// limits.
class Builder : public nlohmann::json_sax<json> {
 public:
  Builder(std::string_view text, const std::string& file, std::vector<ConfigError>& errors)
      : text_(text), file_(file), errors_(errors) {}

  bool null() override { return add(nullptr) != nullptr; }
  bool boolean(bool value) override { return add(value) != nullptr; }
  bool number_integer(json::number_integer_t value) override { return add(value) != nullptr; }
  bool number_unsigned(json::number_unsigned_t value) override { return add(value) != nullptr; }
  bool number_float(json::number_float_t value, const std::string& /*text*/) override {
    return add(value) != nullptr;
  }
  bool string(std::string& value) override { return add(std::move(value)) != nullptr; }
  bool binary(json::binary_t& /*value*/) override { return false; }  // no JSON text has one
  bool start_object(std::size_t /*elements*/) override { return open(json::object()); }
  bool start_array(std::size_t /*elements*/) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& value) override;
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& error) override;

  json document = nullptr;

 private:
  // An object or array that is still open. Its parents do not grow before it closes, so the pointer holds.
  struct Level {
    json* node;
    std::string key;  // of the value that comes next, in an object
  };

  json* add(json value);
  bool open(json value);
  bool close();
  bool fail(std::string message);
  [[nodiscard]] std::string pointer_to_key() const;

  std::string_view text_;
  const std::string& file_;
  std::vector<ConfigError>& errors_;
  std::vector<Level> levels_;
  std::size_t values_ = 0;
  std::size_t duplicates_ = 0;
};

bool Builder::key(std::string& value) {
  Level& level = levels_.back();
  level.key = std::move(value);
  if (level.node->contains(level.key) && ++duplicates_ <= kMostDuplicates) {
    errors_.push_back({file_, pointer_to_key(), "duplicate key: this object has it twice"});
  }
  return true;
}

bool Builder::parse_error(std::size_t position, const std::string& token,
                          const nlohmann::detail::exception& error) {
  const std::string_view what = error.what();
  // `position` counts what was read, so it points behind what the parser did not expect. Only of strings and
  // numbers does `token` say how far back that began.
  const bool is_long = what.find("unexpected string") != std::string_view::npos ||
                       what.find("unexpected number") != std::string_view::npos;
  const std::size_t back = is_long ? std::max<std::size_t>(token.size(), 1) : 1;
  const std::size_t offset = std::min(position - std::min(back, position), text_.size());
  return fail(fmt::format("{}: {}", place_of(text_, offset), reworded(what)));
}

// The value in its place, or null once a limit is passed.
json* Builder::add(json value) {
  if (++values_ > kMostJsonValues) {
    fail(fmt::format("more than {} values", kMostJsonValues));
    return nullptr;
  }
  if (levels_.empty()) {
    document = std::move(value);
    return &document;
  }
  Level& level = levels_.back();
  if (level.node->is_array()) {
    level.node->push_back(std::move(value));
    return &level.node->back();
  }
  json& place = (*level.node)[level.key];
  place = std::move(value);
  return &place;
}

bool Builder::open(json value) {
  if (levels_.size() == kMostJsonDepth)
    return fail(fmt::format("nested deeper than {} levels", kMostJsonDepth));
  json* node = add(std::move(value));
  if (node != nullptr) levels_.push_back({node, ""});
  return node != nullptr;
}

bool Builder::close() {
  levels_.pop_back();
  return true;
}

bool Builder::fail(std::string message) {
  errors_.push_back({file_, "", std::move(message)});
  return false;
}

std::string Builder::pointer_to_key() const {
  json::json_pointer pointer;
  for (const auto& level : levels_) {
    if (level.node->is_array()) {
      pointer /= level.node->size() - 1;
    } else {
      pointer /= level.key;
    }
  }
  return pointer.to_string();
}

bool is_only_comments(std::string_view text) {
  // Whether the document is missing altogether: what is left after blanks and // comments.
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    if (!text.starts_with("//")) return text.empty();
    text.remove_prefix(std::min(text.find('\n'), text.size()));
  }
}

}  // namespace

std::optional<json> parse_json(std::string_view text, const std::string& file,
                               std::vector<ConfigError>& errors) {
  const auto refuse = [&](std::string message) {
    errors.push_back({file, "", std::move(message)});
    return std::nullopt;
  };
  if (text.size() > kMostFileBytes)
    return refuse(fmt::format("larger than {} MiB", kMostFileBytes / 1024 / 1024));
  if (text.empty()) return refuse("the file is empty");
  if (text.find('\0') != std::string_view::npos) return refuse("is not a text file: it has a NUL byte");
  if (is_only_comments(text)) return refuse("the file has only comments");
  Builder builder(text, file, errors);
  constexpr bool kStrict = true;
  constexpr bool kComments = true;
  if (!json::sax_parse(text, &builder, json::input_format_t::json, kStrict, kComments)) return std::nullopt;
  return std::move(builder.document);
}

}  // namespace herald
