#include "sidecar/prober/spawner.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <utility>

#include "sidecar/os/spawn.h"

namespace herald::prober {
namespace {

constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

// "" where there is none.
std::string path_of(const std::string& program) {
  std::error_code error;
  return std::filesystem::canonical(program, error).native();
}

// A page that cannot be made shorter or longer.
Fd make_page() {
  Fd page(memfd_create("herald-worker", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!page || ftruncate(page.get(), sizeof(work::Page)) != 0) return {};
  if (fcntl(page.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return {};
  return page;
}

// What its attempts run ends by itself then: its keepers see the worker's end (os/keeper.h).
void end_worker(pid_t pid) {
  ::kill(-pid, SIGKILL);
}

}  // namespace

Spawner::Spawner(Loop& loop, std::string program, std::string option)
    : loop_(loop), program_(std::move(program)), option_(std::move(option)), installed_(path_of(program_)) {}

Spawner::~Spawner() {
  while (!clients_.empty()) drop(clients_.begin()->first);
}

void Spawner::listen(Fd socket) {
  listening_ = std::move(socket);
  listener_ = loop_.watch_io(listening_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
  if (!listener_) return loop_.exit(1);
  accept_again_ = loop_.timer([this] { listener_.set_io_events(EPOLLIN); });
}

void Spawner::serve_alone(Fd connection) {
  is_alone_ = true;
  admit(std::move(connection));
}

void Spawner::accept() {
  Fd connection(accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (connection && clients_.size() < kMostClients) return admit(std::move(connection));
  if (connection || errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
  // EMFILE and its like: the connection stays ready in the backlog, and the loop would spin on it.
  listener_.disarm();
  accept_again_.set_time(Loop::clock() + kAcceptPause);
}

void Spawner::admit(Fd connection) {
  const ClientId id = ++last_id_;
  Client& client = clients_[id];
  client.socket = std::move(connection);
  client.source = loop_.watch_io(client.socket.get(), EPOLLIN, [this, id](std::uint32_t) { on_ready(id); });
  if (!client.source) drop(id);
}

void Spawner::on_ready(ClientId id) {
  Client& client = clients_.at(id);
  const auto request = work::receive_request(client.socket);
  if (!request) {
    if (request.error() == work::Nothing::more) drop(id);
    return;
  }
  if (request->slot >= kMostSlots) return drop(id);
  const auto worker = client.workers.find(request->slot);
  switch (request->kind) {
    case work::SpawnKind::spawn:
    case work::SpawnKind::spawn_installed: {
      const std::string& program = request->kind == work::SpawnKind::spawn ? program_ : installed_;
      if (worker == client.workers.end()) return spawn(id, request->slot, program);
      worker->second.successor = program;
      return end_worker(worker->second.pid);
    }
    case work::SpawnKind::kill:
      if (worker != client.workers.end()) end_worker(worker->second.pid);
      return;
  }
  drop(id);
}

void Spawner::drop(ClientId id) {
  const auto dropped = clients_.extract(id);
  if (!dropped) return;
  // The loop reaps them.
  for (const auto& [slot, worker] : dropped.mapped().workers) end_worker(worker.pid);
  if (is_alone_) loop_.exit(0);
}

void Spawner::spawn(ClientId id, std::uint32_t slot, const std::string& program) {
  Client& client = clients_.at(id);
  std::array<int, 2> ends{};
  const bool has_pair = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0;
  const Fd ours(has_pair ? ends[0] : -1);
  const Fd theirs(has_pair ? ends[1] : -1);
  const Fd page = has_pair ? make_page() : Fd();
  std::expected<pid_t, int> started = std::unexpected(errno);
  if (page) {
    const std::array<std::string, 2> arguments{"herald-prober", option_};
    started = spawn_beside(program, arguments, std::array{theirs.get(), page.get()});
  }
  if (!started) {
    (void)work::send_answer(client.socket, {work::SpawnAnswerKind::failed, slot, 0, 0, started.error()}, {},
                            {});
    return;
  }
  const pid_t pid = *started;
  Worker& worker = client.workers[slot];
  worker.pid = pid;
  worker.ended =
      loop_.watch_child(pid, [this, id, slot](int code, int status) { ended(id, slot, code, status); });
  if (!worker.ended) {  // nobody would reap it
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    client.workers.erase(slot);
    return drop(id);
  }
  const bool is_told =
      work::send_answer(client.socket, {work::SpawnAnswerKind::spawned, slot, pid, 0, 0}, ours, page);
  if (!is_told) drop(id);
}

// What is left in its process group goes with it.
void Spawner::ended(ClientId id, std::uint32_t slot, int code, int status) {
  const auto client = clients_.find(id);
  if (client == clients_.end()) return;
  const auto worker = client->second.workers.extract(slot);
  if (!worker) return;
  const pid_t pid = worker.mapped().pid;
  ::kill(-pid, SIGKILL);
  const std::int32_t signalled = code == CLD_EXITED ? 0 : 1;
  (void)work::send_answer(client->second.socket, {work::SpawnAnswerKind::ended, slot, pid, signalled, status},
                          {}, {});
  if (const auto& successor = worker.mapped().successor) spawn(id, slot, *successor);
}

}  // namespace herald::prober
