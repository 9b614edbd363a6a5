#include "sidecar/os/kept_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>

namespace herald {
namespace {

std::string failed(const char* what, const std::filesystem::path& path) {
  return system_error_text(fmt::format("{} {}", what, path.native()));
}

}  // namespace

void leave_to_owner_of(const std::filesystem::path& directory, const Fd& file) {
  if (::geteuid() != 0 || !file) return;
  struct stat owner{};
  struct stat made{};
  if (::stat(directory.c_str(), &owner) != 0 || ::fstat(file.get(), &made) != 0) return;
  if (!S_ISREG(made.st_mode) || made.st_nlink != 1) return;
  (void)!::fchown(file.get(), owner.st_uid, owner.st_gid);  // not on every file system: then it stays root's
}

std::expected<void, std::string> replace_kept_file(const std::filesystem::path& file, std::string_view text,
                                                   mode_t mode, Durable durable,
                                                   const std::function<bool()>& is_wanted) {
  const std::filesystem::path parent = file.parent_path();
  std::error_code error;
  std::filesystem::create_directories(parent, error);  // open() tells if it could not
  const std::filesystem::path fresh = file.native() + ".new";
  // Not blocking: something else than a file may have that name.
  const Fd fd(
      ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode));
  leave_to_owner_of(parent, fd);
  const bool written = fd && write_all(fd, text) && (durable == Durable::no || ::fsync(fd.get()) == 0);
  if (written && is_wanted && !is_wanted()) {
    ::unlink(fresh.c_str());
    return std::unexpected(fmt::format("replace {}: nobody wants it any more", file.native()));
  }
  if (!written || ::rename(fresh.c_str(), file.c_str()) != 0) {
    std::string problem = written ? failed("replace", file) : failed("write", fresh);
    ::unlink(fresh.c_str());
    return std::unexpected(std::move(problem));
  }
  if (durable == Durable::no) return {};
  // The new name has to be on the disk too. It is in place already, so that its failure changes nothing any more.
  const Fd directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory) ::fsync(directory.get());
  return {};
}

}  // namespace herald
