#include "sidecar/os/text_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sidecar/os/fd.h"

namespace herald {
namespace {

std::expected<std::string, std::string> read_up_to(int fd, std::size_t most) {
  std::string text;
  std::array<char, 65'536> buffer{};
  while (true) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(system_error_text("cannot read"));
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > most) return std::unexpected(fmt::format("larger than {} MiB", most / 1024 / 1024));
  }
}

}  // namespace

std::expected<std::string, std::string> read_text_file(const std::filesystem::path& file) {
  // Without O_NONBLOCK a FIFO in place of the file would hang the program.
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return std::unexpected(system_error_text("cannot open"));
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return std::unexpected(system_error_text("cannot read"));
  if (S_ISDIR(status.st_mode)) return std::unexpected("is a directory, not a file");
  if (!S_ISREG(status.st_mode)) return std::unexpected("is not a regular file");
  return read_up_to(fd.get(), kMostFileBytes);
}

}  // namespace herald
