// FNV-1a: tells few things apart, and defends against nobody. Its values leave the process (names of policies in the
// router's configuration, a probe's place on its grid), so they stay the same in every build; std::hash promises that not
// even for one.
#pragma once

#include <cstdint>
#include <string_view>

namespace herald {

namespace fnv {

template <typename Number, Number kStart, Number kPrime>
[[nodiscard]] constexpr Number hash(std::string_view text) {
  Number hash = kStart;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= kPrime;
  }
  return hash;
}

}  // namespace fnv

[[nodiscard]] constexpr std::uint32_t fnv1a_32(std::string_view text) {
  return fnv::hash<std::uint32_t, 0x811c9dc5U, 0x01000193U>(text);
}

[[nodiscard]] constexpr std::uint64_t fnv1a_64(std::string_view text) {
  return fnv::hash<std::uint64_t, 0xcbf29ce484222325U, 0x100000001b3U>(text);
}

}  // namespace herald
