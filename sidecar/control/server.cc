#include "sidecar/control/server.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

namespace herald {
namespace {

// Of one turn, so that a burst of clients or one that floods leaves time for the probes.
constexpr int kMostAccepted = 16;
constexpr std::size_t kMostReceived = 16384;

// Not one that has only shut down its sending side: it still waits for replies.
bool has_gone(const Fd& fd) {
  pollfd state{.fd = fd.get(), .events = 0, .revents = 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace

std::expected<std::unique_ptr<ControlServer>, std::string> ControlServer::start(Loop& loop,
                                                                                ControlSocket socket,
                                                                                VarlinkService service,
                                                                                ControlLimits limits) {
  std::unique_ptr<ControlServer> server(
      new ControlServer(loop, std::move(socket), std::move(service), limits));
  if (!server->listener_) return std::unexpected(system_error_text("control socket: watch it"));
  return server;
}

ControlServer::ControlServer(Loop& loop, ControlSocket socket, VarlinkService service, ControlLimits limits)
    : loop_(loop),
      socket_(std::move(socket)),
      service_(std::move(service)),
      limits_(limits),
      sweep_timer_(loop.timer([this] { sweep(); })),
      share_timer_(loop.timer([this] { serve_waiting(); })),
      accept_timer_(loop.timer([this] { listener_.set_io_events(EPOLLIN); })),
      listener_(
          loop.watch_io(socket_.fd(), EPOLLIN, [this](std::uint32_t /*events*/) { accept_clients(); })) {}

// ---- coming and going

void ControlServer::accept_clients() {
  for (int accepted = 0; accepted < kMostAccepted; ++accepted) {
    Fd fd(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd) {
      admit(std::move(fd));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) return;
    // EMFILE and its like: the connection stays ready in the backlog, and the loop would spin on it.
    listener_.disarm();
    accept_timer_.set_time(Loop::clock() + limits_.accept_pause);
    return;
  }
}

void ControlServer::admit(Fd fd) {
  make_room();
  const ClientId id = ++last_id_;
  const VarlinkPeer peer = socket_.identify(fd);
  const int number = fd.get();
  Client& client =
      clients_.try_emplace(id, std::move(fd), peer, limits_.request_bytes, Loop::clock()).first->second;
  client.source = loop_.watch_io(number, EPOLLIN, [this, id](std::uint32_t events) { on_ready(id, events); });
  if (!client.source)
    return drop(id);  // the kernel has no watch for it; the client sees its connection closed
  settle(id);
}

void ControlServer::make_room() {
  if (clients_.size() < limits_.clients) return;
  const auto stillest =
      std::ranges::min_element(clients_, {}, [](const auto& entry) { return entry.second.since; });
  drop(stillest->first);
}

void ControlServer::drop(ClientId id) {
  std::erase(waiting_, id);
  clients_.erase(id);
}

void ControlServer::sweep() {
  const TimePoint now = Loop::clock();
  std::erase_if(clients_, [&](const auto& entry) {
    if (deadline(entry.second) > now) return false;
    std::erase(waiting_, entry.first);
    return true;
  });
  next_sweep_ = TimePoint::max();
  for (const auto& [id, client] : clients_) next_sweep_ = std::min(next_sweep_, deadline(client));
  if (next_sweep_ < TimePoint::max()) sweep_timer_.set_time(next_sweep_);
}

TimePoint ControlServer::deadline(const Client& client) const {
  if (client.is_replying()) return client.since + limits_.slow_reader;
  if (client.closing) return client.since + limits_.closing;
  if (client.is_busy()) return TimePoint::max();  // it waits for us
  return client.since + (client.input.empty() ? limits_.idle : limits_.half_request);
}

// ---- bytes

void ControlServer::on_ready(ClientId id, std::uint32_t events) {
  Client& client = clients_.at(id);
  const bool writable = (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
  const bool readable = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
  if (writable && !send(client)) return drop(id);
  if (readable && !receive(client)) return drop(id);
  settle(id);
  serve_waiting();
}

// False when the connection is of no more use.
bool ControlServer::receive(Client& client) {
  const std::size_t room = client.closing ? kMostReceived : std::min(client.input.room(), kMostReceived);
  if (room == 0 || client.at_end) return true;
  std::array<char, kMostReceived> bytes{};
  const ssize_t count = ::recv(client.fd.get(), bytes.data(), room, 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) {
    client.at_end = true;
    return true;
  }
  if (client.closing) return true;
  // A half request's time runs from its first byte, however slowly the others drip.
  if (client.input.empty() && !client.is_replying()) client.since = Loop::clock();
  client.input.append({bytes.data(), static_cast<std::size_t>(count)});
  return true;
}

bool ControlServer::send(Client& client) {
  while (client.is_replying()) {
    const ssize_t count = ::send(client.fd.get(), client.output.data() + client.sent,
                                 client.output.size() - client.sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN;
    client.sent += static_cast<std::size_t>(count);
    client.since = Loop::clock();
  }
  client.output = std::string();
  client.sent = 0;
  // The client sees the end, while what it still sends does not turn into a reset that hides our last words.
  if (client.closing && !std::exchange(client.shut, true)) ::shutdown(client.fd.get(), SHUT_WR);
  return true;
}

void ControlServer::settle(ClientId id) {
  Client& client = clients_.at(id);
  const bool next = !client.closing && !client.is_replying() && !client.is_busy();
  if (next && client.input.is_overlong()) {
    reply(client,
          service_.malformed(fmt::format("the request is longer than {} bytes", limits_.request_bytes)));
    if (!send(client)) return drop(id);
  }
  if (next && client.input.has_message()) {
    client.waiting = true;
    waiting_.push_back(id);
  }
  if (client.at_end && !client.is_replying() && !client.waiting && !client.awaiting) return drop(id);

  // With nothing to wait for, a closed connection would be reported again and again.
  if (const std::uint32_t events = interest(client); events != 0) {
    client.source.set_io_events(events);
  } else {
    client.source.disarm();
  }
  if (const TimePoint due = deadline(client); due < next_sweep_) {
    next_sweep_ = due;
    sweep_timer_.set_time(due);
  }
}

std::uint32_t ControlServer::interest(const Client& client) const {
  const bool reads = !client.at_end && (client.closing || client.input.room() > 0);
  return (reads ? std::uint32_t{EPOLLIN} : 0U) | (client.is_replying() ? std::uint32_t{EPOLLOUT} : 0U);
}

// ---- requests

// One request of each client that waits. Who has sent more comes again once those were heard whose requests
// are still unread.
void ControlServer::serve_waiting() {
  for (std::size_t left = waiting_.size(); left > 0 && !waiting_.empty(); --left) {
    if (const auto later = rest_until()) return share_timer_.set_time(*later);
    const TimePoint begun = Loop::clock();
    serve(waiting_.front());
    used_ += Loop::clock() - begun;
  }
  if (!waiting_.empty()) share_timer_.set_time(Loop::clock());
}

void ControlServer::serve(ClientId id) {
  waiting_.pop_front();
  Client& client = clients_.at(id);
  client.waiting = false;
  VarlinkPeer peer = client.peer;
  peer.client = id;
  peer.gone = has_gone(client.fd);
  VarlinkAnswer answer = service_.answer(*client.input.take(), peer);
  client.watching = answer.course == VarlinkCourse::stream;
  client.awaiting = answer.course == VarlinkCourse::later;
  reply(client, std::move(answer));
  if (!send(client)) return drop(id);
  settle(id);  // which puts it last in the queue again if it has sent more
}

// When the share is used up. One long answer makes its window longer, or it would take more than the share.
std::optional<TimePoint> ControlServer::rest_until() {
  const TimePoint now = Loop::clock();
  const TimePoint end = window_start_ + std::max(limits_.window, used_ * (limits_.window / limits_.share));
  if (now >= end) {
    window_start_ = now;
    used_ = {};
  }
  return used_ < limits_.share ? std::nullopt : std::optional(end);
}

void ControlServer::finish(std::uint64_t client, const VarlinkReply& reply) {
  const auto found = clients_.find(client);
  if (found == clients_.end() || !std::exchange(found->second.awaiting, false)) return;
  this->reply(found->second, {encode_reply(reply)});
  if (!send(found->second)) return drop(client);  // now: the loop's next turn may be none
  settle(client);
  if (!waiting_.empty()) share_timer_.set_time(Loop::clock());  // for what it has sent ahead
}

// It may be called while a request of another client is carried out, so it sends nothing itself and drops watchers only.
void ControlServer::publish(const nlohmann::ordered_json& parameters) {
  std::string bytes;
  std::vector<ClientId> watchers;
  for (auto& [id, client] : clients_) {
    if (!client.watching) continue;
    if (bytes.empty()) bytes = encode_reply(parameters, true);
    watchers.push_back(id);
    if (!client.is_replying()) client.since = Loop::clock();
    client.output.erase(0, std::exchange(client.sent, 0));
    client.output += bytes;
  }
  for (const ClientId id : watchers) {
    if (clients_.at(id).output.size() > limits_.watcher_bytes) {
      drop(id);
    } else {
      settle(id);
    }
  }
}

void ControlServer::reply(Client& client, VarlinkAnswer answer) {
  client.output = std::move(answer.bytes);
  client.sent = 0;
  client.since = Loop::clock();
  if (answer.close) {
    client.closing = true;
    client.input.clear();
  }
  // Clients that ask and do not read: the stillest of them goes first.
  std::size_t unsent = 0;
  for (const auto& [id, other] : clients_) unsent += other.output.size();
  while (unsent > limits_.unsent_bytes) {
    auto stillest = clients_.end();
    for (auto entry = clients_.begin(); entry != clients_.end(); ++entry) {
      if (&entry->second == &client || !entry->second.is_replying()) continue;
      if (stillest == clients_.end() || entry->second.since < stillest->second.since) stillest = entry;
    }
    if (stillest == clients_.end()) return;
    unsent -= stillest->second.output.size();
    drop(stillest->first);
  }
}

}  // namespace herald
