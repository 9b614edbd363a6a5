#include "sidecar/ctl_life.h"

#include <fmt/format.h>

#include "sidecar/control_methods.h"
#include "sidecar/duration.h"

namespace herald::ctl {

Outcome handover(const Options& options) {
  constexpr Duration kPatience = std::chrono::seconds(15);
  Options call = options;
  call.timeout = Options{}.timeout;
  const auto heraldd = VarlinkServer::find(call.socket, call.timeout);
  if (!heraldd) return failed(call, heraldd.error());
  const auto reply = call_varlink(call.socket, kHandoverMethod, Report::object(), call.timeout);
  if (!reply) return failed(call, reply.error());
  const Duration patience = options.timeout_given ? options.timeout : kPatience;
  if (heraldd->wait_for_end(patience)) return {kDone, "", ""};
  return {kTimedOut, "",
          fmt::format("heraldd has not gone after {}; the handover goes on\n", to_string(patience))};
}

}  // namespace herald::ctl
