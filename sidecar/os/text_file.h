// A text file as a whole, with a limit. Nothing here throws, and nothing but a regular file is waited for.
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <string>

namespace herald {

constexpr std::size_t kMostFileBytes = 16'777'216;  // 16 MiB

// The whole of a regular file; the error is a line for people, without the file's name.
[[nodiscard]] std::expected<std::string, std::string> read_text_file(const std::filesystem::path& file);

}  // namespace herald
