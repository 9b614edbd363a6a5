// All probes at work: who each of them is, when each is due, and how many attempts are in flight.
//
//   tell   finish(), finish_cancelled(), forget_old(), ask(), nudge(), reconfigure(), stop()
//   ask    finish_expired(), then due(): what the turn starts and cancels
//   when   next_due()
//
// A probe has a place (by the order of the configuration) and an id, by which everybody outside names it. Ids outlast a
// reload, places do not. A run's id holds the id of its probe; the end of a run that is over is dropped here.
//
// What one probe's attempts go through (ProbeRun keeps the state, this class the time of its next change):
//
//   idle      until its timer, which a nudge brings forward: then one starts and is running; while kMostRunning attempts are in flight it waits a little.
//   running   until finish(), or until its timer, which is the deadline: then it is cancelled and expiring.
//   expiring  until the cancelled attempt says what it was waiting for, or that it had just ended, and until its timer at most.
//
// Of a probe with `overlap` further ones may start meanwhile (ProbeRun); each of them goes through the same.
//
// From every state stop() leads to idle for good, and so does a reload that asks something else, to begin anew. Neither
// counts as an end. Attempts beside these, and who awaits the next one, are asked_runs.h's.
//
// It knows services by place and name only; it refuses to know what they announce, and what a probe's word does to them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidecar/core/events.h"
#include "sidecar/core/probe/asked_runs.h"
#include "sidecar/core/probe/probe_run.h"
#include "sidecar/core/timers.h"

namespace herald {

class ProbeFleet {
 public:
  // Without a probe, until reconfigure().
  explicit ProbeFleet(std::uint64_t seed);

  // What the ends of attempts mean to others.
  struct Outcome {
    std::vector<Effect> effects;    // answers to who has asked, and transitions
    std::vector<std::size_t> news;  // services to judge anew
    std::vector<std::size_t>
        answered;  // services of probes that were answered, if by a failure: has_answered()
  };
  Outcome finish(const event::ProbeFinished& finished, TimePoint now);
  // Answer to CancelProbe.
  Outcome finish_cancelled(const event::ProbeStage& cancelled, TimePoint now);
  // Those whose word was awaited in vain.
  Outcome finish_expired(TimePoint now);
  // herald itself did not run for so long.
  void was_absent(Duration late);
  // After a stall: what is too old to stand for the present is known no more, and of services that have `lapsed` (by
  // place) nothing is.
  Outcome forget_old(const std::vector<bool>& lapsed, std::string_view why, TimePoint now);
  // Somebody asks for an attempt now. Every ticket is answered once.
  std::vector<Effect> ask(const event::ProbeNow& asked, TimePoint now);
  [[nodiscard]] static effect::Probed refuse(const event::ProbeNow& asked, std::string_view why);
  // Something has happened at a target. Not after stop().
  void nudge(const event::Nudged& nudged, TimePoint now);
  // Who has asked is answered without a result.
  std::vector<Effect> end_asked(std::string_view why);
  std::vector<Effect> stop();

  // The probes of a configuration in its order, each with its service, and with the place that it had where it is one of
  // the former configuration. Not while somebody has asked.
  struct Wanted {
    const ProbeSpec* spec = nullptr;
    std::size_t service = 0;
    std::optional<std::size_t> before;
  };
  struct Reconfigured {
    std::vector<ProbeId> remade;  // who runs probes makes these anew
    std::vector<bool> doubted;    // by place: it is new, or it is not known any more what was known
    std::vector<Effect> effects;
  };
  Reconfigured reconfigure(std::span<const Wanted> wanted, std::vector<std::string> services, TimePoint now);

  // What is due: attempts to start and to cancel.
  std::vector<Effect> due(TimePoint now);
  [[nodiscard]] std::optional<TimePoint> next_due() const { return timers_.next(); }
  [[nodiscard]] bool is_asked() const { return asked_.next_deadline().has_value(); }

  [[nodiscard]] std::size_t size() const { return probes_.size(); }
  [[nodiscard]] const ProbeRun& run(std::size_t place) const { return probes_[place].run; }
  [[nodiscard]] ProbeId id(std::size_t place) const { return probes_[place].id; }
  // Of an id that is in use.
  [[nodiscard]] std::size_t place(ProbeId id) const { return place_of_[static_cast<std::size_t>(id)]; }
  // All ids are lower than this.
  [[nodiscard]] std::size_t id_limit() const { return place_of_.size(); }

 private:
  struct Member {
    ProbeRun run;
    ProbeId id{};
    std::size_t service = 0;
  };
  // What a tracker said before something was counted.
  struct Mark {
    HealthTracker::Output output{};
    bool degraded = false;
    bool pending = false;
    bool is_timeout = false;
  };
  struct Former;

  [[nodiscard]] static Mark mark(const ProbeRun& probe);
  [[nodiscard]] static std::string word_for(const Mark& mark);
  [[nodiscard]] std::optional<std::size_t> find(ProbeId id) const;
  // Of a run that is not over.
  [[nodiscard]] std::optional<std::size_t> find(RunId run) const;
  [[nodiscard]] RunId next_run(const Member& probe);
  void expire_and_start(std::size_t place, TimePoint now, std::vector<Effect>& effects);
  void ended(std::size_t place, RunId run, TimePoint next, const Mark& before, TimePoint now,
             Outcome& outcome);
  // Tells of a change of what the tracker says.
  [[nodiscard]] effect::Transition turned(std::size_t place, const Mark& before, std::string why,
                                          TimePoint now);
  void take(const Wanted& wanted, Former& former, Reconfigured& done, TimePoint now);
  void cancel(Member& probe, std::vector<Effect>& effects);
  void give_ids();
  void settle_asked();

  // Timer keys: one a probe, by place, then these.
  enum class Timer : std::uint8_t { pulse, asked, count };
  [[nodiscard]] static Timers::Key key(std::size_t place) { return static_cast<Timers::Key>(place); }
  [[nodiscard]] Timers::Key key(Timer timer) const {
    return key(probes_.size() + static_cast<std::size_t>(timer));
  }

  Random random_;
  std::vector<Member> probes_;         // by place
  std::vector<std::string> services_;  // names
  std::vector<std::size_t> place_of_;  // by id
  std::vector<RunId> expiring_;        // whose word is awaited
  Timers timers_;
  AskedRuns asked_;
  std::uint64_t runs_ = 0;  // begun
  std::size_t running_ = 0;
};

}  // namespace herald
