#include "sidecar/os/notify_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>

namespace herald {

NotifySocket::NotifySocket() {
  const char* name = std::getenv("NOTIFY_SOCKET");
  const std::string_view path = name == nullptr ? "" : name;
  if (path.size() < 2 || path.size() >= sizeof sockaddr_un{}.sun_path) return;
  if (path.front() != '/' && path.front() != '@') return;
  address_ = path;
  if (address_.front() == '@') address_.front() = '\0';
  socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

// Not connected: who listens there may be another by now.
bool NotifySocket::tell(std::string_view lines) const {
  if (address_.empty() || lines.empty()) return true;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  address_.copy(address.sun_path, sizeof address.sun_path);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  return ::sendto(socket_.get(), lines.data(), lines.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                  reinterpret_cast<const sockaddr*>(&address), size) >= 0;
}

}  // namespace herald
