// The words of enumerations, as users write and read them. Beside each enumeration that has any stands its one table:
//
//   enum class Role : std::uint8_t { gate, degrade, info };
//   [[nodiscard]] constexpr auto words_of(Role) {
//     using enum Role;
//     return std::to_array<Word<Role>>({{gate, "gate"}, {degrade, "degrade"}, {info, "info"}});
//   }
//
// and with it name_of() and from_name(), and a key of the configuration can be read (ObjectReader). Words and enumerators
// belong together by this table alone: neither's order means anything, but that messages list the words as it does.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <type_traits>

namespace herald {

template <typename Enum>
struct Word {
  Enum value;
  std::string_view word;
};

template <typename Enum>
concept Worded = std::is_enum_v<Enum> && requires(Enum value) { words_of(value); };

template <Worded Enum>
[[nodiscard]] constexpr std::string_view name_of(Enum value) {
  for (const auto& [candidate, word] : words_of(value)) {
    if (candidate == value) return word;
  }
  return "?";
}

template <Worded Enum>
[[nodiscard]] constexpr std::optional<Enum> from_name(std::string_view name) {
  for (const auto& [value, word] : words_of(Enum{})) {
    if (word == name) return value;
  }
  return std::nullopt;
}

}  // namespace herald
