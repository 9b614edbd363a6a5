// Calls to a Varlink service on a unix socket, blocking, with one deadline for all of a call.
//
// It refuses replies that are no Varlink and longer than any that heraldd sends. Nothing here throws.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include "sidecar/core/types.h"
#include "sidecar/os/fd.h"
#include "sidecar/varlink/wire.h"

namespace herald {

struct CallFailure {
  enum class Kind : std::uint8_t {
    not_reachable,  // nobody listens, or not somebody who speaks Varlink
    not_permitted,  // the kernel does not let us connect
    timed_out,
    refused  // an error reply
  };
  Kind kind = Kind::not_reachable;
  std::string text;    // "connect: No such file or directory"; what of the call went wrong
  VarlinkError error;  // refused
};

// The parameters of the reply.
[[nodiscard]] std::expected<nlohmann::ordered_json, CallFailure> call_varlink(
    const std::string& socket, std::string_view method, const nlohmann::ordered_json& parameters,
    Duration timeout);

// A call for a stream: `take` gets the parameters of every reply as it comes, until it returns false, which is no
// failure, or until the service ends it. `timeout` is for the first reply; the others take what time they take.
[[nodiscard]] std::expected<void, CallFailure> follow_varlink(
    const std::string& socket, std::string_view method, const nlohmann::ordered_json& parameters,
    Duration timeout, const std::function<bool(const nlohmann::ordered_json&)>& take);

// The process behind a socket: taken before it is told to go, it can be waited for until its very end.
class VarlinkServer {
 public:
  [[nodiscard]] static std::expected<VarlinkServer, CallFailure> find(const std::string& socket,
                                                                      Duration timeout);
  // False when the time was over first.
  [[nodiscard]] bool wait_for_end(Duration timeout) const;

 private:
  explicit VarlinkServer(Fd connection);

  Fd connection_;  // ends with the process at the latest
  Fd process_;     // none where the kernel does not let us see it
};

}  // namespace herald
