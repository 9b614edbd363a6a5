#include "sidecar/daemon/probe_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sidecar/os/network_namespace.h"
#include "sidecar/text/plain_text.h"

namespace herald {
namespace {

// As long as the core awaits a word (ProbeRun::kWordAwaited), and then once more as long as a busy machine may take.
constexpr Duration kPatience = 1s;
constexpr Duration kOnceMore = 100ms;
constexpr Duration kLongestCheck = 10s;
// For the spawner's answer: who is asked for a worker starts one, or says why not, in some milliseconds.
constexpr Duration kAnswerAwaited = 5s;

// Between the ends of workers in one slot, and between connections to the spawner.
constexpr Duration kFirstPause = 50ms;
constexpr Duration kLongestPause = 5s;
// A worker that has lived so long was a good one.
constexpr Duration kGoodLife = 10s;

constexpr std::size_t kLongestSettings = work::Channel::kLongestPacket / 2;

ProbeResult trouble(std::string why) {
  return {Verdict::inconclusive, Reason::local, std::move(why), Duration{}};
}

Ran at_this_moment() {
  return {Loop::clock(), Loop::clock(), {}};
}

Duration longer(Duration pause) {
  return std::clamp(pause * 2, kFirstPause, kLongestPause);
}

}  // namespace

ProbeRunner::ProbeRunner(Loop& loop, WorkerOptions options, Told told)
    : loop_(loop),
      options_(std::move(options)),
      told_(std::move(told)),
      slots_(options_.processes + 1),
      asking_(loop.timer([this] { ask_for_workers(); })),
      hung_(loop.timer([this] { look_for_hung(); })) {
  asking_.set_time(Loop::clock());
}

ProbeRunner::~ProbeRunner() = default;

// ---- workers

void ProbeRunner::open_link() {
  auto link = work::Link::open(
      loop_, options_.link, [this](work::ReceivedAnswer answer) { on_answer(std::move(answer)); },
      [this](const std::string& why) { link_ended(why); });
  if (link) {
    link_ = std::move(*link);
    wants_installed_ = false;
    return;
  }
  trouble_ = link.error();
  link_pause_ = longer(link_pause_);
  if (link_pause_ == kFirstPause) told_.notice(true, "no probe can be run: " + trouble_);
  asking_.set_time(Loop::clock() + link_pause_);
  // A unit of its own may only be about to start; a program that is not there does not come.
  if (checking_ && options_.link.socket.empty()) end_check(trouble_);
}

void ProbeRunner::link_ended(const std::string& why) {
  trouble_ = why;
  const auto ended = std::move(link_);  // it is on the stack
  for (SlotId id = 0; id < slots_.size(); ++id) {
    if (std::exchange(slots_[id].is_asked, false)) slots_[id].next_at = {};
    if (slots_[id].channel) worker_ended(id, why);
  }
  link_pause_ = longer(link_pause_);
  told_.notice(true, why + "; it is started again");
  asking_.set_time(Loop::clock() + link_pause_);
  if (checking_ && options_.link.socket.empty()) end_check(why);
}

void ProbeRunner::ask_for_workers() {
  if (!link_) open_link();
  if (!link_) return;
  const TimePoint now = Loop::clock();
  std::optional<TimePoint> next;
  for (SlotId id = 0; id < slots_.size(); ++id) {
    Slot& slot = slots_[id];
    const bool is_wanted = id < options_.processes || needs_last_slot_;
    if (!is_wanted || slot.channel) continue;
    if (slot.is_asked && slot.next_at <= now) return link_ended("the process that starts workers is silent");
    if (!slot.is_asked && slot.next_at <= now) {
      slot.is_installed = wants_installed_;
      slot.is_asked =
          link_->spawn(id, wants_installed_ ? work::SpawnKind::spawn_installed : work::SpawnKind::spawn);
      slot.next_at = now + (slot.is_asked ? kAnswerAwaited : kFirstPause);
    }
    next = std::min(next.value_or(slot.next_at), slot.next_at);
  }
  if (next) asking_.set_time(*next);
}

void ProbeRunner::on_answer(work::ReceivedAnswer received) {
  const SlotId id = received.answer.slot;
  if (id >= slots_.size()) return;
  Slot& slot = slots_[id];
  switch (received.answer.kind) {
    case work::SpawnAnswerKind::spawned:
      if (slot.is_asked) worker_is_up(id, received);
      return;
    case work::SpawnAnswerKind::failed:
      slot.is_asked = false;
      trouble_ = system_error_text("a worker cannot be started", received.answer.status);
      slot.pause = longer(slot.pause);
      slot.next_at = Loop::clock() + slot.pause;
      if (slot.pause == kFirstPause) told_.notice(true, trouble_);
      return ask_for_workers();
    case work::SpawnAnswerKind::ended:  // its socket has told so, or will, but not how
      return told_.notice(true, fmt::format("the worker {} has ended: {} {}", received.answer.pid,
                                            received.answer.signalled != 0 ? "killed by signal" : "exit code",
                                            received.answer.status));
  }
}

void ProbeRunner::worker_is_up(SlotId id, work::ReceivedAnswer& received) {
  Slot& slot = slots_[id];
  slot.is_asked = false;
  slot.page = std::move(received.page);
  slot.has.clear();
  slot.up_at = Loop::clock();
  slot.channel = std::make_unique<work::Channel>(
      loop_, std::move(received.socket), [this, id](std::string_view packet) { hear(id, packet); },
      [this, id](const std::string& why) { worker_ended(id, why); });
  link_pause_ = {};
  if (!vips_.empty()) work::append(slot.channel->next(), work::Order(work::Vips{vips_}));
  send_tries();
}

void ProbeRunner::worker_ended(SlotId id, const std::string& why) {
  Slot& slot = slots_[id];
  const TimePoint now = Loop::clock();
  const auto ended = std::exchange(slot.channel, nullptr);  // it is on the stack
  const auto page = work::read_page(std::exchange(slot.page, {}));
  trouble_ = "a worker has ended: " + why;
  slot.pause = now - slot.up_at >= kGoodLife ? Duration{} : longer(slot.pause);
  slot.next_at = now + slot.pause;
  asking_.set_time(now);  // for whichever is due first

  if (checking_ && checking_->slot == id) try_elsewhere();
  for (auto& [probe, known] : known_) {
    if (known.held_in == id) lose_held(probe, known, "its worker has ended");
  }
  std::vector<std::pair<RunId, Running>> lost;
  for (const auto& [run, running] : running_) {
    if (running.slot == id) lost.emplace_back(run, running);
  }
  for (const auto& [run, running] : lost) {
    running_.erase(run);
    if (page && page->run == static_cast<std::uint64_t>(run)) {
      told_.finished({run, settle_blame(running.probe, *page), at_this_moment()});
    } else if (running.is_again || !begin(running.probe, run, true)) {
      told_.finished({run, trouble(trouble_), at_this_moment()});
    }
  }
  for (auto next = cancelling_.begin(); next != cancelling_.end();) {
    const auto [run, cancelling] = *next++;
    if (cancelling.slot != id) continue;
    cancelling_.erase(run);
    // It was at that one beyond its deadline.
    if (page && page->run == static_cast<std::uint64_t>(run) && cancelling.probe)
      (void)settle_blame(*cancelling.probe, *page);
    told_.cancelled({run, "", {}});  // nobody knows how much time it had
  }
}

// What its attempt has come to.
ProbeResult ProbeRunner::settle_blame(ProbeId probe, const work::Page& page) {
  const bool by_cost = page.cost != 0;
  ProbeResult result = by_cost ? ProbeResult{Verdict::fail, Reason::cost,
                                             fmt::format("its answer is not read within {} ms of CPU time",
                                                         work::kMostCallback / 1ms),
                                             Duration{}}
                               : trouble("its worker ended while it was at this attempt");
  strike(probe, result);
  return result;
}

// It made others late, or would have.
void ProbeRunner::strike(ProbeId probe, const ProbeResult& result) {
  const TimePoint now = Loop::clock();
  const bool is_first = !blame_.is_quarantined(probe, now);
  blame_.strike(probe, result, now);
  if (!std::exchange(needs_last_slot_, true)) asking_.set_time(now);
  if (!is_first) return;
  const char* what =
      result.reason == Reason::cost ? "its target's answer costs too much CPU time" : "it ended its worker";
  told_.notice(true, fmt::format("{}: {}; it is run apart from the others now", known_.at(probe).name, what));
}

// ---- attempts

std::optional<ProbeRunner::SlotId> ProbeRunner::slot_for(ProbeId id, TimePoint now) {
  if (blame_.is_quarantined(id, now)) {
    const SlotId last = options_.processes;
    return slots_[last].channel ? std::optional(last) : std::nullopt;
  }
  for (SlotId offset = 0; offset < options_.processes; ++offset) {
    const SlotId slot = (static_cast<std::uint32_t>(id) + offset) % options_.processes;
    if (slots_[slot].channel) return slot;
  }
  return std::nullopt;
}

void ProbeRunner::know(std::vector<std::string> vips) {
  if (vips == vips_) return;
  vips_ = std::move(vips);
  for (Slot& slot : slots_) {
    if (slot.channel) work::append(slot.channel->next(), work::Order(work::Vips{vips_}));
  }
}

void ProbeRunner::put(ProbeId id, std::string name, ProbeSpec spec) {
  std::erase_if(running_, [id](const auto& entry) { return entry.second.probe == id; });
  for (Slot& slot : slots_) {
    // At once where it was, for what is in flight has to end.
    if (slot.channel && slot.has.contains(id))
      work::append(slot.channel->next(), work::Order(work::Put{id, spec}));
  }
  for (auto& [run, cancelling] : cancelling_) {
    if (cancelling.probe == id) cancelling.probe.reset();  // it was the former one's
  }
  blame_.forget(id);
  if (const auto known = known_.find(id); known != known_.end())
    lose_held(id, known->second, "the probe is another");
  known_[id] = {std::move(name), std::move(spec)};
}

void ProbeRunner::start(ProbeId id, RunId run) {
  if (auto refusal = blame_.refusal(id, loop_.now()))
    return told_.finished({run, std::move(*refusal), at_this_moment()});
  if (!begin(id, run, false)) finish_at_once(run, trouble_);
}

void ProbeRunner::finish_at_once(RunId run, std::string why) {
  told_.finished({run, trouble(std::move(why)), at_this_moment()});
}

// False: there is no worker for it.
bool ProbeRunner::begin(ProbeId id, RunId run, bool is_again) {
  const auto found = slot_for(id, Loop::clock());
  if (!found) return false;
  Slot& slot = slots_[*found];
  work::Channel& channel = *slot.channel;
  if (slot.has.insert(id).second)
    work::append(channel.next(), work::Order(work::Put{id, known_.at(id).spec}));
  work::append(channel.next(), work::Order(work::Start{id, run}));
  running_[run] = {id, *found, is_again};
  hold_in(*found, id);
  return true;
}

void ProbeRunner::cancel(RunId run) {
  const auto cancelled = running_.extract(run);
  if (!cancelled) return;  // its end is told
  const SlotId slot = cancelled.mapped().slot;
  const TimePoint now = Loop::clock();
  work::append(slots_[slot].channel->next(), work::Order(work::Cancel{run}));
  if (cancelling_.empty()) hung_.set_time(now + kPatience);
  cancelling_[run] = {cancelled.mapped().probe, slot, now};
}

// What the workers have said until now is heard first: the second look comes after another turn.
void ProbeRunner::look_for_hung() {
  if (cancelling_.empty()) return;
  const auto oldest =
      std::ranges::min_element(cancelling_, {}, [](const auto& entry) { return entry.second.at; });
  const SlotId slot = oldest->second.slot;
  const Duration age = Loop::clock() - oldest->second.at;
  if (age >= kPatience + kOnceMore) {
    if (link_) (void)link_->kill(slot);
    worker_ended(slot, "it did not answer for a second");
    if (!cancelling_.empty()) hung_.set_time(Loop::clock() + kOnceMore);
    return;
  }
  hung_.set_time(age >= kPatience ? Loop::clock() + kOnceMore : oldest->second.at + kPatience);
}

// ---- what they say

void ProbeRunner::hear(SlotId id, std::string_view packet) {
  const auto words = work::read_reports(packet);
  if (!words) {
    if (link_) (void)link_->kill(id);
    return worker_ended(id, "it says what is no message");
  }
  for (const work::Report& word : *words) {
    if (!slots_[id].channel) return;
    std::visit([&](const auto& one) { hear(id, one); }, word);
  }
}

void ProbeRunner::hear(SlotId id, const work::Hello& word) {
  if (word.version != HERALD_VERSION) return hear_other_version(id, printable(word.version));
  const std::uint64_t ours = network_namespace();
  if (word.network_namespace == ours || word.network_namespace == 0 || ours == 0) return;
  slots_[id].pause = kLongestPause;
  if (link_) (void)link_->kill(id);
  told_.notice(true, "the workers are in another network namespace than heraldd: no probe is run there");
  worker_ended(id, "it is in another network namespace");
}

// The spawner outlived an upgrade, or this heraldd did.
void ProbeRunner::hear_other_version(SlotId id, const std::string& version) {
  if (link_) (void)link_->kill(id);
  const std::string why = fmt::format("it is of version {}, and heraldd is of {}", version, HERALD_VERSION);
  if (!slots_[id].is_installed) {
    wants_installed_ = true;
    if (checking_ && checking_->slot == id) checking_->slot.reset();  // the next one tries them
  } else {
    if (slots_[id].pause < kLongestPause)
      told_.notice(true, "no probe is run by the worker that is installed: " + why);
    slots_[id].pause = kLongestPause;
  }
  worker_ended(id, why);
}

void ProbeRunner::hear(SlotId id, const work::Tried& word) {
  if (checking_ && checking_->slot == id) tried(word.ticket, word.problem);
}

void ProbeRunner::hear(SlotId id, const work::Finished& word) {
  const auto running = running_.find(word.run);
  const auto cancelling = cancelling_.find(word.run);
  const bool was_running = running != running_.end() && running->second.slot == id;
  const bool was_cancelling = cancelling != cancelling_.end() && cancelling->second.slot == id;
  if (!was_running && !was_cancelling) return;
  const auto probe = was_running ? std::optional(running->second.probe) : cancelling->second.probe;
  if (was_running) running_.erase(running);
  if (was_cancelling) cancelling_.erase(cancelling);  // it ended just before
  ProbeResult result = word.result;
  result.detail = printable(result.detail);
  if (probe && result.reason == Reason::cost) strike(*probe, result);
  told_.finished({word.run, std::move(result), word.ran});
}

void ProbeRunner::hear(SlotId id, const work::Cancelled& word) {
  const auto cancelling = cancelling_.find(word.run);
  if (cancelling == cancelling_.end() || cancelling->second.slot != id) return;
  cancelling_.erase(cancelling);
  told_.cancelled({word.run, printable(word.stage), word.ran});
}

// ---- a configuration is checked

void ProbeRunner::check(const Config& config, Checked done) {
  Checking& checking = checking_.emplace();
  checking.done = std::move(done);
  for (const ServiceSpec& service : config.services) {
    for (const ProbeSpec& spec : service.probes) {
      const std::string name = fmt::format("probe {}/{}", service.name, spec.name);
      if (spec.settings.size() > kLongestSettings) {
        checking.problems.push_back(name + ": its settings are too long");
        continue;
      }
      checking.asked[++last_ticket_] = {name, spec};
    }
  }
  checking.deadline = loop_.timer_at(Loop::clock() + kLongestCheck, [this] { check_is_overdue(); });
  if (checking.asked.empty()) checking.deadline.set_time(Loop::clock());
  send_tries();
}

void ProbeRunner::send_tries() {
  if (!checking_ || checking_->slot) return;
  const auto up = std::ranges::find_if(slots_, [](const Slot& slot) { return slot.channel != nullptr; });
  if (up == slots_.end()) return;
  checking_->slot = static_cast<SlotId>(up - slots_.begin());
  for (const auto& [ticket, asked] : checking_->asked)
    work::append(up->channel->next(), work::Order(work::Try{ticket, asked.spec}));
}

void ProbeRunner::tried(std::uint64_t ticket, const std::optional<std::string>& problem) {
  const auto asked = checking_->asked.extract(ticket);
  if (!asked) return;
  if (problem) checking_->problems.push_back(fmt::format("{}: {}", asked.mapped().name, printable(*problem)));
  if (checking_->asked.empty()) end_check("");
}

// What ended the worker may have been a target's answer; a second time it is what is tried.
void ProbeRunner::try_elsewhere() {
  if (std::exchange(checking_->is_again, true)) return end_check(trouble_);
  checking_->slot.reset();
  send_tries();
}

void ProbeRunner::check_is_overdue() {
  const auto slot = checking_->slot;
  const bool hangs = slot && slots_[*slot].channel && !checking_->asked.empty();
  end_check(hangs ? "the worker that tries them does not answer" : trouble_);
  if (!hangs) return;
  if (link_) (void)link_->kill(*slot);
  worker_ended(*slot, "it did not answer what it was to try");
}

// `why` is said where there are probes that were not tried.
void ProbeRunner::end_check(const std::string& why) {
  Checking ended = std::move(*checking_);
  checking_.reset();
  ended.done(std::move(ended.problems), ended.asked.empty() ? "" : "the probes cannot be tried: " + why);
}

}  // namespace herald
