#include "sidecar/control/server.h"

#include <fcntl.h>
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
constexpr std::uint64_t kNoClient = 0;

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
          loop.watch_io(socket_.fd(), EPOLLIN, [this](std::uint32_t /*events*/) { accept_clients(); })) {
  keep_spare();
}

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
    if (accept_by_the_spare()) continue;
    // The connection stays ready in the backlog, and the loop would spin on it.
    listener_.disarm();
    accept_timer_.set_time(Loop::clock() + limits_.accept_pause);
    return;
  }
}

// With no descriptor left (EMFILE, ENFILE) the spare one shows who it is that comes: one who may change things has it, all others
// are turned away. False: there is none, or it was of no use.
bool ControlServer::accept_by_the_spare() {
  if (!spare_) return false;
  spare_.reset();
  Fd fd(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  const bool is_accepted = bool{fd};
  if (is_accepted && socket_.identify(fd).may_change) admit(std::move(fd));
  fd.reset();
  // What it has now, one who may only look has to give for the next one.
  keep_spare();
  while (!spare_) {
    const auto looker = least_looker(places(), kNoClient);
    if (!looker) break;
    drop(*looker);
  }
  return is_accepted;
}

void ControlServer::keep_spare() {
  if (!spare_) spare_ = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

void ControlServer::admit(Fd fd) {
  const ClientId id = ++last_id_;
  const VarlinkPeer peer = socket_.identify(fd);
  if (!peer.may_change && is_short_ && is_short_()) return;
  const int number = fd.get();
  Client& client =
      clients_.try_emplace(id, id, std::move(fd), peer, limits_.request_bytes, Loop::clock()).first->second;
  make_room(id);
  client.source = loop_.watch_io(number, EPOLLIN, [this, id](std::uint32_t events) { on_ready(id, events); });
  if (!client.source)
    return drop(id);  // the kernel has no watch for it; the client sees its connection closed
  settle(id);
}

std::vector<Holding> ControlServer::places() const {
  std::vector<Holding> held;
  held.reserve(clients_.size());
  for (const auto& [id, client] : clients_)
    held.push_back({id, client.peer.user, client.peer.may_change, client.since});
  return held;
}

void ControlServer::make_room(ClientId newcomer) {
  const HoldingLimits limits{limits_.clients, limits_.lookers, limits_.of_one_looker};
  while (const auto leaving = who_gives_way(places(), limits, newcomer)) drop(*leaving);
}

void ControlServer::drop(ClientId id) {
  turns_.leave(id);
  clients_.erase(id);
  keep_spare();
}

void ControlServer::sweep() {
  const TimePoint now = Loop::clock();
  std::erase_if(clients_, [&](const auto& entry) {
    if (deadline(entry.second) > now) return false;
    turns_.leave(entry.first);
    return true;
  });
  next_sweep_ = TimePoint::max();
  for (const auto& [id, client] : clients_) next_sweep_ = std::min(next_sweep_, deadline(client));
  if (next_sweep_ < TimePoint::max()) sweep_timer_.set_time(next_sweep_);
}

TimePoint ControlServer::deadline(const Client& client) const {
  if (client.is_replying()) {
    const TimePoint still = client.since + limits_.slow_reader;
    return client.watching ? still : std::min(still, client.reply_begun + limits_.whole_reply);
  }
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
    if (client.peer.may_change) {
      turns_.wait_first(id);
    } else {
      turns_.wait(id, client.peer.user);
    }
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

// Who may only look has no part in the time of those who may change things.
void ControlServer::serve_waiting() {
  const auto first = serve_round(true);
  const auto other = serve_round(false);
  const TimePoint next = std::min(first.value_or(TimePoint::max()), other.value_or(TimePoint::max()));
  if (next < TimePoint::max()) share_timer_.set_time(next);
}

// One request of each client that waits. Who has sent more comes again once those were heard whose requests
// are still unread. Gives when it goes on; none: nobody waits any more.
std::optional<TimePoint> ControlServer::serve_round(bool first) {
  Share& share = first ? first_share_ : other_share_;
  const auto is_empty = [&] { return first ? !turns_.has_first() : !turns_.has_other(); };
  for (std::size_t left = first ? turns_.count_first() : turns_.count_other(); left > 0; --left) {
    if (is_empty()) return std::nullopt;
    if (const auto later = rest_until(share)) return later;
    const TimePoint begun = Loop::clock();
    serve(first ? turns_.take_first() : turns_.take_other());
    share.used += Loop::clock() - begun;
  }
  return is_empty() ? std::nullopt : std::optional(Loop::clock());
}

void ControlServer::serve(ClientId id) {
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
std::optional<TimePoint> ControlServer::rest_until(Share& share) const {
  const TimePoint now = Loop::clock();
  const TimePoint end = share.begun + std::max(limits_.window, share.used * (limits_.window / limits_.share));
  if (now >= end) share = {.begun = now, .used = {}};
  return share.used < limits_.share ? std::nullopt : std::optional(end);
}

void ControlServer::finish(std::uint64_t client, const VarlinkReply& reply) {
  const auto found = clients_.find(client);
  if (found == clients_.end() || !std::exchange(found->second.awaiting, false)) return;
  this->reply(found->second, {encode_reply(reply)});
  if (!send(found->second)) return drop(client);  // now: the loop's next turn may be none
  settle(client);
  if (turns_.has_first() || turns_.has_other())
    share_timer_.set_time(Loop::clock());  // for what it has sent ahead
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

std::vector<Holding> ControlServer::unsent() const {
  std::vector<Holding> held;
  for (const auto& [id, client] : clients_) {
    if (client.is_replying())
      held.push_back({id, client.peer.user, client.peer.may_change, client.since, client.output.size()});
  }
  return held;
}

void ControlServer::reply(Client& client, VarlinkAnswer answer) {
  client.output = std::move(answer.bytes);
  client.sent = 0;
  client.since = Loop::clock();
  if (answer.close) {
    client.closing = true;
    client.input.clear();
  }
  client.reply_begun = client.since;
  // Clients that ask and do not read.
  const HoldingLimits limits{limits_.unsent_bytes, limits_.unsent_bytes / 2, limits_.unsent_bytes / 4};
  while (const auto leaving = who_gives_way(unsent(), limits, client.id)) drop(*leaving);
}

}  // namespace herald
