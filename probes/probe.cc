#include "probes/probe.h"

#include <utility>

#include "probes/result.h"
#include "sidecar/os/loop.h"

namespace herald::probes {

Attempt::Attempt(Done done) : done_(std::move(done)), started_(Loop::clock()) {}

Duration Attempt::elapsed() const {
  return Loop::clock() - started_;
}

void Attempt::finish(ProbeResult result) {
  if (result.latency == Duration::zero())
    result.latency = elapsed();  // else the attempt waited for more than was asked
  close();
  // The callback may destroy this.
  const Done done = std::move(done_);
  done(std::move(result));
}

std::expected<Fd, ProbeResult> Probe::connect() {
  return std::unexpected(local_trouble("no connection is kept to such a target"));
}

}  // namespace herald::probes
