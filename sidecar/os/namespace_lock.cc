#include "sidecar/os/namespace_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "sidecar/os/kept_file.h"

namespace herald {
namespace {

std::unexpected<std::string> failed(const std::string& attempted) {
  return std::unexpected(system_error_text("lock the network namespace: " + attempted));
}

}  // namespace

std::expected<NamespaceLock, std::string> NamespaceLock::take(const std::string& directory) {
  struct stat network{};
  if (::stat("/proc/thread-self/ns/net", &network) != 0) return failed("/proc/thread-self/ns/net");
  if (::mkdir(directory.c_str(), 0755) == 0) {
    ::chmod(directory.c_str(), 0755);  // whatever the umask: the control socket is there too, for everybody
  } else if (errno != EEXIST) {
    return failed("make " + directory);
  }
  const std::string path = fmt::format("{}/netns-{}.lock", directory, network.st_ino);
  // Whoever can open it can lock it, even for reading alone.
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return failed(path);
  leave_to_owner_of(directory, fd);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return NamespaceLock(std::move(fd));
  if (errno == EWOULDBLOCK) return std::unexpected("another heraldd runs in this network namespace");
  return failed(path);
}

}  // namespace herald
