// The process that writes heraldd's files: it reads orders from a socket, carries them out one at a time, waiting for the
// disk as long as that takes, and answers each.
//
// It holds nothing of heraldd's but that socket, so that heraldd can go, and another one come, while it hangs in the
// kernel. It ends when heraldd has gone. What heraldd wanted until then is not put in place any more, for its successor
// may know better; and one writer waits for another that still hangs, so that no old state comes after a newer one.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "sidecar/os/fd.h"

namespace herald {

// Both a packet each: its length (32 bits) and its bytes. An answer is a '+', or a '-' and a line for people.
inline constexpr char kWrittenAnswer = '+';
inline constexpr char kFailedAnswer = '-';

struct WriterChild {
  pid_t pid = -1;
  Fd socket;  // heraldd's end
};

// Forks; the parent returns. `prepare` is run in the child, which calls nothing else of heraldd's. The error is a line for
// people.
[[nodiscard]] std::expected<WriterChild, std::string> start_writer_child(
    const std::function<void()>& prepare);

// What the child does; returns when the other end has gone. Exposed for tests.
void serve_writes(const Fd& socket);

}  // namespace herald
