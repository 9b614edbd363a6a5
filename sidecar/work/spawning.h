// How heraldd has workers started and ended: requests and answers on a sequenced-packet socket, one struct each.
//
// The spawner (herald-prober) is the parent of the workers, which have a user of their own: heraldd, which has no right to
// signal that user's processes, asks it to. It is told the socket to a new worker and the page on which the worker writes at
// whose attempt it is, as descriptors beside the answer. When the socket between the two ends, every worker of it is killed.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "sidecar/core/types.h"
#include "sidecar/os/fd.h"
#include "sidecar/os/spawn.h"

namespace herald::work {

// spawn: a worker of the spawner's own version, whatever has been installed since it was started.
// spawn_installed: one of the program that is on the disk now, for a heraldd of another version than the spawner's. (The former
// heraldd may go on with the same spawner: an upgrade that was refused must not take its workers.)
enum class SpawnKind : std::uint32_t { spawn = 1, kill = 2, spawn_installed = 3 };
struct SpawnRequest {
  SpawnKind kind{};
  std::uint32_t slot = 0;
};

// To a request to spawn, and when a worker has ended.
enum class SpawnAnswerKind : std::uint32_t { spawned = 1, failed = 2, ended = 3 };
struct SpawnAnswer {
  SpawnAnswerKind kind{};
  std::uint32_t slot = 0;
  std::int32_t pid = 0;
  std::int32_t signalled = 0;  // ended: whether `status` is a signal
  std::int32_t status = 0;     // ended: its exit code or signal; failed: the errno
};

struct ReceivedAnswer {
  SpawnAnswer answer;
  Fd socket;
  Fd page;
};

// Both on a non-blocking SOCK_SEQPACKET. A send that would have to wait fails.
[[nodiscard]] bool send_request(const Fd& socket, const SpawnRequest& request);
[[nodiscard]] bool send_answer(const Fd& socket, const SpawnAnswer& answer, const Fd& to_worker,
                               const Fd& page);

enum class Nothing : std::uint8_t { yet, more };  // there is none for now; none will come, or it is none
[[nodiscard]] std::expected<SpawnRequest, Nothing> receive_request(const Fd& socket);
[[nodiscard]] std::expected<ReceivedAnswer, Nothing> receive_answer(const Fd& socket);

// What a worker writes on its page, so that who kills it, or finds it dead, knows at what it was. Read with pread(2), never
// mapped: the worker can cut the file short.
struct Page {
  std::uint64_t run = 0;   // whose callback is running; 0: nobody's
  std::uint64_t cost = 0;  // 1: it ended itself, for that callback did not come to an end
};
[[nodiscard]] std::optional<Page> read_page(const Fd& page);

// The descriptors that a worker is started with.
inline constexpr int kSocketFd = kFirstGiven;
inline constexpr int kPageFd = kFirstGiven + 1;
// A callback that does not come to an end within so much CPU time ends its worker, which exits with that.
inline constexpr Duration kMostCallback = std::chrono::milliseconds(150);
inline constexpr int kCostExit = 97;

}  // namespace herald::work
