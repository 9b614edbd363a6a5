// Files that heraldd keeps for its next start: replaced as a whole, and its own user's also where root has run it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "sidecar/os/fd.h"

namespace herald {

// Gives what root has made in a directory to the directory's owner: heraldd started by hand must not lock out the one of
// the unit, which runs as another user. Does nothing for others than root, and for a file with several names, which
// somebody else may have put there.
void leave_to_owner_of(const std::filesystem::path& directory, const Fd& file);

enum class Durable : std::uint8_t { no, yes };  // yes: on the disk before it returns

// Makes the directory where it is missing. The error is a line for people, and the file is as it was then. `is_wanted` is
// asked last, after the disk has taken its time; nothing is replaced where it says no.
[[nodiscard]] std::expected<void, std::string> replace_kept_file(const std::filesystem::path& file,
                                                                 std::string_view text, mode_t mode,
                                                                 Durable durable,
                                                                 const std::function<bool()>& is_wanted = {});

}  // namespace herald
