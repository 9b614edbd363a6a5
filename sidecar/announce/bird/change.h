// One change of what BIRD announces: herald's file written anew, then `birdc configure check`, then `birdc configure`.
//
//   writing -> asking -> checking -> configuring -> done
//                 |          |            '-> polling (0004, 0005: accepted, not finished) -> done
//                 '----------'-> rescuing -> failed
//
// A `configure` of herald's would make permanent what an operator tries by `configure timeout`, so while that is not
// confirmed nothing is loaded. And BIRD may refuse the configuration because of a file of the operator's. Either way
// herald's file stays as it is now, for the next `configure` of anybody; whoever waits for the steps is told. Withdrawals
// cannot wait for the operator: the protocol of the VIP is disabled at once, and those steps have succeeded; one that comes
// back meanwhile is enabled, with the attributes that BIRD has of it. Any later `configure` that succeeds, and any undo,
// enables all again: the next reading shows it. When BIRD refuses herald's own file, which it never should, the former
// content comes back.
//
// A deadline on each birdc; what birdc could not finish in time is the next reading's to find out.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sidecar/announce/bird/include.h"
#include "sidecar/announce/bird/reply.h"
#include "sidecar/announce/router/command.h"
#include "sidecar/core/config.h"
#include "sidecar/core/route/route_step.h"

namespace herald {

class BirdChange {
 public:
  using OnApplied = std::function<void(RouteOutcomes)>;

  BirdChange(Loop& loop, RouterSpec spec) : loop_(&loop), spec_(std::move(spec)), command_(loop) {}

  // `on_applied` is called once, later. Not while one is under way.
  void start(std::vector<RouteStep> steps, OnApplied on_applied);
  [[nodiscard]] bool under_way() const { return on_applied_ != nullptr; }
  // Why protocols of herald's were disabled, as long as they should be.
  [[nodiscard]] const std::optional<std::string>& rescue_reason() const { return rescue_reason_; }

 private:
  using OnReply = void (BirdChange::*)(const BirdReply&);

  void write();
  void send(std::string command, OnReply on_reply);
  void on_trial(const BirdReply& reply);
  void on_checked(const BirdReply& reply);
  void on_configured(const BirdReply& reply);
  void on_status(const BirdReply& reply);
  void on_enabled(const BirdReply& reply);
  void on_refused(const std::string& text);
  void rescue(std::string reason);
  void next_rescue();
  void on_rescued(const BirdReply& reply);
  void succeed();
  void fail(const std::string& reason);
  void later(Duration delay, void (BirdChange::*what)());
  void ask_status();
  void finish();

  Loop* loop_;
  RouterSpec spec_;
  std::vector<RouteStep> steps_;
  RouteOutcomes outcomes_;  // by step
  OnApplied on_applied_;
  BirdRoutes routes_;                  // as they are to be
  std::optional<std::string> former_;  // the file before
  TimePoint deadline_{};               // of polling
  std::string reason_;                 // of a rescue under way
  std::deque<std::size_t> to_rescue_;  // steps
  std::set<std::size_t> rescued_;      // steps
  std::set<Vip> disabled_;             // their protocols, by rescues, until a configuration succeeded
  std::optional<std::string> rescue_reason_;
  Command command_;
  Source timer_;
};

}  // namespace herald
