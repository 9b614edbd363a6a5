// What a probe is: something that can make one attempt at a time and report a fact.
//
// It knows nothing of services, thresholds or routes, keeps no deadline (the core cancels an attempt by
// destroying it), and never blocks the loop.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sidecar/core/config.h"
#include "sidecar/core/types.h"

namespace herald {

class Loop;
class ObjectReader;

namespace probes {

class CaStores;
class CurlMulti;
class Resolver;

// What every probe may use. All outlive the probes.
struct Context {
  Loop& loop;
  CurlMulti& curl;
  Resolver& resolver;
  CaStores& ca_stores;
};

// One attempt in flight. Destroying it cancels it, silently and at once. Its Probe outlives it.
class Attempt {
 public:
  Attempt() = default;
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  virtual ~Attempt() = default;

  // What it is waiting for ("connecting", "waiting for the answer"): shown when the deadline cuts it off.
  [[nodiscard]] virtual std::string stage() const = 0;
};

// Called at most once, never from inside start(); the Attempt may be destroyed from inside it.
using Done = std::function<void(ProbeResult)>;

class Probe {
 public:
  Probe() = default;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  virtual ~Probe() = default;

  // An error is a result known at once (no descriptors, nothing resolved yet): usually inconclusive.
  [[nodiscard]] virtual std::expected<std::unique_ptr<Attempt>, ProbeResult> start(Done done) = 0;
};

// One row of the registry.
struct ProbeKind {
  std::string_view type;
  // Reads every key of the type from the probe's object and reports what is wrong with them.
  void (*check)(ObjectReader& keys);
  // `spec` has passed check(); the error is a line for people (a file that cannot be read).
  std::expected<std::unique_ptr<Probe>, std::string> (*make)(const ProbeSpec& spec, const Context& context);
  // The address that the probe talks to, if it is a literal one: config_file refuses a VIP that herald itself
  // removes. Empty when it is a name or there is none. `settings` has passed check().
  std::string (*target)(const std::string& settings);
  // What every attempt asks, "host:port", so that it can be told which services share it; left out where that is not one
  // thing. The same condition.
  std::string (*endpoint)(const std::string& settings) = nullptr;
};

// All probe types, written out in registry.cc.
[[nodiscard]] std::span<const ProbeKind> registry();

}  // namespace probes
}  // namespace herald
