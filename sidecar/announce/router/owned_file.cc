#include "sidecar/announce/router/owned_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "sidecar/os/fd.h"

namespace herald {
namespace {

constexpr std::size_t kMostBytes = 16U << 20U;
constexpr std::size_t kReadSize = 64U << 10U;
constexpr mode_t kModeForGroup = 0640;
constexpr mode_t kReadByAll = 0444;
constexpr mode_t kPermissions = 0777;

// A file that is deleted unless it was renamed to its final name.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target)
      // Hidden, and not *.conf: an include by pattern must not find it.
      : name_(target.parent_path() / fmt::format(".{}.XXXXXX", target.filename().string())),
        fd_(::mkostemp(name_.data(), O_CLOEXEC)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (fd_) ::unlink(name_.c_str());
  }

  [[nodiscard]] const Fd& fd() const { return fd_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  void renamed() { fd_.reset(); }

 private:
  std::string name_;
  Fd fd_;
};

// Whoever could read the file before can read it after. Nothing in it is secret, so that where the group cannot be
// kept everybody may.
bool take_over_access(int fd, const std::filesystem::path& target) {
  struct stat former{};
  mode_t mode = 0;
  if (::stat(target.c_str(), &former) == 0) {
    mode = former.st_mode & kPermissions;
    // Only root can; the reader's access hangs on the group.
    if (::fchown(fd, former.st_uid, former.st_gid) == 0) return ::fchmod(fd, mode) == 0;
  } else {
    mode = kModeForGroup;
    if (::stat(target.parent_path().c_str(), &former) != 0) return false;
  }
  const bool has_group = ::fchown(fd, static_cast<uid_t>(-1), former.st_gid) == 0;
  return ::fchmod(fd, has_group ? mode : mode | kReadByAll) == 0;
}

}  // namespace

std::expected<std::optional<std::string>, std::string> read_owned_file(const std::string& path) {
  const auto failed = [&](int error) { return std::unexpected(system_error_text("read " + path, error)); };
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) return failed(errno);
  std::string text;
  std::array<char, kReadSize> buffer;
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(errno);
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > kMostBytes) return failed(EFBIG);
  }
}

std::expected<void, std::string> replace_owned_file(const std::string& path, std::string_view text) {
  std::error_code ignored;  // not there yet, or a link to nowhere: then as it is given
  std::filesystem::path target = std::filesystem::canonical(path, ignored);
  if (target.empty()) target = path;
  TemporaryFile file(target);
  if (!file.fd()) return std::unexpected(system_error_text(fmt::format("create {}", file.name())));
  const int fd = file.fd().get();
  if (!take_over_access(fd, target) || !write_all(file.fd(), text) || ::fsync(fd) != 0)
    return std::unexpected(system_error_text(fmt::format("write {}", file.name())));
  if (::rename(file.name().c_str(), target.c_str()) != 0)
    return std::unexpected(system_error_text(fmt::format("replace {}", target.string())));
  file.renamed();
  return {};
}

}  // namespace herald
