#include "sidecar/text/plain_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

namespace herald {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Controls, zero-width and direction marks, separators that terminals take for line ends, byte order marks,
// tags.
constexpr std::array kUnfit{Range{0x00, 0x1f},     Range{0x7f, 0x9f},     Range{0xad, 0xad},
                            Range{0x61c, 0x61c},   Range{0x200b, 0x200f}, Range{0x2028, 0x202e},
                            Range{0x2060, 0x206f}, Range{0xfeff, 0xfeff}, Range{0xe0000, 0xe007f}};

struct Character {
  char32_t code = 0;
  std::size_t size = 0;  // bytes; 0: no UTF-8
};

// The smallest code point of each length: anything less is an overlong form.
constexpr std::array<char32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};

Character first_character(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text.front());
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  char32_t code = lead & (0xffU >> (size + 1));
  for (const char next : text.substr(1, size - 1)) {
    const auto byte = static_cast<std::uint8_t>(next);
    if ((byte & 0xc0U) != 0x80) return {};
    code = (code << 6U) | (byte & 0x3fU);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kLeast[size] || code > 0x10ffff || surrogate) return {};
  return {code, size};
}

void append_escape(std::string& out, char32_t code) {
  switch (code) {
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default: {
      const auto number = static_cast<std::uint32_t>(code);
      out += number < 0x80 ? fmt::format("\\x{:02x}", number) : fmt::format("\\u{:04x}", number);
    }
  }
}

bool is_unfit(char32_t code) {
  return std::ranges::any_of(kUnfit,
                             [&](const Range& range) { return code >= range.first && code <= range.last; });
}

bool continues_character(char c) {
  return (static_cast<std::uint8_t>(c) & 0xc0U) == 0x80;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.size == 0) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<std::uint8_t>(text.front()));
    } else if (is_unfit(character.code)) {
      append_escape(out, character.code);
    } else {
      out += text.substr(0, character.size);
    }
    text.remove_prefix(std::max<std::size_t>(character.size, 1));
  }
  return out;
}

std::size_t columns(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues_character));
}

std::string cut(std::string_view text, std::size_t most) {
  if (columns(text) <= most) return std::string(text);
  constexpr std::string_view kDots = "...";
  if (most <= kDots.size()) return std::string(kDots.substr(0, most));
  std::size_t left = most - kDots.size();
  std::size_t end = 0;
  while (end < text.size()) {
    if (!continues_character(text[end]) && left-- == 0) break;
    ++end;
  }
  return std::string(text.substr(0, end)) + std::string(kDots);
}

}  // namespace herald
