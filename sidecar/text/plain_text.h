// Text of others (probe answers, router output) made fit for one line on a terminal, in the journal or in
// STATUS=.
//
// What it refuses to pass on: control characters, escape sequences, invisible and direction-changing
// characters, and bytes that are no UTF-8. They are shown as escapes ("\n", "\x1b", "\u202e"), so nothing is
// hidden.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace herald {

[[nodiscard]] std::string printable(std::string_view text);

// Characters of valid UTF-8, which is what printable() gives. Every one counts as one column.
[[nodiscard]] std::size_t columns(std::string_view text);
// At most `most` columns; what had to be cut ends in "...".
[[nodiscard]] std::string cut(std::string_view text, std::size_t most);

}  // namespace herald
