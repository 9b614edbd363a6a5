// A socket that listens where the configuration says.
//
// The path of a unix socket is taken over where nobody listens at it any more: who was killed has left it. It refuses to take
// over anything else.
#pragma once

#include <expected>
#include <string>

#include "sidecar/os/fd.h"
#include "sidecar/text/listen_address.h"

namespace herald::http {

struct ListenFailure {
  bool is_taken = false;  // perhaps by somebody who is about to go
  std::string text;       // a line for people
};
[[nodiscard]] std::expected<Fd, ListenFailure> listen_at(const ListenAddress& address);

}  // namespace herald::http
