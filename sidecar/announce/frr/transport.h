// Lines to bgpd and its answers: by vtysh (frr/vtysh.h) or over bgpd's own vty socket (frr/socket.h).
//
// Each run() is a session of its own that starts in the enable node, so a run that was given up leaves nothing behind
// but what bgpd has done by then. One at a time: run() gives up the one before, which is then not answered any more.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/os/loop.h"

namespace herald {

// FRR's lib/command.h; the others mean that the line was refused.
inline constexpr int kFrrSuccess = 0;
inline constexpr int kFrrWarning = 1;
inline constexpr int kFrrSuccessDaemon = 10;
inline constexpr int kFrrFailed = 13;

struct FrrAnswer {
  int status = kFrrSuccess;
  std::string text;

  // FRR goes on after it; a warning may still mean that nothing was done.
  [[nodiscard]] bool goes_on() const {
    return status == kFrrSuccess || status == kFrrWarning || status == kFrrSuccessDaemon;
  }
  bool operator==(const FrrAnswer&) const = default;
};

struct FrrReply {
  std::vector<FrrAnswer> answers;  // of the lines that were run, in order
  // Why there are no more answers, when that is not bgpd's doing: "vtysh: no answer within 2s".
  std::optional<std::string> error = {};
  bool blind = false;  // all lines were run, but nothing of what bgpd said can be known
};

enum class OnFailure : std::uint8_t {
  stop,     // at the first line that is refused: its answer is the last
  carry_on  // run every line
};

class FrrTransport {
 public:
  using OnReply = std::function<void(FrrReply)>;

  FrrTransport() = default;
  FrrTransport(const FrrTransport&) = delete;
  FrrTransport& operator=(const FrrTransport&) = delete;
  virtual ~FrrTransport() = default;

  // `on_reply` is called once, from the loop, and may call run() again; not when the transport is destroyed first.
  virtual void run(std::vector<std::string> lines, OnFailure on_failure, OnReply on_reply) = 0;
};

// By `router.vtysh.transport`; the socket has vtysh behind it, for when it does not answer.
[[nodiscard]] std::unique_ptr<FrrTransport> make_frr_transport(Loop& loop, const VtyshSpec& spec);

// What bgpd or vtysh said, as one short line for people, without FRR's "% ".
[[nodiscard]] std::string said(std::string_view text);

}  // namespace herald
