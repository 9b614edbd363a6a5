#include "sidecar/text/plain_text.h"

#include <fmt/format.h>
#include <sys/types.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace herald {
namespace {

constexpr std::string_view kDots = "...";
constexpr std::size_t kNoEnd = std::numeric_limits<std::size_t>::max();

struct Character {
  std::string_view bytes;
  utf8proc_int32_t code = -1;  // -1: a byte that is no UTF-8
};

Character first_character(std::string_view text) {
  Character first{text.substr(0, 1)};
  const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &first.code);
  if (size > 0) first.bytes = text.substr(0, static_cast<std::size_t>(size));
  return first;
}

std::size_t width_of(const Character& character) {
  if (character.code < 0) return 1;
  return static_cast<std::size_t>(std::max(utf8proc_charwidth(character.code), 0));
}

// Controls, what is invisible or changes the direction, separators that terminals take for line ends; and what Unicode
// has not given a meaning (yet), so that nobody knows what it looks like.
bool is_unfit(utf8proc_int32_t code) {
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    default:
      return false;
  }
}

// Empty: the character is shown as it is.
std::string escape_of(const Character& character) {
  if (character.code < 0) return fmt::format("\\x{:02x}", static_cast<std::uint8_t>(character.bytes.front()));
  if (!is_unfit(character.code)) return {};
  switch (character.code) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return character.code < 0x80 ? fmt::format("\\x{:02x}", character.code)
                                   : fmt::format("\\u{:04x}", character.code);
  }
}

// What is left of so many columns; as many marks without a width fit in, or a line of them had no end.
class Room {
 public:
  explicit Room(std::size_t most) : columns_(most), marks_(most) {}

  bool take(std::size_t width) {
    if (width > columns_ || (width == 0 && marks_ == 0)) return false;
    columns_ -= width;
    if (width == 0) --marks_;
    return true;
  }

 private:
  std::size_t columns_;
  std::size_t marks_;
};

}  // namespace

std::string printable(std::string_view text) {
  return printable(text, kNoEnd);
}

std::string printable(std::string_view text, std::size_t most) {
  std::string out;
  out.reserve(std::min(text.size(), most));
  Room room(most);
  while (!text.empty()) {
    const Character character = first_character(text);
    const std::string escape = escape_of(character);
    if (!room.take(escape.empty() ? width_of(character) : escape.size())) return out + std::string(kDots);
    out += escape.empty() ? character.bytes : std::string_view(escape);
    text.remove_prefix(character.bytes.size());
  }
  return out;
}

std::size_t columns(std::string_view text) {
  std::size_t sum = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    sum += width_of(character);
    text.remove_prefix(character.bytes.size());
  }
  return sum;
}

std::string_view start_of(std::string_view text, std::size_t most) {
  Room room(most);
  std::size_t end = 0;
  while (end < text.size()) {
    const Character character = first_character(text.substr(end));
    if (!room.take(width_of(character))) break;
    end += character.bytes.size();
  }
  return text.substr(0, end);
}

std::string cut(std::string_view text, std::size_t most) {
  if (start_of(text, most).size() == text.size()) return std::string(text);
  if (most <= kDots.size()) return std::string(kDots.substr(0, most));
  return std::string(start_of(text, most - kDots.size())) + std::string(kDots);
}

}  // namespace herald
