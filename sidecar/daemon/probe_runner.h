// The workers that run probes, seen from heraldd: attempts are started and cancelled by run id, and what the workers say of
// them is told, once for each run.
//
//   start(probe, run)      an attempt begins. Its end is told, later or at once; there may be several of one probe.
//   cancel(run)            it ends: the word of its worker is told, what it was waiting for and how much time it had.
//   put(probe, ...)        a probe is another from now on: what is in flight of the former one ends untold.
//   hold(probe, wanted)    whether a connection to its target is kept, by the worker that runs it (probe_holding.cc); what becomes of
//                          it is told.
//   know(vips)             addresses at which an attempt may not hear another site.
//   check(config, done)    whether all probes of a configuration can be made, where they are run.
//
// It decides nothing of a service: no deadline, no threshold, no next attempt. What a worker says is a stranger's: of runs that
// are not its own it is dropped, and a worker that talks junk is ended.
//
// A worker (by slot):
//
//   absent    none runs in the slot; one is asked for as soon as its pause is over.
//   asked     the spawner was asked for one. Where it leaves that unanswered for kAnswerAwaited, it is another's turn.
//   up        it runs, and gets orders.
//
// From up to absent when it ends, talks junk, or leaves a cancellation unanswered for kPatience. Then what it was at (it says so
// on its page) gets the blame: its probe runs in the last slot from then on, with others of its kind, for kQuarantine; one that
// goes on ending workers is not run for a while, and what it did last counts. All other attempts of the worker begin again
// elsewhere, once. The loop outlives this.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "sidecar/core/config.h"
#include "sidecar/core/events.h"
#include "sidecar/daemon/blame.h"
#include "sidecar/os/loop.h"
#include "sidecar/work/channel.h"
#include "sidecar/work/link.h"
#include "sidecar/work/message.h"

namespace herald {

struct WorkerOptions {
  work::LinkOptions link;
  std::uint32_t processes = 1;  // beside the one in the last slot, which runs while it is needed
};

class ProbeRunner {
 public:
  struct Told {
    std::function<void(event::ProbeFinished)> finished;
    std::function<void(event::ProbeStage)> cancelled;
    std::function<void(const work::Held&)> held;
    std::function<void(bool is_error, const std::string& text)> notice;
  };
  // Lines for people; none: all can be made. `untried` is why there was no worker to try them; "": there was.
  using Checked = std::function<void(std::vector<std::string> problems, const std::string& untried)>;

  ProbeRunner(Loop& loop, WorkerOptions options, Told told);
  ProbeRunner(const ProbeRunner&) = delete;
  ProbeRunner& operator=(const ProbeRunner&) = delete;
  ~ProbeRunner();

  // One at a time; `done` is called from the loop.
  void check(const Config& config, Checked done);
  [[nodiscard]] bool is_checking() const { return checking_.has_value(); }

  // Literal addresses: those of herald's VIPs.
  void know(std::vector<std::string> vips);
  // `name` is for people: "web/front".
  void put(ProbeId id, std::string name, ProbeSpec spec);
  // Of a probe that was put, as its specification had it until now.
  void hold(ProbeId id, bool is_wanted);
  // Of all others nothing is kept any more.
  void hold_only(std::span<const ProbeId> ids);
  // Of a probe that was put.
  void start(ProbeId id, RunId run);
  void cancel(RunId run);

 private:
  using SlotId = std::uint32_t;
  struct Known {
    std::string name;
    ProbeSpec spec;
    std::optional<SlotId> held_in = std::nullopt;  // whose worker was told to keep a connection
  };
  struct Slot {
    std::unique_ptr<work::Channel> channel;  // while it is up
    Fd page;
    std::set<ProbeId> has;  // what was put there
    bool is_asked = false;
    bool is_installed = false;  // of the program on the disk, not of the spawner's
    TimePoint up_at{};
    Duration pause{};     // before the next one
    TimePoint next_at{};  // asked: when the answer is overdue
  };
  struct Running {
    ProbeId probe{};
    SlotId slot = 0;
    bool is_again = false;
  };
  struct Cancelling {
    std::optional<ProbeId> probe;  // none where that is another by now
    SlotId slot = 0;
    TimePoint at{};
  };
  struct Checking {
    struct Asked {
      std::string name;
      ProbeSpec spec;
    };
    std::map<std::uint64_t, Asked> asked;  // what is not tried yet, by ticket
    std::optional<SlotId> slot;            // of the worker that tries it
    bool is_again = false;                 // one has ended meanwhile
    std::vector<std::string> problems;
    Checked done;
    Source deadline;
  };

  void open_link();
  void link_ended(const std::string& why);
  void ask_for_workers();
  void on_answer(work::ReceivedAnswer received);
  void worker_is_up(SlotId id, work::ReceivedAnswer& received);
  void worker_ended(SlotId id, const std::string& why);
  void strike(ProbeId probe, const ProbeResult& result);
  [[nodiscard]] ProbeResult settle_blame(ProbeId probe, const work::Page& page);

  [[nodiscard]] std::optional<SlotId> slot_for(ProbeId id, TimePoint now);
  [[nodiscard]] bool begin(ProbeId id, RunId run, bool is_again);
  void hear(SlotId id, std::string_view packet);
  void hear(SlotId id, const work::Hello& word);
  void hear_other_version(SlotId id, const std::string& version);
  void hear(SlotId id, const work::Tried& word);
  void hear(SlotId id, const work::Finished& word);
  void hear(SlotId id, const work::Cancelled& word);
  void hear(SlotId id, const work::Held& word);
  void let_go(ProbeId id, Known& known);
  void hold_in(SlotId slot, ProbeId id);
  void lose_held(ProbeId id, Known& known, std::string why);
  void finish_at_once(RunId run, std::string why);
  void look_for_hung();

  void send_tries();
  void tried(std::uint64_t ticket, const std::optional<std::string>& problem);
  void try_elsewhere();
  void check_is_overdue();
  void end_check(const std::string& why);

  Loop& loop_;
  WorkerOptions options_;
  Told told_;
  Blame blame_;
  std::vector<std::string> vips_;
  std::map<ProbeId, Known> known_;
  std::map<RunId, Running> running_;
  std::map<RunId, Cancelling> cancelling_;
  std::optional<Checking> checking_;
  std::uint64_t last_ticket_ = 0;
  std::string trouble_ = "no worker has been started yet";
  bool needs_last_slot_ = false;
  bool wants_installed_ = false;  // its spawner is of another version than heraldd
  std::vector<Slot> slots_;
  std::unique_ptr<work::Link> link_;
  Duration link_pause_{};
  Source asking_;  // for workers, or for the spawner
  Source hung_;
};

}  // namespace herald
