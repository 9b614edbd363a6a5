// heraldctl's commands, once the command line is understood: one call to heraldd, and what to print of its
// answer.
//
// They print nothing themselves and never throw.
#pragma once

#include <string>
#include <vector>

#include "sidecar/core/types.h"
#include "sidecar/ctl_text.h"

namespace herald::ctl {

// The contract's exit codes.
inline constexpr int kDone = 0;
inline constexpr int kNotAsWanted = 1;
inline constexpr int kUsage = 2;
inline constexpr int kNotReachable = 3;
inline constexpr int kTimedOut = 4;
inline constexpr int kNotPermitted = 5;

struct Options {
  std::string socket = "/run/herald/control.sock";
  Duration timeout = std::chrono::seconds(5);
  bool json = false;
  bool terminal = false;  // stdout is one
  Look look;
};

struct Outcome {
  int code = kDone;
  std::string out;  // for stdout, whole lines
  std::string err;  // for stderr, whole lines; the first is printed behind "heraldctl: "
};

// All services where none are named.
[[nodiscard]] Outcome status(const Options& options, const std::vector<std::string>& services);
[[nodiscard]] Outcome why(const Options& options, const std::string& service);

}  // namespace herald::ctl
