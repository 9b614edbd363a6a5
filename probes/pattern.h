// A regular expression of the configuration: RE2 syntax, found anywhere in the text, in time linear in it.
//
// Over text, characters are those of UTF-8; over bytes, each byte is one, whatever it is part of. "\x80" to "\xff" in an expression
// is the byte, and makes it one over bytes. Over bytes an expression with letters beyond ASCII, or their classes (\pL), stays one over
// text, as it can mean nothing else.
//
// It refuses expressions that need more memory than a health check should, and those that mix such bytes and letters.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace herald {

class ObjectReader;

namespace probes {

enum class PatternOver : std::uint8_t { text, bytes };

class Pattern {
 public:
  // The error is a line for people.
  static std::expected<Pattern, std::string> compile(const std::string& text,
                                                     PatternOver over = PatternOver::text);

  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  [[nodiscard]] bool is_in(std::string_view text) const;
  [[nodiscard]] const std::string& text() const;
  bool operator==(const Pattern& other) const { return text() == other.text(); }

 private:
  explicit Pattern(std::unique_ptr<re2::RE2> expression);
  std::unique_ptr<re2::RE2> expression_;
};

// Reads a key that is an expression; what is wrong with it is reported.
void read_pattern(ObjectReader& keys, std::string_view key, std::optional<Pattern>& out,
                  PatternOver over = PatternOver::text);

}  // namespace probes
}  // namespace herald
