#include "probes/pattern.h"

#include <re2/re2.h>

#include <utility>

#include "sidecar/config/json_reader.h"

namespace herald::probes {
namespace {

constexpr int kMostMemory = 1 << 20;
constexpr std::size_t kLongest = 4096;

struct Contents {
  bool has_bytes = false;    // \x80 to \xff
  bool has_letters = false;  // beyond ASCII, or a class of them
};

Contents contents_of(std::string_view text) {
  // "\xHH", "\x{HH}" with zeros before it, and octal.
  static const re2::RE2 byte(R"(\A\\(?:x[89a-fA-F][0-9a-fA-F]|x\{0*[89a-fA-F][0-9a-fA-F]\}|[23][0-7][0-7]))");
  Contents contents;
  for (std::size_t i = 0; i < text.size(); ++i) {
    contents.has_letters = contents.has_letters || static_cast<unsigned char>(text[i]) >= 0x80;
    if (text[i] != '\\' || i + 1 == text.size()) continue;
    const std::string_view rest = text.substr(i);
    contents.has_bytes =
        contents.has_bytes || re2::RE2::PartialMatch(re2::StringPiece(rest.data(), rest.size()), byte);
    contents.has_letters = contents.has_letters || rest[1] == 'p' || rest[1] == 'P';
    if (static_cast<unsigned char>(rest[1]) < 0x80) ++i;  // what is escaped begins no escape
  }
  return contents;
}

}  // namespace

std::expected<Pattern, std::string> Pattern::compile(const std::string& text, PatternOver over) {
  if (text.size() > kLongest) return std::unexpected("longer than 4096 characters");
  const Contents contents = contents_of(text);
  if (contents.has_bytes && contents.has_letters) {
    return std::unexpected(
        R"(has bytes (\x80 to \xff) beside letters beyond ASCII: write these as bytes too)");
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMostMemory);
  options.set_never_capture(true);
  const bool is_over_bytes = contents.has_bytes || (over == PatternOver::bytes && !contents.has_letters);
  if (is_over_bytes) options.set_encoding(re2::RE2::Options::EncodingLatin1);
  auto expression = std::make_unique<re2::RE2>(text, options);
  if (!expression->ok()) return std::unexpected(expression->error());
  return Pattern(std::move(expression));
}

Pattern::Pattern(std::unique_ptr<re2::RE2> expression) : expression_(std::move(expression)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

bool Pattern::is_in(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *expression_);
}

const std::string& Pattern::text() const {
  return expression_->pattern();
}

void read_pattern(ObjectReader& keys, std::string_view key, std::optional<Pattern>& out, PatternOver over) {
  std::string text;
  if (!keys.read(key, text)) return;
  auto pattern = Pattern::compile(text, over);
  if (!pattern) return keys.fail(key, "is not a regular expression (RE2 syntax): " + pattern.error());
  out = std::move(*pattern);
}

}  // namespace herald::probes
