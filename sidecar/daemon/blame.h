// Which probes end the workers that run them, or take more of their time than they may: a strike.
//
//   trusted      runs with the others.
//   quarantined  it has been struck, at most kQuarantine ago: it runs where only its like run.
//   refused      it has been struck kMost times within kWindow: it is not run for kRefused, and its last result stands meanwhile.
//
// It knows probes and results, and no process.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "sidecar/core/types.h"

namespace herald {

class Blame {
 public:
  static constexpr std::size_t kMost = 5;
  static constexpr Duration kWindow = std::chrono::minutes(1);
  static constexpr Duration kRefused = std::chrono::seconds(10);
  static constexpr Duration kQuarantine = std::chrono::minutes(10);

  // That was what its attempt came to.
  void strike(ProbeId probe, ProbeResult result, TimePoint now);
  // It is another probe now.
  void forget(ProbeId probe) { struck_.erase(probe); }

  [[nodiscard]] bool is_quarantined(ProbeId probe, TimePoint now) const;
  // What to say in the place of an attempt.
  [[nodiscard]] std::optional<ProbeResult> refusal(ProbeId probe, TimePoint now) const;

 private:
  struct Struck {
    std::deque<TimePoint> at;  // the last kMost
    ProbeResult last;
  };
  std::map<ProbeId, Struck> struck_;
};

}  // namespace herald
