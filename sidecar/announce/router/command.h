// One question to a router's command-line client (vtysh, birdc): a child with a deadline, one at a time.
//
// Destroying a Command kills the child; its answer never comes then.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "sidecar/os/loop.h"
#include "sidecar/os/process.h"

namespace herald {

class Command {
 public:
  // What the client printed, or why there is no answer: "vtysh: no answer within 2s".
  using OnAnswer = std::function<void(std::expected<std::string, std::string>)>;

  explicit Command(Loop& loop) : loop_(&loop) {}

  // A child that still runs is killed first: newer wishes replace older ones. `on_answer` is called from the
  // loop, never from inside run(), and may call run() again. Any exit code is an answer.
  void run(std::vector<std::string> argv, Duration timeout, OnAnswer on_answer);
  // Kills a child that still runs; its answer never comes.
  void cancel();

 private:
  void answer(std::expected<std::string, std::string> text);

  Loop* loop_;
  std::string name_;  // of the client, for error texts
  OnAnswer on_answer_;
  Source deadline_;
  std::optional<Process> process_;
};

}  // namespace herald
