// Durations as users write and read them: in the configuration, on the command line, in status.
//
// It refuses bare numbers: a unit that has to be guessed is the classic mistake of such files.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sidecar/core/types.h"

namespace herald {

// "250ms", "1s", "2m", "1h", "14d", also "1.5s"; nothing else, and never a bare number.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
// The shortest of those forms that is exact: 1500ms gives "1500ms", 60s gives "1m".
[[nodiscard]] std::string to_string(Duration duration);

}  // namespace herald
