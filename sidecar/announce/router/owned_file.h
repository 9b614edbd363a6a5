// A small file that herald alone writes and another daemon reads: replaced as a whole, so that the other one never
// reads half of it.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace herald {

// None where there is no such file; the error says what was attempted. It refuses what is longer than 16 MiB.
[[nodiscard]] std::expected<std::optional<std::string>, std::string> read_owned_file(const std::string& path);

// The error says what was attempted; then the file is as it was. Mode and owner stay; a new file gets the group of its directory,
// which is that of the daemon that reads it, or else may be read by all. A symbolic link stays one.
[[nodiscard]] std::expected<void, std::string> replace_owned_file(const std::string& path,
                                                                  std::string_view text);

}  // namespace herald
