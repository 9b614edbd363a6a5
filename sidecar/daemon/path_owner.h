// Whose word a path is, and acting as that user instead of as root. What root opens below a directory of somebody else's may be
// a link to anything by then, and a program's name that is read there may be any program: no check of the path helps against
// one who changes it between the check and the use, but an own user's rights do.
#pragma once

#include <sys/types.h>

#include <expected>
#include <filesystem>
#include <optional>
#include <string>

namespace herald {

// The first user other than root who can put something else in the place of what an absolute path leads to: the owner of a
// directory or link on the way, or of what is at its end. None: only root can, or there is nothing yet. A sticky directory
// (/tmp) is nobody's word about what others have in it.
[[nodiscard]] std::optional<uid_t> stranger_along(const std::filesystem::path& path);

// For good, with that user's groups, and with CAP_NET_ADMIN alone, which no child gets. Only as root. The error is a line for
// people: nothing of it can be relied on then, and nothing of that user's is to be touched.
[[nodiscard]] std::expected<void, std::string> become_owner(uid_t user);

}  // namespace herald
