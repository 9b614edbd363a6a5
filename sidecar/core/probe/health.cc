#include "sidecar/core/probe/health.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace herald {
namespace {

void count(std::uint32_t& counter) {
  if (counter < std::numeric_limits<std::uint32_t>::max()) ++counter;
}

ProbeResult inverted(ProbeResult result) {
  if (result.verdict == Verdict::fail) {
    result.verdict = Verdict::pass;
    result.reason = Reason::none;
  } else if (result.verdict != Verdict::inconclusive) {
    result.verdict = Verdict::fail;
    result.reason = Reason::inverted;
  }
  return result;
}

}  // namespace

ProbeResult HealthTracker::record(ProbeResult result) {
  if (thresholds_.invert) result = inverted(std::move(result));
  switch (result.verdict) {
    case Verdict::inconclusive:
      break;
    case Verdict::pass:
    case Verdict::warn:
      count_pass(result.verdict == Verdict::warn);
      break;
    case Verdict::fail:
      count_failure(result.reason);
      break;
  }
  return result;
}

void HealthTracker::retune(ProbeThresholds thresholds) {
  if (thresholds.window != thresholds_.window) {
    window_.clear();
    window_failures_ = 0;
  }
  thresholds_ = std::move(thresholds);
}

void HealthTracker::forget() {
  output_ = Output::unknown;
  passes_ = failures_ = warns_ = cleans_ = 0;
  has_evidence_ = false;
  degraded_ = false;
  window_.clear();
  window_failures_ = 0;
}

void HealthTracker::count_pass(bool warned) {
  slide_window(false);
  failures_ = 0;
  has_evidence_ = false;
  count(passes_);
  if (output_ != Output::up && passes_ >= thresholds_.rise) become(Output::up);

  count(warned ? warns_ : cleans_);
  (warned ? cleans_ : warns_) = 0;
  if (warns_ >= thresholds_.fall) degraded_ = true;
  if (cleans_ >= thresholds_.rise) degraded_ = false;
}

void HealthTracker::count_failure(Reason reason) {
  slide_window(true);
  passes_ = warns_ = cleans_ = 0;
  count(failures_);
  const bool hard = std::ranges::find(thresholds_.hard_fail, reason) != thresholds_.hard_fail.end();
  has_evidence_ = has_evidence_ || hard || reason != Reason::timeout;
  const bool spread = thresholds_.window && window_failures_ >= thresholds_.window->fail;
  if (hard || spread || failures_ >= thresholds_.fall) become(Output::down);
}

void HealthTracker::slide_window(bool failed) {
  if (!thresholds_.window) return;
  window_.push_back(failed);
  if (failed) ++window_failures_;
  if (window_.size() > thresholds_.window->of) {
    if (window_.front()) --window_failures_;
    window_.pop_front();
  }
}

void HealthTracker::become(Output output) {
  if (output_ == output) return;
  output_ = output;
  if (output == Output::up) {
    window_.clear();
    window_failures_ = 0;
  }
}

ProbeState HealthTracker::state() const {
  switch (output_) {
    case Output::up:
      return failures_ > 0 ? ProbeState::falling : ProbeState::up;
    case Output::down:
      return passes_ > 0 ? ProbeState::rising : ProbeState::down;
    case Output::unknown:
      break;
  }
  if (passes_ > 0) return ProbeState::rising;
  return failures_ > 0 ? ProbeState::falling : ProbeState::unknown;
}

bool HealthTracker::pending() const {
  const ProbeState now = state();
  return output_ == Output::unknown || now == ProbeState::rising || now == ProbeState::falling;
}

}  // namespace herald
