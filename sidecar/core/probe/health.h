// One probe's rise/fall machine: results in, up or down out. It keeps no time and runs nothing.
//
// The output is unknown, up or down; a change of it may be pending:
//
//   unknown  nothing conclusive yet. Each pass counts toward up (`rising`), each failure toward down (`falling`);
//            the output stays unknown until one of them has the full count in a row.
//   up       a failure makes a change pending (`falling`); the fall-th in a row takes it down. One pass while
//            falling restores in full: a service that lost one attempt does not have to earn `rise` again.
//   down     a pass makes a change pending (`rising`); the rise-th in a row takes it up. One failure while rising
//            starts over.
//
// A failure whose reason is in `hard_fail` takes it down at once, from any state. `window` takes it down when
// k of the last n attempts failed, however spread; coming up empties the window, or old failures would take
// it down again. An inconclusive result changes nothing. A warn is a pass for all this, and has a pair of
// counters of its own: `fall` of them in a row degrade, `rise` clean passes in a row restore.
#pragma once

#include <cstdint>
#include <deque>

#include "sidecar/core/config.h"

namespace herald {

class HealthTracker {
 public:
  enum class Output : std::uint8_t { unknown, up, down };

  explicit HealthTracker(ProbeThresholds thresholds) : thresholds_(std::move(thresholds)) {}

  // `result` is as the probe made it; `invert` is applied here. Returns what was counted.
  ProbeResult record(ProbeResult result);
  // Other thresholds for the same target: what was counted stands, and is judged by them from the next result on.
  // Another window begins empty.
  void retune(ProbeThresholds thresholds);
  // What was known is too old to stand for the present.
  void forget();

  [[nodiscard]] Output output() const { return output_; }
  [[nodiscard]] ProbeState state() const;
  // Up, and warning. What is down or unknown is not degraded besides.
  [[nodiscard]] bool degraded() const { return output_ == Output::up && degraded_; }
  [[nodiscard]] bool pending() const;
  // Conclusive results of one kind in a row; one of the two is zero.
  [[nodiscard]] std::uint32_t passes() const { return passes_; }
  [[nodiscard]] std::uint32_t failures() const { return failures_; }
  // It fails, and every failure in the row was a timeout, which is not in hard_fail.
  [[nodiscard]] bool is_timeout() const { return failures_ > 0 && !has_evidence_; }
  [[nodiscard]] const ProbeThresholds& thresholds() const { return thresholds_; }

 private:
  void count_pass(bool warned);
  void count_failure(Reason reason);
  void slide_window(bool failed);
  void become(Output output);

  ProbeThresholds thresholds_;
  Output output_ = Output::unknown;
  bool degraded_ = false;
  std::uint32_t passes_ = 0;
  std::uint32_t failures_ = 0;
  bool has_evidence_ = false;  // one of the failures in the row was no mere timeout
  std::uint32_t warns_ = 0;    // in a row
  std::uint32_t cleans_ = 0;   // passes without a warning, in a row
  std::deque<bool> window_;    // newest last; true: failed
  std::uint32_t window_failures_ = 0;
};

}  // namespace herald
