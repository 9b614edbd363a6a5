#include "sidecar/varlink/client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "sidecar/os/fd.h"

namespace herald {
namespace {

using nlohmann::ordered_json;
using Kind = CallFailure::Kind;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostReply = 64UL << 20U;

std::unexpected<CallFailure> failure(Kind kind, std::string text) {
  return std::unexpected(CallFailure{kind, std::move(text), {}});
}

std::unexpected<CallFailure> system_failure(std::string_view attempted) {
  const bool denied = errno == EACCES || errno == EPERM;
  return failure(denied ? Kind::not_permitted : Kind::not_reachable, system_error_text(attempted));
}

std::unexpected<CallFailure> timed_out() {
  return failure(Kind::timed_out, "no answer in time");
}

// False when the deadline has come.
bool wait_for(const Fd& fd, short events, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd ready{.fd = fd.get(), .events = events, .revents = 0};
    const int result = ::poll(&ready, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (result > 0) return true;
    if (result < 0 && errno != EINTR) return true;  // the next call on the socket says what it is
  }
}

std::expected<Fd, CallFailure> connect_to(const std::string& path, Clock::time_point deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return failure(Kind::not_reachable, "no path of a socket, which has 1 to 107 bytes");
  }
  path.copy(address.sun_path, path.size());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return failure(Kind::not_reachable, system_error_text("socket"));
  // While the backlog is full the kernel lets one after the other in, as they came; who tries again and again is overtaken by
  // whoever tries more often. A hung daemon shows itself this way too.
  do {
    const auto left = std::chrono::ceil<std::chrono::microseconds>(deadline - Clock::now()).count();
    if (left <= 0) return timed_out();
    const timeval patience{.tv_sec = left / 1'000'000, .tv_usec = left % 1'000'000};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
      ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
      return fd;
    }
  } while (errno == EINTR || errno == EAGAIN);
  return system_failure("connect");
}

std::expected<void, CallFailure> send_all(const Fd& fd, std::string_view bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return {};  // it may have said why, and that can still be read
    } else if (errno == EAGAIN) {
      if (!wait_for(fd, POLLOUT, deadline)) return timed_out();
    } else if (errno != EINTR) {
      return system_failure("send");
    }
  }
  return {};
}

std::expected<std::string, CallFailure> receive_message(const Fd& fd, FrameBuffer& input,
                                                        Clock::time_point deadline) {
  std::array<char, 65536> bytes{};
  while (!input.has_message()) {
    if (!wait_for(fd, POLLIN, deadline)) return timed_out();
    const ssize_t count = ::recv(fd.get(), bytes.data(), std::min(bytes.size(), input.room()), 0);
    if (count > 0) {
      input.append({bytes.data(), static_cast<std::size_t>(count)});
      if (input.is_overlong()) return failure(Kind::not_reachable, "its answer does not end");
    } else if (count == 0) {
      return failure(Kind::not_reachable, "it closed the connection");
    } else if (errno != EAGAIN && errno != EINTR) {
      return system_failure("receive");
    }
  }
  return *input.take();
}

std::expected<Fd, CallFailure> send_call(const std::string& socket, const std::string& call,
                                         Clock::time_point deadline) {
  auto fd = connect_to(socket, deadline);
  if (!fd) return fd;
  if (const auto sent = send_all(*fd, call, deadline); !sent) return std::unexpected(sent.error());
  return fd;
}

std::expected<ordered_json, CallFailure> receive_reply(const Fd& fd, FrameBuffer& input,
                                                       Clock::time_point deadline) {
  const auto message = receive_message(fd, input, deadline);
  if (!message) return std::unexpected(message.error());
  auto reply = parse_reply(*message);
  if (!reply) return failure(Kind::not_reachable, "what it answers is no Varlink");
  if (*reply) return std::move(**reply);
  const VarlinkError& error = reply->error();
  return std::unexpected(CallFailure{Kind::refused, error.name, error});
}

}  // namespace

std::expected<ordered_json, CallFailure> call_varlink(const std::string& socket, std::string_view method,
                                                      const ordered_json& parameters, Duration timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  const auto fd = send_call(socket, encode_call(method, parameters), deadline);
  if (!fd) return std::unexpected(fd.error());
  FrameBuffer input(kMostReply);
  return receive_reply(*fd, input, deadline);
}

std::expected<void, CallFailure> follow_varlink(const std::string& socket, std::string_view method,
                                                const ordered_json& parameters, Duration timeout,
                                                const std::function<bool(const ordered_json&)>& take) {
  Clock::time_point deadline = Clock::now() + timeout;
  constexpr bool kMore = true;
  const auto fd = send_call(socket, encode_call(method, parameters, kMore), deadline);
  if (!fd) return std::unexpected(fd.error());
  FrameBuffer input(kMostReply);
  for (;;) {
    const auto reply = receive_reply(*fd, input, deadline);
    if (!reply) return std::unexpected(reply.error());
    if (!take(*reply)) return {};
    deadline = Clock::time_point::max();
  }
}

VarlinkServer::VarlinkServer(Fd connection) : connection_(std::move(connection)) {
  ucred listener{};
  socklen_t size = sizeof(listener);
  const bool known = ::getsockopt(connection_.get(), SOL_SOCKET, SO_PEERCRED, &listener, &size) == 0;
  // Not of another process with the same number: this one still has its end of the connection.
  if (known && listener.pid > 0) process_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, listener.pid, 0)));
}

std::expected<VarlinkServer, CallFailure> VarlinkServer::find(const std::string& socket, Duration timeout) {
  auto connection = connect_to(socket, Clock::now() + timeout);
  if (!connection) return std::unexpected(connection.error());
  return VarlinkServer(std::move(*connection));
}

bool VarlinkServer::wait_for_end(Duration timeout) const {
  return wait_for(process_ ? process_ : connection_, POLLIN, Clock::now() + timeout);
}

}  // namespace herald
