// Attempts that somebody asked for.
//
// One that does not count runs beside the probe's own, with the same deadline and the same rules on lateness, and
// touches neither its counters nor its schedule. One that counts is the probe's next attempt, which is only due at once;
// what was in flight when it was asked for is not the answer, for it began before. Every ticket is answered once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "sidecar/core/events.h"
#include "sidecar/core/probe/probe_run.h"

namespace herald {

class AskedRuns {
 public:
  static constexpr std::size_t kMost = 256;  // of each kind

  [[nodiscard]] bool is_full(bool counts) const {
    return (counts ? counted_.size() : aside_.size()) >= kMost;
  }

  // ---- beside the probe's own

  void start(const event::ProbeNow& asked, RunId run, const ProbeSpec& spec, std::string_view service,
             TimePoint now);
  [[nodiscard]] bool has(RunId run) const { return aside_.contains(run); }
  std::optional<effect::Probed> finish(const event::ProbeFinished& finished, TimePoint now, Random& random);
  // Those whose deadline has passed; each is ended by its word, or by finish_expired() when that is awaited in vain.
  std::vector<effect::CancelProbe> expire(TimePoint now);
  std::optional<effect::Probed> finish_expired(const event::ProbeStage& cancelled, TimePoint now,
                                               Random& random);
  std::vector<effect::Probed> finish_expired(TimePoint now, Random& random);
  // Of attempts and of words.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;

  // ---- the probe's own

  // `runs` have begun until now.
  void count(const event::ProbeNow& asked, std::uint64_t runs);
  [[nodiscard]] bool awaits(ProbeId probe) const { return counted_.contains(probe); }
  // The attempt number `run` of that probe has ended.
  std::vector<effect::Probed> counted(ProbeId probe, std::uint64_t run, const ProbeResult& result);

  // Nothing is run any more: every ticket with this result, and what has to be cancelled.
  struct Ended {
    std::vector<effect::CancelProbe> cancelled;
    std::vector<effect::Probed> answers;
  };
  Ended end(const ProbeResult& result);

 private:
  struct Aside {
    event::ProbeNow asked;
    ProbeRun run;
    // Its only attempt.
    [[nodiscard]] const ProbeRun::Flight& flight() const { return run.flights().front(); }
  };
  struct Counted {
    std::uint64_t ticket = 0;
    std::uint64_t after = 0;
  };
  effect::Probed take(std::map<RunId, Aside>::iterator found);

  std::map<RunId, Aside> aside_;
  std::multimap<ProbeId, Counted> counted_;
};

}  // namespace herald
