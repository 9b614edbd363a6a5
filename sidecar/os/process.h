// Run a child without a shell, in a process group of its own, with its output captured up to a cap.
//
// Destroying a Process that still runs kills its whole group with SIGKILL; the loop reaps it. It has no
// deadline of its own: whoever starts one owns that. A grandchild that leaves the group (setsid) is out of
// its reach, unless the child is contained: it then has a keeper (keeper.h), which ends all that was started, and costs a fork.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sidecar/os/fd.h"
#include "sidecar/os/loop.h"

namespace herald {

struct ProcessExit {
  std::string error;  // of one that is contained: why it could not be run; the rest counts for nothing then
  bool signalled = false;
  int status = 0;   // exit code, or the signal's number
  std::string out;  // stdout and stderr as they came, cut at the cap
  bool truncated = false;
};

struct ProcessOptions {
  std::vector<std::string> argv;           // argv[0] is a path; not searched in PATH unless it has no slash
  std::vector<std::string> environment{};  // "NAME=value", the whole environment of the child
  std::size_t output_cap = 4096;
  bool is_contained = false;  // argv[0] then has a slash
  bool operator==(const ProcessOptions&) const = default;
};

class Process {
 public:
  using OnExit = std::function<void(ProcessExit)>;

  // The error is a line for people and says what was attempted ("run /x: No such file or directory"). That a contained child
  // cannot be run is told later, by ProcessExit.
  // `on_exit` is called once, later, from the loop, when the child itself has ended, even if a grandchild
  // still holds its output open; what is left of the group (of a contained one: all that is left) is killed before.
  static std::expected<Process, std::string> start(Loop& loop, const ProcessOptions& options, OnExit on_exit);

  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();

 private:
  struct State;
  explicit Process(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace herald
