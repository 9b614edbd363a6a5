#include "sidecar/control/socket.h"

#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

namespace herald {
namespace {

// More than may be connected at once: a burst waits here rather than be turned away.
constexpr int kBacklog = 512;
constexpr std::size_t kLongestGroupEntry = 1U << 20U;

std::optional<sockaddr_un> socket_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return std::nullopt;
  path.copy(address.sun_path, path.size());
  return address;
}

Fd make_socket() {
  return Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// Only the last directory: a wholly different tree is more likely a misspelt path.
std::expected<void, std::string> make_directory(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path();
  if (directory.empty() || ::mkdir(directory.c_str(), 0755) == 0) {
    // Whatever the umask, others have to get through.
    if (!directory.empty()) ::chmod(directory.c_str(), 0755);
    return {};
  }
  if (errno == EEXIST) return {};
  // EROFS comes before EEXIST in the kernel, though the directory may be there.
  const int error = errno;
  struct stat status{};
  if (::stat(directory.c_str(), &status) == 0) return {};
  return std::unexpected(
      system_error_text(fmt::format("control socket {}: make {}", path, directory), error));
}

// A socket file outlives its daemon; whether one still listens there only connect() can tell.
std::expected<void, std::string> remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return {};  // bind() tells of all but ENOENT
  if (!S_ISSOCK(status.st_mode)) {
    return std::unexpected(fmt::format("control socket {}: something else is there, and no socket", path));
  }
  const Fd trial = make_socket();
  if (!trial) return std::unexpected(system_error_text("socket"));
  const int result = ::connect(trial.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  if (result == 0 || errno == EAGAIN) {  // EAGAIN: its backlog is full
    return std::unexpected(fmt::format("another heraldd answers on {}", path));
  }
  if (errno == ENOENT) return {};
  if (errno != ECONNREFUSED) return std::unexpected(system_error_text("control socket: connect " + path));
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return std::unexpected(system_error_text("control socket: remove stale " + path));
}

std::optional<gid_t> find_group(const std::string& name) {
  std::vector<char> buffer(4096);
  group entry{};
  group* found = nullptr;
  while (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) == ERANGE &&
         buffer.size() < kLongestGroupEntry) {
    buffer.resize(buffer.size() * 2);
  }
  return found == nullptr ? std::nullopt : std::optional(found->gr_gid);
}

bool has_group(const Fd& client, gid_t primary, gid_t wanted) {
  if (primary == wanted) return true;
  socklen_t bytes = 0;
  ::getsockopt(client.get(), SOL_SOCKET, SO_PEERGROUPS, nullptr, &bytes);  // ERANGE, and how much there is
  std::vector<gid_t> groups(bytes / sizeof(gid_t));
  bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (groups.empty() || ::getsockopt(client.get(), SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) != 0) {
    return false;
  }
  groups.resize(bytes / sizeof(gid_t));
  return std::ranges::find(groups, wanted) != groups.end();
}

}  // namespace

std::expected<ControlSocket, std::string> ControlSocket::open(const ControlSpec& spec) {
  const auto address = socket_address(spec.socket);
  if (!address) return std::unexpected(fmt::format("control socket {}: the path is too long", spec.socket));
  if (auto made = make_directory(spec.socket); !made) return std::unexpected(made.error());
  if (auto removed = remove_stale(spec.socket, *address); !removed) return std::unexpected(removed.error());

  Fd fd = make_socket();
  if (!fd) return std::unexpected(system_error_text("socket"));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    return std::unexpected(system_error_text("control socket: bind " + spec.socket));
  }
  ControlSocket socket(spec.socket, std::move(fd));
  if (::lstat(spec.socket.c_str(), &socket.file_) != 0 || ::chmod(spec.socket.c_str(), 0666) != 0) {
    return std::unexpected(system_error_text("control socket: chmod " + spec.socket));
  }
  socket.give_to(spec.group);
  if (::listen(socket.fd(), kBacklog) != 0) {
    return std::unexpected(system_error_text("control socket: listen on " + spec.socket));
  }
  return socket;
}

// The file's group is for people who look at it; identify() does not need it.
void ControlSocket::give_to(const std::string& group) {
  group_ = find_group(group);
  if (!group_) {
    warning_ = fmt::format("control.group \"{}\" does not exist: only root may change things", group);
  } else if (::lchown(path_.c_str(), static_cast<uid_t>(-1), *group_) != 0) {
    warning_ = system_error_text(fmt::format("control socket: give {} to group {}", path_, group));
  }
}

ControlSocket::ControlSocket(ControlSocket&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      fd_(std::move(other.fd_)),
      file_(other.file_),
      group_(other.group_),
      warning_(std::move(other.warning_)) {}

ControlSocket::~ControlSocket() {
  struct stat now{};
  if (path_.empty() || ::lstat(path_.c_str(), &now) != 0) return;
  if (now.st_dev == file_.st_dev && now.st_ino == file_.st_ino) ::unlink(path_.c_str());
}

VarlinkPeer ControlSocket::identify(const Fd& client) const {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  const bool member = group_ && has_group(client, credentials.gid, *group_);
  return {.user = credentials.uid, .process = credentials.pid, .may_change = credentials.uid == 0 || member};
}

}  // namespace herald
