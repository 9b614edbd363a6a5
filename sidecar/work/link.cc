#include "sidecar/work/link.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "sidecar/os/spawn.h"

namespace herald::work {
namespace {

std::expected<Fd, std::string> connect_to(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path)
    return std::unexpected(path.native() + ": too long for a socket");
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return std::unexpected(system_error_text("socket"));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return std::unexpected(system_error_text(path.native()));
  return socket;
}

std::vector<std::string> command_of(const LinkOptions& options) {
  std::vector<std::string> command{options.program, "--connection", std::to_string(kFirstGiven)};
  if (!options.user.empty()) command.insert(command.end(), {"--user", options.user});
  if (options.raw) command.emplace_back("--raw");
  return command;
}

// Gives our end of the connection. `pid` is its child.
std::expected<Fd, std::string> start(const LinkOptions& options, pid_t& pid) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
    return std::unexpected(system_error_text("socketpair"));
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  const auto started = spawn_beside(options.program.native(), command_of(options), std::array{theirs.get()});
  if (!started) return std::unexpected(system_error_text("run " + options.program.native(), started.error()));
  pid = *started;
  return ours;
}

}  // namespace

std::expected<std::unique_ptr<Link>, std::string> Link::open(Loop& loop, const LinkOptions& options,
                                                             OnAnswer on_answer, OnEnd on_end) {
  pid_t pid = -1;
  auto socket = options.socket.empty() ? start(options, pid) : connect_to(options.socket);
  if (!socket) return std::unexpected(std::move(socket.error()));
  std::unique_ptr<Link> link(new Link(std::move(*socket), std::move(on_answer), std::move(on_end)));
  if (pid > 0) link->child_ = loop.watch_child(pid, [](int, int) {});  // its socket tells of its end
  if (pid > 0 && !link->child_) {
    const int error = errno;
    link->socket_.reset();  // it ends with that, whoever it has become; before that it is ours to kill
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return std::unexpected(system_error_text("watch a process", error));
  }
  link->source_ =
      loop.watch_io(link->socket_.get(), EPOLLIN, [one = link.get()](std::uint32_t) { one->on_ready(); });
  if (!link->source_) return std::unexpected(system_error_text("watch a socket"));
  return link;
}

void Link::on_ready() {
  auto received = receive_answer(socket_);
  if (received) return on_answer_(std::move(*received));
  if (received.error() == Nothing::yet) return;
  source_.reset();
  const auto told = std::move(on_end_);
  told("the process that starts workers is gone");
}

}  // namespace herald::work
