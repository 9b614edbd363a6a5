// heraldd's end of the connection to a spawner of workers (spawning.h): one that it starts itself, as its child, or one that
// listens in a unit of its own.
//
// It starts and ends workers by slot, and knows nothing of what they do. Its end is told once, from the loop; then it is of no
// use any more. The Loop outlives it.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "sidecar/os/fd.h"
#include "sidecar/os/loop.h"
#include "sidecar/work/spawning.h"

namespace herald::work {

struct LinkOptions {
  std::filesystem::path socket{};  // of a spawner that listens; empty: `program` is started
  std::filesystem::path program{};
  std::string user{};  // whom it becomes where heraldd is root; empty: nobody else
  bool raw = false;    // it keeps CAP_NET_RAW
};

class Link {
 public:
  using OnAnswer = std::function<void(ReceivedAnswer answer)>;
  using OnEnd = std::function<void(const std::string& why)>;

  // The error is a line for people.
  static std::expected<std::unique_ptr<Link>, std::string> open(Loop& loop, const LinkOptions& options,
                                                                OnAnswer on_answer, OnEnd on_end);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() = default;

  // False where the request cannot be sent.
  [[nodiscard]] bool spawn(std::uint32_t slot, SpawnKind kind = SpawnKind::spawn) {
    return send_request(socket_, {kind, slot});
  }
  [[nodiscard]] bool kill(std::uint32_t slot) { return send_request(socket_, {SpawnKind::kill, slot}); }

 private:
  Link(Fd socket, OnAnswer on_answer, OnEnd on_end)
      : socket_(std::move(socket)), on_answer_(std::move(on_answer)), on_end_(std::move(on_end)) {}
  void on_ready();

  Fd socket_;
  OnAnswer on_answer_;
  OnEnd on_end_;
  Source child_;  // reaped by the loop
  Source source_;
};

}  // namespace herald::work
