#include "sidecar/prober/worker.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <utility>
#include <vector>

#include "probes/registry.h"
#include "probes/result.h"
#include "sidecar/os/network_namespace.h"

namespace herald::prober {
namespace {

// The loop turns at least so often while an attempt is in flight: a longer gap is a stall, and what is less is not told from
// a busy machine.
constexpr Duration kPulse = 40ms;
constexpr Duration kNoticed = 10ms;

// The words of results are for people: who is asked for a line must not be answered with a book.
constexpr std::size_t kLongestText = 4096;

ProbeResult cost_result(const std::string& stage) {
  const auto most = Cost::kMostAttempt / 1ms;
  return probes::failed(Reason::cost, fmt::format("its answer takes more than {} ms of CPU time{}", most,
                                                  stage.empty() ? "" : " (" + stage + ")"));
}

// Of what a process may have open, attempts need the other half.
std::size_t most_held() {
  rlimit limit{};
  constexpr rlim_t kFew = 256;
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur / 2 : kFew;
}

std::string cut(std::string text) {
  if (text.size() > kLongestText) text.resize(kLongestText);
  return text;
}

}  // namespace

Worker::Worker(Loop& loop, Fd to_heraldd, Cost& cost)
    : loop_(loop),
      cost_(cost),
      curl_(loop),
      resolver_(loop),
      context_{loop, curl_, resolver_, ca_stores_, vips_, far_ends_},
      held_(loop, most_held(), [this](work::Held change) { say_of_held(std::move(change)); }),
      pulse_(loop.timer([this] {
        if (!running_.empty()) pulse_.set_time(Loop::clock() + kPulse);
      })),
      turn_end_(loop.post([this] { turn_ends(); })),
      channel_(
          loop, std::move(to_heraldd), [this](std::string_view packet) { obey(packet); },
          [this](const std::string& /*why*/) { loop_.exit(0); }) {
  say(work::Hello{network_namespace(), HERALD_VERSION});
}

void Worker::obey(std::string_view packet) {
  const auto orders = work::read_orders(packet);
  if (!orders) return loop_.exit(1);  // heraldd says no such thing: what is at the other end is not heraldd
  for (const work::Order& order : *orders) std::visit([this](const auto& one) { obey(one); }, order);
}

void Worker::obey(const work::Put& order) {
  end_attempts_of(order.probe);
  held_.let_go(order.probe);
  known_[order.probe] = {order.spec, nullptr};
}

void Worker::obey(const work::Try& order) {
  Known known{order.spec, nullptr};
  say(work::Tried{order.ticket, make(known)});
}

void Worker::obey(const work::Start& order) {
  const auto found = known_.find(order.probe);
  if (found == known_.end()) return loop_.exit(1);
  const Loop::Account on_account(loop_, static_cast<std::uint64_t>(order.run));
  const TimePoint now = Loop::clock();
  if (running_.empty()) {
    pulse_.set_time(now + kPulse);
    turned_at_ = now;
  }
  look_at_clock(now);  // what this turn was like until now is not its lateness
  Running running{order.probe, nullptr, now, stalled_, 0};
  if (const auto problem = make(found->second))
    return finish(order.run, running, probes::local_trouble(*problem));
  auto attempt = found->second.probe->start([this, run = order.run](ProbeResult result) {
    count_cost();                             // also what came back in one call
    const auto over = running_.extract(run);  // it is on the stack: it dies after its result was told
    if (!over) return;
    finish(run, over.mapped(), costs_too_much(over.mapped()) ? cost_result("") : std::move(result));
  });
  if (!attempt) return finish(order.run, running, std::move(attempt.error()));
  running.attempt = std::move(*attempt);
  running_[order.run] = std::move(running);
}

void Worker::obey(const work::Cancel& order) {
  const auto cancelled = running_.extract(order.run);
  if (!cancelled) return;  // its result is on the way
  const Running& running = cancelled.mapped();
  say(work::Cancelled{order.run, cut(far_ends_.stage_of(*running.attempt)), ran(running)});
}

void Worker::obey(const work::Vips& order) {
  std::vector<Address> vips;
  for (const std::string& text : order.addresses) {
    const auto address = parse_address(text);
    if (!address) return loop_.exit(1);
    vips.push_back(*address);
  }
  vips_.set(vips);
}

void Worker::obey(const work::Hold& order) {
  if (!order.is_wanted) return held_.let_go(order.probe);
  held_.keep(order.probe, [this, probe = order.probe]() -> std::expected<Fd, ProbeResult> {
    const auto known = known_.find(probe);
    if (known == known_.end() || !known->second.probe)
      return std::unexpected(probes::local_trouble("the probe is not made"));
    return known->second.probe->connect();
  });
}

void Worker::say_of_held(work::Held change) {
  change.text = cut(std::move(change.text));
  say(work::Report(std::move(change)));
}

void Worker::end_attempts_of(ProbeId probe) {
  std::erase_if(running_, [probe](const auto& entry) { return entry.second.probe == probe; });
}

// None: it is made.
std::optional<std::string> Worker::make(Known& known) {
  if (known.probe) return std::nullopt;
  auto made = probes::make_probe(known.spec, context_);
  if (!made) return cut(made.error());
  known.probe = std::move(*made);
  return std::nullopt;
}

void Worker::finish(RunId run, const Running& running, ProbeResult result) {
  result.detail = cut(std::move(result.detail));
  // That all is well can wait for others that say so: heraldd is woken once for many.
  const bool can_wait = result.verdict == Verdict::pass;
  if (can_wait || result.verdict == Verdict::warn) held_.passed(running.probe);
  work::append(can_wait ? channel_.soon() : channel_.next(),
               work::Report(work::Finished{run, std::move(result), ran(running)}));
}

Ran Worker::ran(const Running& running) const {
  const TimePoint now = Loop::clock();
  const Duration gap = now - turned_at_ - kPulse;  // of this turn
  const Duration stalled = stalled_ - running.stalled_before + (gap > kNoticed ? gap : Duration{});
  return {running.began, now, std::min(stalled, now - running.began)};
}

void Worker::turn_ends() {
  end_what_costs_too_much();
  if (running_.empty()) return;
  look_at_clock(Loop::clock());
}

void Worker::look_at_clock(TimePoint now) {
  if (const Duration gap = now - turned_at_ - kPulse; gap > kNoticed) stalled_ += gap;
  turned_at_ = now;
}

void Worker::end_what_costs_too_much() {
  if (!count_cost()) return;
  for (auto next = running_.begin(); next != running_.end();) {
    const auto one = next++;
    if (!costs_too_much(one->second)) continue;
    const auto over = running_.extract(one);
    finish(over.key(), over.mapped(), cost_result(over.mapped().attempt->stage()));
  }
}

// Whether there was any.
bool Worker::count_cost() {
  const auto samples = cost_.samples();
  for (const std::uint64_t run : samples) {
    const auto found = running_.find(RunId{run});
    if (found != running_.end()) ++found->second.samples;
  }
  return !samples.empty();
}

}  // namespace herald::prober
