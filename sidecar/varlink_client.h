// One call to a Varlink service on a unix socket, blocking, with one deadline for all of it.
//
// It refuses replies that are no Varlink and longer than any that heraldd sends. Nothing here throws.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "sidecar/core/types.h"
#include "sidecar/varlink.h"

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

}  // namespace herald
