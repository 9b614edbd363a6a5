// What a probe is: something that can make one attempt at a time and report a fact.
//
// It knows nothing of services, thresholds or routes, keeps no deadline (the core cancels an attempt by
// destroying it), and never blocks the loop.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sidecar/core/config.h"
#include "sidecar/core/types.h"
#include "sidecar/os/fd.h"

namespace herald {

class Loop;

namespace probes {

class CaStores;
class CurlMulti;
class FarEnds;
class NameService;
class OwnVips;

// What every probe may use. All outlive the probes.
struct Context {
  Loop& loop;
  CurlMulti& curl;
  NameService& resolver;
  CaStores& ca_stores;
  const OwnVips& vips;
  FarEnds& far_ends;
};

// Called at most once, never from inside start(); the Attempt may be destroyed from inside it.
using Done = std::function<void(ProbeResult)>;

// One attempt in flight. Destroying it cancels it, silently and at once. Its Probe outlives it.
class Attempt {
 public:
  // From here on its latency is measured.
  explicit Attempt(Done done);
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  virtual ~Attempt() = default;

  // What it is waiting for ("connecting", "waiting for the answer"): shown when the deadline cuts it off.
  [[nodiscard]] virtual std::string stage() const = 0;
  // What it waits on, for who can ask the kernel how far the target has come with it (far_end.h); none where there is none yet, or
  // the kernel cannot tell.
  struct Connection {
    int fd = -1;
    bool has_asked = false;    // something was sent
    bool is_answered = false;  // something has come
  };
  [[nodiscard]] virtual std::optional<Connection> connection() const { return std::nullopt; }

 protected:
  [[nodiscard]] TimePoint started() const { return started_; }
  [[nodiscard]] Duration elapsed() const;
  // The end, and the last thing that an attempt does: this may be gone after it.
  void finish(ProbeResult result);

 private:
  // Lets go of descriptors and timers, so that nothing happens to an attempt that is over.
  virtual void close() {}

  Done done_;
  TimePoint started_;
};

class Probe {
 public:
  Probe() = default;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  virtual ~Probe() = default;

  // An error is a result known at once (no descriptors, nothing resolved yet): usually inconclusive.
  [[nodiscard]] virtual std::expected<std::unique_ptr<Attempt>, ProbeResult> start(Done done) = 0;
  // Begins a connection to the target as an attempt would, to be kept for its end alone (`hold`): nothing is sent on it. Of a type
  // whose CheckedProbe says `can_hold`.
  [[nodiscard]] virtual std::expected<Fd, ProbeResult> connect();
};

// The error is a line for people.
using MadeProbe = std::expected<std::unique_ptr<Probe>, std::string>;

}  // namespace probes
}  // namespace herald
