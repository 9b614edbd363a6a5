// A keeper stands between herald and a command: a process that ends all that the command has started, whatever became of it.
//
//   herald ── link ── keeper ── command ── what it started, after setsid and a double fork too
//
// It runs the command, waits until the command has ended or the link is closed (herald let go of it, or is gone), ends everything
// below it with SIGKILL, tells how the command ended, and exits. Below it is: where herald's cgroup can be written (delegated, or
// herald is root), the cgroup that the command began in, which the kernel ends as a whole; and in any case its descendants, who
// are its children once their own parents are gone (PR_SET_CHILD_SUBREAPER).
//
// It refuses to make herald wait: the fork is all that herald does; reading a program from the disk, cgroups and the ending are the
// keeper's. What it may not end (a setuid program) it leaves after kMostEnding. It is a copy of herald in which nothing of herald
// runs: its descriptors are closed, its signals blocked.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "sidecar/core/types.h"
#include "sidecar/os/fd.h"

namespace herald {

inline constexpr Duration kMostEnding = std::chrono::seconds(5);

struct Keeper {
  pid_t pid = -1;  // to be watched and reaped
  Fd link;         // closing it ends the command
};

// How the command ended: an errno when it could not be run, else `code` and `status` as waitid(2) has them.
struct KeptEnd {
  int error = 0;
  int code = 0;
  int status = 0;
};

// `spawn` runs in the keeper: it starts the command with `output`, sets its pid and returns 0 or an errno. The error is a line for
// people.
std::expected<Keeper, std::string> start_keeper(const std::function<int(pid_t&)>& spawn, int output);
// Once the keeper has ended; none where it was killed.
std::optional<KeptEnd> read_end(const Keeper& keeper);

}  // namespace herald
