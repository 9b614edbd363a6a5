#include "sidecar/daemon/path_owner.h"

#include <cap-ng.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>

#include "sidecar/os/fd.h"

namespace herald {
namespace {

constexpr int kMostLinks = 40;  // as the kernel follows (path_resolution(7))

std::optional<uid_t> stranger_along(const std::filesystem::path& path, int links) {
  std::filesystem::path so_far;
  for (auto part = path.begin(); part != path.end(); ++part) {
    so_far /= *part;
    struct stat found{};
    if (::lstat(so_far.c_str(), &found) != 0) return std::nullopt;  // nothing beyond that could be read
    if (found.st_uid != 0) return found.st_uid;
    if (!S_ISLNK(found.st_mode)) continue;
    // Root's own link, in a directory that is root's: it stays what it is.
    std::error_code error;
    std::filesystem::path target = std::filesystem::read_symlink(so_far, error);
    if (error || links == 0) return std::nullopt;
    target = so_far.parent_path() / target;
    for (++part; part != path.end(); ++part) target /= *part;
    return stranger_along(target, links - 1);
  }
  return std::nullopt;
}

}  // namespace

std::optional<uid_t> stranger_along(const std::filesystem::path& path) {
  return stranger_along(path, kMostLinks);
}

std::expected<void, std::string> become_owner(uid_t user) {
  errno = 0;
  const passwd* const entry = getpwuid(user);
  if (entry == nullptr) {
    const std::string who = fmt::format("user {}", user);
    return std::unexpected(errno == 0 ? "there is no " + who : system_error_text(who));
  }
  capng_clear(CAPNG_SELECT_ALL);
  capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED), CAP_NET_ADMIN);
  if (capng_change_id(static_cast<int>(entry->pw_uid), static_cast<int>(entry->pw_gid),
                      CAPNG_INIT_SUPP_GRP) != 0)
    return std::unexpected(system_error_text(fmt::format("become {}", entry->pw_name)));
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return std::unexpected(system_error_text("no new privileges"));
  return {};
}

}  // namespace herald
