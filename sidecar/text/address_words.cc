#include "sidecar/text/address_words.h"

#include <algorithm>

namespace herald {

bool names_address(std::string_view text, const Address& address) {
  constexpr std::string_view kLetters = "0123456789abcdefABCDEF:.";
  const auto is_it = [&](std::string_view word) {
    const auto found = parse_address(word);
    return found && found->family == address.family && found->bytes == address.bytes;
  };
  std::size_t at = text.find_first_of(kLetters);
  while (at != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_not_of(kLetters, at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (is_it(word) || is_it(word.substr(0, word.rfind(':')))) return true;
    at = text.find_first_of(kLetters, end);
  }
  return false;
}

}  // namespace herald
