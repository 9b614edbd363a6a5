// Connections that are kept to the targets of probes for their ends alone (`hold`): the only thing that tells at once of a death
// on another machine, or behind a unix socket. Nothing is sent on them, and what comes is thrown away.
//
//   keep(probe, open)   from now on; `open` begins a connection as an attempt of that probe would.
//   passed(probe)       an attempt has passed. Where there is none, one is made now: never to a target that does not answer.
//   let_go(probe)       no longer.
//
// One of them:
//
//   none        until passed(). After an end, or a failure, not within its pause, either: of none where it lived kGoodLife, else
//               of a second, and twice as long each time, to kLongestPause. So a server that closes what is idle,
//               or everything, makes no storm.
//   connecting  until it is there, and for kConnectAwaited at most.
//   kept        until the target or the network ends it, which is told. The kernel of a target that is there answers its keep-alive
//               packets, whatever the process does; of a host that is not, its end comes after kIdle + kKeepAlives x kBetween.
//
// Each is a descriptor and half of the worker's at most are spent on them: attempts come first. Tell is called from within any
// of these, and from the loop, which outlives this.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <string>

#include "sidecar/core/types.h"
#include "sidecar/os/fd.h"
#include "sidecar/os/loop.h"
#include "sidecar/work/message.h"

namespace herald::prober {

class HeldConnections {
 public:
  using Open = std::function<std::expected<Fd, ProbeResult>()>;
  using Tell = std::function<void(work::Held)>;

  static constexpr Duration kGoodLife = std::chrono::seconds(5);
  static constexpr Duration kFirstPause = std::chrono::seconds(1);
  static constexpr Duration kLongestPause = std::chrono::minutes(1);
  static constexpr Duration kConnectAwaited = std::chrono::seconds(5);
  static constexpr std::size_t kMostHeard = 65536;  // bytes on one connection, which nobody wants

  HeldConnections(Loop& loop, std::size_t most, Tell tell);
  HeldConnections(const HeldConnections&) = delete;
  HeldConnections& operator=(const HeldConnections&) = delete;

  void keep(ProbeId probe, Open open);
  void let_go(ProbeId probe);
  void passed(ProbeId probe);

 private:
  struct One {
    Open open;
    Fd fd;
    bool is_there = false;
    bool has_passed = false;  // since it was there last
    TimePoint since{};
    TimePoint not_before{};
    Duration pause{};
    std::size_t heard = 0;
    Source timer;
    Source io;
  };

  void connect(ProbeId probe, One& one);
  void has_connected(ProbeId probe, One& one);
  void hear(ProbeId probe, One& one);
  void end(ProbeId probe, One& one, work::HeldChange change, const std::string& why);
  void close(One& one);

  Loop& loop_;
  std::size_t most_;
  Tell tell_;
  std::size_t open_ = 0;
  std::map<ProbeId, One> all_;
};

}  // namespace herald::prober
