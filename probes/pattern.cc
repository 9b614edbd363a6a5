#include "probes/pattern.h"

#include <re2/re2.h>

#include <utility>

#include "sidecar/config/json_reader.h"

namespace herald::probes {
namespace {

constexpr int kMostMemory = 1 << 20;
constexpr std::size_t kLongest = 4096;

}  // namespace

std::expected<Pattern, std::string> Pattern::compile(const std::string& text) {
  if (text.size() > kLongest) return std::unexpected("longer than 4096 characters");
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMostMemory);
  options.set_never_capture(true);
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

void read_pattern(ObjectReader& keys, std::string_view key, std::optional<Pattern>& out) {
  std::string text;
  if (!keys.read(key, text)) return;
  auto pattern = Pattern::compile(text);
  if (!pattern) return keys.fail(key, "is not a regular expression (RE2 syntax): " + pattern.error());
  out = std::move(*pattern);
}

}  // namespace herald::probes
