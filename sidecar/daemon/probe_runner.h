// The attempts in flight: started and cancelled by the id of their run, and the only place that knows what a probe is made of.
//
//   start(probe, run)      an attempt begins. Its result is told, later or at once; there may be several of one probe.
//   cancel(run)            it ends untold. Returns what it was waiting for; none where there is no such attempt.
//   put(probe, made)       a probe is another from now on: what is in flight of the former one ends untold.
//
// It decides nothing: no deadline, no threshold, no next attempt. The loop outlives it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "probes/curl_multi.h"
#include "probes/probe.h"
#include "probes/resolver.h"
#include "probes/tls.h"
#include "sidecar/core/config.h"
#include "sidecar/core/types.h"
#include "sidecar/os/loop.h"

namespace herald {

class ProbeRunner {
 public:
  using OnResult = std::function<void(RunId, ProbeResult)>;
  using Probes = std::vector<std::unique_ptr<probes::Probe>>;

  ProbeRunner(Loop& loop, OnResult on_result);
  ProbeRunner(const ProbeRunner&) = delete;
  ProbeRunner& operator=(const ProbeRunner&) = delete;

  // The probes of `config` in its order, none of them in use yet: null where there is a problem, which is a line for people.
  [[nodiscard]] Probes make(const Config& config, std::vector<std::string>& problems);
  void put(ProbeId id, std::unique_ptr<probes::Probe> probe);

  // Of a probe that was put.
  void start(ProbeId id, RunId run);
  [[nodiscard]] std::optional<std::string> cancel(RunId run);

 private:
  struct Running {
    ProbeId probe{};
    std::unique_ptr<probes::Attempt> attempt;
  };

  OnResult on_result_;
  probes::CurlMulti curl_;
  probes::Resolver resolver_;
  probes::CaStores ca_stores_;
  probes::Context context_;
  Probes probes_;                     // by ProbeId
  std::map<RunId, Running> running_;  // of probes_, which outlive it
};

}  // namespace herald
