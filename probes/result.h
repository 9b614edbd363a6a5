// How the results of probes read: one line for an engineer at 3 am, whatever bytes the target sent.
//
// It refuses lines without end. What a target sent goes through printable() (text/plain_text), as a terminal or a journal
// shows these lines as they are.
#pragma once

#include <string>
#include <string_view>

#include "sidecar/core/types.h"

namespace herald::probes {

[[nodiscard]] ProbeResult passed(std::string detail);
[[nodiscard]] ProbeResult warned(Reason reason, std::string detail);
[[nodiscard]] ProbeResult failed(Reason reason, std::string detail);
// Herald's own trouble: it never counts against the service.
[[nodiscard]] ProbeResult local_trouble(std::string detail);

// What `error` of a socket call says: of the target where the network answered, of this machine where it
// lacks descriptors, ports, memory or the right. "connect 10.0.0.1:80: Connection refused".
[[nodiscard]] ProbeResult network_result(std::string_view attempted, int error);
// The same of a unix socket, where EACCES is what herald itself may not do, and EAGAIN the target's full
// backlog.
[[nodiscard]] ProbeResult unix_socket_result(std::string_view attempted, int error);

// The beginning of what a target sent, in quotes: "\"<html><head>...\"".
[[nodiscard]] std::string quoted_start(std::string_view text);
// Which certificate of a chain ends first, and when.
struct CertificateEnd {
  Duration remaining{};  // negative when it is over
  std::string issuer;    // the name of the one above the server's own that it is, or ""
  std::int64_t at = 0;   // the moment, in seconds since 1970
};
// "certificate expires in 6 days", "certificate of the issuer "R3" expires in 6 days"
[[nodiscard]] std::string expiry_text(const CertificateEnd& end);
// "1.2 ms", "812 ms"
[[nodiscard]] std::string in_milliseconds(Duration duration);

}  // namespace herald::probes
