// What is sent or expected, as the configuration has it: a string is text, {"hex": "16 03 01"} and {"base64": "FgMB"} are bytes.
//
// It refuses to guess: JSON has no bytes, so "\u0080" would be sent as the two of UTF-8. A text that looks as if bytes were meant is
// an error that says how they are written.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace herald {

class ObjectReader;

namespace probes {

// Hexadecimal digits in pairs, spaces between them or not; none for anything else.
[[nodiscard]] std::optional<std::string> parse_hex(std::string_view text);
// RFC 4648 with its padding; none for anything else.
[[nodiscard]] std::optional<std::string> parse_base64(std::string_view text);

// Whether a text is what bytes turn into when they are written as "\u00ff": a C1 control, or U+0080 to U+00FF beside other controls
// than tab and line ends.
[[nodiscard]] bool looks_like_bytes(std::string_view text);

// False, with what is wrong reported, for a key that is absent or wrong.
bool read_bytes(ObjectReader& keys, std::string_view key, std::string& out, std::size_t most);

}  // namespace probes
}  // namespace herald
