// A regular expression of the configuration: RE2 syntax, found anywhere in the text, in time linear in it.
//
// It refuses expressions that need more memory than a health check should.
#pragma once

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

class Pattern {
 public:
  // The error is a line for people.
  static std::expected<Pattern, std::string> compile(const std::string& text);

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
void read_pattern(ObjectReader& keys, std::string_view key, std::optional<Pattern>& out);

}  // namespace probes
}  // namespace herald
