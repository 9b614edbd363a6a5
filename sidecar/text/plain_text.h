// Text of others (probe answers, router output, keys of a file) made fit for one line on a terminal, in the journal or in
// STATUS=; and how wide it is there.
//
// What it refuses to pass on: control characters, escape sequences, invisible and direction-changing characters, and bytes
// that are no UTF-8. They are shown as escapes ("\n", "\x1b", "\u202e"), so nothing is hidden. Characters and their
// widths are Unicode's (utf8proc): "東" takes two columns, an accent of its own none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace herald {

[[nodiscard]] std::string printable(std::string_view text);
// The beginning of it, at most `most` columns, and "..." behind where it is longer. An escape is never cut in two.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most);

// How wide it is on a terminal. A byte that is no UTF-8 counts as one.
[[nodiscard]] std::size_t columns(std::string_view text);
// The beginning of it that fits into `most` columns, whole characters with their marks; and no more than `most` marks.
[[nodiscard]] std::string_view start_of(std::string_view text, std::size_t most);
// At most `most` columns; what had to be cut ends in "...".
[[nodiscard]] std::string cut(std::string_view text, std::size_t most);

}  // namespace herald
