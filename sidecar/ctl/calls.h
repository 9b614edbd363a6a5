// heraldctl's commands, once the command line is understood: one call to heraldd, and what to print of its
// answer.
//
// They print nothing themselves, but for watch(), and never throw.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sidecar/core/types.h"
#include "sidecar/ctl/text.h"
#include "sidecar/varlink/client.h"

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
  bool timeout_given = false;
  bool json = false;
  bool terminal = false;  // stdout is one
  Look look;
  // What cannot wait for the Outcome: whole lines for stdout. False when nobody reads them any more.
  std::function<bool(const std::string& lines)> print;
};

struct Outcome {
  int code = kDone;
  std::string out;  // for stdout, whole lines
  std::string err;  // for stderr, whole lines; the first is printed behind "heraldctl: "
};

// A call that failed, for people and with its exit code.
[[nodiscard]] Outcome failed(const Options& options, const CallFailure& failure);
// The same of one that changes something: without an answer it is not known whether it has.
[[nodiscard]] Outcome failed_change(const Options& options, const CallFailure& failure);

// What --json prints.
[[nodiscard]] std::string json_text(const Options& options, const Report& report);

// All services where none are named.
[[nodiscard]] Outcome status(const Options& options, const std::vector<std::string>& services);
[[nodiscard]] Outcome why(const Options& options, const std::string& service);

// What changed, of one service or, where none is named, of all.
[[nodiscard]] Outcome history(const Options& options, const std::string& service);
// The same as it happens, until heraldd ends or nobody reads it any more.
[[nodiscard]] Outcome watch(const Options& options);

// Runs the probes of "SERVICE", or one as "SERVICE/PROBE", and shows the results; exit 1 unless all pass.
[[nodiscard]] Outcome probe(const Options& options, const std::string& target, bool counts);

// What differs, with the commands for it; exit 1 if anything does.
[[nodiscard]] Outcome plan(const Options& options);

// As text in either case; with --json {"text": ...}.
[[nodiscard]] Outcome metrics(const Options& options, bool openmetrics);

struct AdminWish {
  std::vector<std::string> services = {};
  bool all = false;
  std::string reason = {};
  std::string lasts = {};   // a duration, empty: until undone
  bool wait = false;        // drain: until the stack, read back, no longer advertises them
  std::string by = {};      // drain, undrain: a name, empty: as heraldd knows the caller
  bool all_orders = false;  // undrain: everybody's
};
[[nodiscard]] Outcome drain(const Options& options, const AdminWish& wish);
[[nodiscard]] Outcome undrain(const Options& options, const AdminWish& wish);
[[nodiscard]] Outcome force(const Options& options, const AdminWish& wish);
[[nodiscard]] Outcome unforce(const Options& options, const AdminWish& wish);
[[nodiscard]] Outcome clear_damping(const Options& options, const AdminWish& wish);
// Makes somebody else's addresses that are VIPs of the service herald's.
[[nodiscard]] Outcome adopt(const Options& options, const std::string& service);

}  // namespace herald::ctl
