// A worker: it runs the attempts that heraldd starts and cancels by run id, and says how they ended.
//
// It decides nothing, keeps no deadline and knows no service. It says of every attempt when it was really run: how long its
// own loop was not there meanwhile is `stalled` (the process was not scheduled, or was busy with another attempt). An attempt
// that costs too much CPU time fails with the reason `cost` (Cost's limits).
//
//   made      a probe is made when its first attempt starts, and made again at the next one where that failed: a file may be
//             back by then.
//   running   until its result, or until it is cancelled, or until its probe is put anew (then it ends untold).
//
// It ends when heraldd's end of the channel does. The Loop outlives it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "probes/curl_multi.h"
#include "probes/far_end.h"
#include "probes/own_vips.h"
#include "probes/probe.h"
#include "probes/resolver.h"
#include "probes/tls.h"
#include "sidecar/os/loop.h"
#include "sidecar/prober/cost.h"
#include "sidecar/prober/held_connections.h"
#include "sidecar/work/channel.h"
#include "sidecar/work/message.h"

namespace herald::prober {

class Worker {
 public:
  Worker(Loop& loop, Fd to_heraldd, Cost& cost);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

 private:
  struct Known {
    ProbeSpec spec;
    std::unique_ptr<probes::Probe> probe;  // null until it is made
  };
  struct Running {
    ProbeId probe{};
    std::unique_ptr<probes::Attempt> attempt;
    TimePoint began{};
    Duration stalled_before{};  // of the worker, until it began
    int samples = 0;            // of its cost
  };

  void obey(std::string_view packet);
  void obey(const work::Put& order);
  void obey(const work::Try& order);
  void obey(const work::Start& order);
  void obey(const work::Cancel& order);
  void obey(const work::Vips& order);
  void obey(const work::Hold& order);
  void end_attempts_of(ProbeId probe);
  [[nodiscard]] std::optional<std::string> make(Known& known);
  void finish(RunId run, const Running& running, ProbeResult result);
  void say_of_held(work::Held change);
  [[nodiscard]] Ran ran(const Running& running) const;
  void say(const work::Report& word) { work::append(channel_.next(), word); }
  // The end of each turn: what the time since the last one was like.
  void turn_ends();
  void look_at_clock(TimePoint now);
  void end_what_costs_too_much();
  bool count_cost();
  [[nodiscard]] static bool costs_too_much(const Running& running) {
    return running.samples >= Cost::kMostAttempt / Cost::kSample;
  }

  Loop& loop_;
  Cost& cost_;
  probes::CurlMulti curl_;
  probes::Resolver resolver_;
  probes::CaStores ca_stores_;
  probes::OwnVips vips_;
  probes::FarEnds far_ends_;
  probes::Context context_;
  std::map<ProbeId, Known> known_;
  std::map<RunId, Running> running_;
  HeldConnections held_;
  Duration stalled_{};  // since the worker began
  TimePoint turned_at_{};
  Source pulse_;  // beats while an attempt is in flight
  Source turn_end_;
  work::Channel channel_;
};

}  // namespace herald::prober
