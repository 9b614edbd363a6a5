#include "sidecar/announce/frr/socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <utility>

#include "sidecar/text/duration.h"

namespace herald {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kMark = "\0\0\0"sv;  // the status follows
constexpr std::size_t kReadSize = 65536;
constexpr int kReadsPerTurn = 16;                // others want their turn, too
constexpr std::size_t kMostOutput = 16U << 20U;  // as of vtysh (command.cc)

}  // namespace

std::string frr_socket_path(const VtyshSpec& spec) {
  return spec.pathspace.empty() ? spec.socket_dir + "/bgpd.vty"
                                : fmt::format("{}/{}/bgpd.vty", spec.socket_dir, spec.pathspace);
}

std::optional<FrrAnswer> VtyAnswerReader::next() {
  const std::size_t mark = buffer_.find(kMark, scanned_);
  const std::size_t status = mark + kMark.size();
  if (mark == std::string::npos || status >= buffer_.size()) {
    scanned_ = buffer_.size() < kMark.size() ? 0 : buffer_.size() - kMark.size();
    return std::nullopt;
  }
  FrrAnswer answer{static_cast<unsigned char>(buffer_[status]), buffer_.substr(0, mark)};
  buffer_.erase(0, status + 1);
  scanned_ = 0;
  return answer;
}

FrrSocket::FrrSocket(Loop& loop, const VtyshSpec& spec)
    : loop_(&loop), path_(frr_socket_path(spec)), timeout_(spec.timeout) {}

void FrrSocket::run(std::vector<std::string> lines, OnFailure on_failure, OnReply on_reply) {
  lines_.assign(std::make_move_iterator(lines.begin()), std::make_move_iterator(lines.end()));
  on_failure_ = on_failure;
  on_reply_ = std::move(on_reply);
  reply_ = {};
  reader_ = {};
  enabled_ = false;
  unsent_ = "enable"sv;
  unsent_ += '\0';
  if (const auto connected = connect(); !connected) {
    // Told from the loop like every other answer.
    deadline_ = loop_->timer_at(loop_->now(), [this, why = connected.error()] { finish(why); });
    return;
  }
  deadline_ = loop_->timer_at(Loop::clock() + timeout_, [this] {
    finish(fmt::format("{}: no answer within {}", path_, to_string(timeout_)));
  });
}

std::expected<void, std::string> FrrSocket::connect() {
  io_.reset();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path)
    return std::unexpected(path_ + ": too long for a socket's name");
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  fd_ = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd_) return std::unexpected(system_error_text("socket"));
  // EAGAIN is a daemon that does not accept, with its queue full: it does not answer either.
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return std::unexpected(system_error_text("connect " + path_));
  io_ = loop_->watch_io(fd_.get(), EPOLLIN | EPOLLOUT, [this](auto) { pump(); });
  if (!io_) return std::unexpected(system_error_text("watch " + path_));
  return {};
}

void FrrSocket::pump() {
  // finish() last: its callback may start another run, or end this object.
  const auto course = advance();
  if (!course) return finish(course.error());
  if (*course == Course::ended) return finish(std::nullopt);
  io_.set_io_events(unsent_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

std::expected<FrrSocket::Course, std::string> FrrSocket::advance() {
  bool more = true;
  for (int reads = 0; more && reads < kReadsPerTurn; ++reads) {
    if (auto written = write_some(); !written) return std::unexpected(std::move(written.error()));
    if (auto read = read_some(more); !read) return std::unexpected(std::move(read.error()));
    while (auto answer = reader_.next()) {
      auto course = take(std::move(*answer));
      if (course != Course::goes_on) return course;
    }
  }
  if (auto written = write_some(); !written) return std::unexpected(std::move(written.error()));
  return Course::goes_on;
}

std::expected<void, std::string> FrrSocket::write_some() {
  while (!unsent_.empty()) {
    const ssize_t count = send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return {};
    if (count < 0) return std::unexpected(system_error_text("send to " + path_));
    unsent_.erase(0, static_cast<std::size_t>(count));
  }
  return {};
}

std::expected<void, std::string> FrrSocket::read_some(bool& more) {
  std::array<char, kReadSize> buffer;
  const ssize_t count = recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    more = false;
    return {};
  }
  if (count < 0) return std::unexpected(system_error_text("read from " + path_));
  if (count == 0) return std::unexpected(path_ + ": closed by bgpd");
  if (reader_.waiting() + static_cast<std::size_t>(count) > kMostOutput)
    return std::unexpected(fmt::format("{}: more than {} bytes of output", path_, kMostOutput));
  reader_.feed({buffer.data(), static_cast<std::size_t>(count)});
  return {};
}

std::expected<FrrSocket::Course, std::string> FrrSocket::take(FrrAnswer answer) {
  if (enabled_) {
    const bool stops = on_failure_ == OnFailure::stop && !answer.goes_on();
    reply_.answers.push_back(std::move(answer));
    if (stops) return Course::ended;
  } else {
    if (!answer.goes_on()) return std::unexpected(fmt::format("{}: enable: {}", path_, said(answer.text)));
    enabled_ = true;
  }
  if (lines_.empty()) return Course::ended;
  unsent_ = std::move(lines_.front());
  unsent_ += '\0';
  lines_.pop_front();
  return Course::goes_on;
}

void FrrSocket::finish(std::optional<std::string> error) {
  // The callback may start the next run, so everything of this one goes first.
  const OnReply on_reply = std::exchange(on_reply_, nullptr);
  FrrReply reply = std::exchange(reply_, {});
  reply.error = std::move(error);
  deadline_.reset();
  io_.reset();
  fd_.reset();
  if (on_reply) on_reply(std::move(reply));
}

}  // namespace herald
