#include "sidecar/work/spawning.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace herald::work {
namespace {

constexpr std::size_t kDescriptors = 2;

// Room for the control message of two descriptors, aligned as cmsg(3) wants it.
struct alignas(cmsghdr) Control {
  std::array<char, CMSG_SPACE(kDescriptors * sizeof(int))> bytes{};
};

Nothing nothing(ssize_t count) {
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? Nothing::yet : Nothing::more;
}

// Those that came along are closed unless they are taken.
std::array<Fd, kDescriptors> descriptors_of(msghdr& message) {
  std::array<Fd, kDescriptors> found;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t index = 0; index < count; ++index) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + index * sizeof fd, sizeof fd);
      Fd owned(fd);
      if (index < found.size()) found[index] = std::move(owned);
    }
  }
  return found;
}

// How many are needed for an answer.
bool has_room_for_another() {
  const Fd one(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
  const Fd two(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
  return one && two;
}

// What came along found no descriptor here, or was more than an answer has. A worker that is lost so ends with its socket.
std::expected<ReceivedAnswer, Nothing> without_descriptors(const ReceivedAnswer& received) {
  if (received.answer.kind != SpawnAnswerKind::spawned || has_room_for_another())
    return std::unexpected(Nothing::more);
  ReceivedAnswer failed;
  failed.answer = {SpawnAnswerKind::failed, received.answer.slot, 0, 0, EMFILE};
  return failed;
}

// A file of memory, which alone has seals: reading any other may have to wait, as a worker's user may make it.
bool is_page(const Fd& fd) {
  return fd && fcntl(fd.get(), F_GET_SEALS) >= 0;
}

}  // namespace

bool send_request(const Fd& socket, const SpawnRequest& request) {
  return ::send(socket.get(), &request, sizeof request, MSG_DONTWAIT | MSG_NOSIGNAL) ==
         static_cast<ssize_t>(sizeof request);
}

bool send_answer(const Fd& socket, const SpawnAnswer& answer, const Fd& to_worker, const Fd& page) {
  SpawnAnswer copy = answer;
  iovec data{&copy, sizeof copy};
  Control control;
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (to_worker) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(kDescriptors * sizeof(int));
    const std::array<int, kDescriptors> fds{to_worker.get(), page.get()};
    std::memcpy(CMSG_DATA(part), fds.data(), sizeof fds);
  }
  return ::sendmsg(socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof copy);
}

std::expected<SpawnRequest, Nothing> receive_request(const Fd& socket) {
  SpawnRequest request;
  const ssize_t count = ::recv(socket.get(), &request, sizeof request, MSG_DONTWAIT | MSG_TRUNC);
  if (count != static_cast<ssize_t>(sizeof request)) return std::unexpected(nothing(count));
  return request;
}

std::expected<ReceivedAnswer, Nothing> receive_answer(const Fd& socket) {
  ReceivedAnswer received;
  iovec data{&received.answer, sizeof received.answer};
  Control control;
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  const ssize_t count = ::recvmsg(socket.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count < 0) return std::unexpected(nothing(count));
  auto fds = descriptors_of(message);
  if (count != static_cast<ssize_t>(sizeof received.answer)) return std::unexpected(Nothing::more);
  if ((message.msg_flags & MSG_CTRUNC) != 0) return without_descriptors(received);
  received.socket = std::move(fds[0]);
  received.page = std::move(fds[1]);
  const bool is_spawned = received.answer.kind == SpawnAnswerKind::spawned;
  if (is_spawned && (!received.socket || !is_page(received.page))) return std::unexpected(Nothing::more);
  return received;
}

std::optional<Page> read_page(const Fd& page) {
  Page read;
  if (::pread(page.get(), &read, sizeof read, 0) != static_cast<ssize_t>(sizeof read)) return std::nullopt;
  return read;
}

}  // namespace herald::work
