// The parent of the workers: it starts and kills them as heraldd asks, and does nothing else. It reads no byte of a target's.
//
// A client is a connection of heraldd's (work/spawning.h): its end kills every worker of it. A worker that ends is told of.
// A worker that is asked for in a slot that is taken follows the one there, which is killed: who asks has seen its end before
// this has.
// With a listening socket (a unit of its own) it serves whoever may connect, up to kMostClients, and goes on; with a
// connection (heraldd has started it) it ends with that. The Loop outlives it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "sidecar/os/fd.h"
#include "sidecar/os/loop.h"
#include "sidecar/work/spawning.h"

namespace herald::prober {

class Spawner {
 public:
  static constexpr std::size_t kMostClients = 16;
  static constexpr std::uint32_t kMostSlots = 16;  // of a client

  // `program` is run as a worker: this one again, an address space of its own with nothing of ours in it. `option` tells it so.
  Spawner(Loop& loop, std::string program, std::string option = "--worker");
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;
  ~Spawner();

  void listen(Fd socket);
  // The only one: with it this ends.
  void serve_alone(Fd connection);

 private:
  struct Worker {
    pid_t pid = -1;
    std::optional<std::string> successor;  // the program of one that was asked for before its end was seen
    Source ended;
  };
  struct Client {
    Fd socket;
    std::map<std::uint32_t, Worker> workers;  // by slot
    Source source;
  };
  using ClientId = std::uint64_t;

  void accept();
  void admit(Fd connection);
  void on_ready(ClientId id);
  void drop(ClientId id);
  void spawn(ClientId id, std::uint32_t slot, const std::string& program);
  void ended(ClientId id, std::uint32_t slot, int code, int status);

  Loop& loop_;
  const std::string program_;
  const std::string option_;
  const std::string installed_;  // where the program lay when this was started
  bool is_alone_ = false;
  ClientId last_id_ = 0;
  std::map<ClientId, Client> clients_;
  Fd listening_;
  Source listener_;
  Source accept_again_;
};

}  // namespace herald::prober
