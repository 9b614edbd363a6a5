// The targets of probes that are listeners of this machine: their ends become nudges (core/probe/nudges.h).
//
//   watch(probes)           at the start and after a reload: whose targets these are
//   addresses_changed()     what is of this machine may be another now
//   source_of(probe)        for people: "listener 127.0.0.1:8080", "none (no listener here)", "unavailable (...)"
//
// Its own state, by whether the kernel tells of the ends of listeners at all:
//
//   idle         no probe has such a target: nothing is opened, and no socket's end costs the kernel anything.
//   trying       a canary, a listener of herald's own, was closed, and its end has to be told within kCanaryAwaited.
//   on           it was. A sandbox that lets heraldd have no such socket (herald.service does not) leaves it at a look-up, which
//                needs the same parts of the kernel.
//   unavailable  it was not, or there is no such socket: polling is what it was, which is said once. Tried again every kTryAgain.
//
// For each end that the kernel tells of it looks who is left. TCP: somebody listens still (a reload, workers that share a port):
// nudged all the same, for an attempt is cheap; nobody: nudged, and it says so. UDP: only when nobody is left, for what is sent
// into a socket that is about to go is lost, and a timeout later than a refusal.
//
// With `accept_stall` it looks every kAcceptPoll how many connections wait at the listener (accept_queue.h): one look-up a target.
//
// An end that the kernel could not queue may have been anybody's: all are nudged, spread over their fast_interval.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sidecar/core/events.h"
#include "sidecar/daemon/accept_queue.h"
#include "sidecar/os/fd.h"
#include "sidecar/os/loop.h"
#include "sidecar/os/socket_diag.h"
#include "sidecar/os/socket_lookup.h"

namespace herald {

class TargetWatch {
 public:
  using Tell = std::function<void(const event::Nudged&)>;
  using Say = std::function<void(const std::string&)>;

  // Loop outlives it.
  TargetWatch(Loop& loop, Tell tell, Say say);
  TargetWatch(const TargetWatch&) = delete;
  TargetWatch& operator=(const TargetWatch&) = delete;

  struct Watched {
    ProbeId probe{};
    const ProbeSpec* spec = nullptr;  // needed during the call alone
  };
  void watch(const std::vector<Watched>& probes);
  void addresses_changed();
  [[nodiscard]] std::string source_of(ProbeId probe);
  // Whether its target is a port of this machine, so that source_of() says whether the kernel tells of it.
  [[nodiscard]] bool is_here(ProbeId probe) const;

 private:
  enum class State : std::uint8_t { idle, trying, on, unavailable };
  struct Target {
    std::vector<ListenerAddress> at;
    std::string text;      // as the configuration has it
    Duration fast{};       // its fast_interval
    bool is_here = false;  // one of the addresses is of this machine
    std::optional<Duration> accept_stall = std::nullopt;
    AcceptQueue queue{};
    std::string none;      // why it has no source, as far as the configuration says it
    bool is_left = false;  // as of looked_at: somebody listens
    TimePoint looked_at{};
  };

  [[nodiscard]] static Target target_of(const ProbeSpec& spec);
  void place_targets();
  [[nodiscard]] bool is_needed() const;
  void try_again();
  [[nodiscard]] std::optional<std::string> open();
  [[nodiscard]] std::optional<std::string> release_canary();
  [[nodiscard]] std::optional<std::string> do_without_canary();
  void attach_ports(std::optional<std::uint16_t> canary);
  void become(State state, const std::string& why);
  void close();
  void hear();
  void hear_canary(const std::vector<ListenerAddress>& ended);
  void nudge_of(const ListenerAddress& ended);
  void lose();
  void nudge_due();
  void look_at_queues();
  [[nodiscard]] std::uint32_t waiting_at(const Target& target);

  Loop& loop_;
  Tell tell_;
  Say say_;
  State state_ = State::idle;
  std::string why_;  // unavailable
  bool is_said_ = false;
  std::map<ProbeId, Target> targets_;
  std::optional<ListenerMonitor> monitor_;
  std::optional<SocketLookup> lookup_;
  std::uint16_t canary_ = 0;
  std::multimap<TimePoint, ProbeId> due_;  // after a loss
  Source socket_;
  Source timer_;  // the canary's, or the next try
  Source spread_;
  Source queues_;  // while it is on, and some target wants it
};

}  // namespace herald
