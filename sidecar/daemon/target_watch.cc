#include "sidecar/daemon/target_watch.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "sidecar/os/local_addresses.h"

namespace herald {
namespace {

constexpr Duration kCanaryAwaited = 1s;
// A look-up takes 20 microseconds: a thousandth of a core for each target.
constexpr Duration kAcceptPoll = 20ms;
constexpr Duration kTryAgain = 1min;
// A look-up that is shown may be so old: status asks for a thousand probes at once.
constexpr Duration kShownFor = 2s;

}  // namespace

TargetWatch::TargetWatch(Loop& loop, Tell tell, Say say)
    : loop_(loop),
      tell_(std::move(tell)),
      say_(std::move(say)),
      timer_(loop.timer([this] { try_again(); })),
      spread_(loop.timer([this] { nudge_due(); })),
      queues_(loop.timer([this] { look_at_queues(); })) {}

// ---- whose targets are watched

TargetWatch::Target TargetWatch::target_of(const ProbeSpec& spec) {
  Target target;
  target.text = spec.target;
  target.fast = spec.timing.fast_interval;
  target.accept_stall = spec.accept_stall;
  if (spec.events == EventUse::off) {
    target.none = "off";
  } else if (spec.listens == Listens::nothing || !has_port(spec.target)) {
    target.none = "none (the target is no TCP or UDP port)";
  } else {
    target.at = listeners_of(spec.target, spec.listens == Listens::tcp ? SocketKind::tcp : SocketKind::udp);
    if (target.at.empty()) target.none = "none (the target is a name)";
  }
  return target;
}

void TargetWatch::watch(const std::vector<Watched>& probes) {
  targets_.clear();
  for (const Watched& one : probes) targets_.emplace(one.probe, target_of(*one.spec));
  std::erase_if(due_, [&](const auto& one) { return !targets_.contains(one.second); });
  place_targets();
}

void TargetWatch::addresses_changed() {
  place_targets();
}

void TargetWatch::place_targets() {
  const auto here = addresses_of_this_machine();
  for (auto& [probe, target] : targets_) {
    if (!here && target.is_here) continue;  // it was, and nobody says that it is not
    target.is_here = std::ranges::any_of(target.at, [&](const ListenerAddress& at) {
      return is_loopback(at.address) || (here && here->contains(at.address));
    });
  }
  if (!is_needed()) return close();
  if (state_ == State::idle) return try_again();
  if (state_ == State::on) look_at_queues();
  if (monitor_) attach_ports(state_ == State::trying ? std::optional(canary_) : std::nullopt);
}

bool TargetWatch::is_needed() const {
  return std::ranges::any_of(targets_, [](const auto& one) { return one.second.is_here; });
}

void TargetWatch::attach_ports(std::optional<std::uint16_t> canary) {
  std::set<std::uint16_t> ports;
  if (canary) ports.insert(*canary);
  for (const auto& [probe, target] : targets_) {
    if (target.is_here) ports.insert(target.at.front().port);
  }
  if (auto attached = monitor_->watch(ports); !attached) become(State::unavailable, attached.error());
}

// ---- whether the kernel tells

void TargetWatch::close() {
  socket_.reset();
  timer_.disarm();
  spread_.disarm();
  queues_.disarm();
  due_.clear();
  monitor_.reset();
  lookup_.reset();
  state_ = State::idle;
}

// Also when the canary's end was awaited in vain.
void TargetWatch::try_again() {
  if (state_ == State::trying)
    return become(State::unavailable,
                  "the kernel did not tell of the end of herald's own; has it inet_diag?");
  if (!is_needed()) return close();
  if (const auto problem = open()) become(State::unavailable, *problem);
}

std::optional<std::string> TargetWatch::open() {
  auto lookup = SocketLookup::open();
  if (!lookup) return lookup.error();
  auto monitor = ListenerMonitor::open();
  if (!monitor) return monitor.error();
  lookup_ = std::move(*lookup);
  monitor_ = std::move(*monitor);
  socket_ = loop_.watch_io(monitor_->fd(), EPOLLIN, [this](std::uint32_t /*events*/) { hear(); });
  if (!socket_) return system_error_text("watch a sock_diag socket");
  state_ = State::trying;
  timer_.set_time(Loop::clock() + kCanaryAwaited);
  return release_canary();
}

std::optional<std::string> TargetWatch::release_canary() {
  const Fd canary(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!canary && (errno == EAFNOSUPPORT || errno == EPERM || errno == EACCES)) return do_without_canary();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const at = reinterpret_cast<sockaddr*>(&address);
  if (!canary || bind(canary.get(), at, length) < 0 || listen(canary.get(), 1) < 0 ||
      getsockname(canary.get(), at, &length) < 0)
    return system_error_text("listen for a moment on 127.0.0.1");
  canary_ = ntohs(address.sin_port);
  attach_ports(canary_);
  return std::nullopt;
}

std::optional<std::string> TargetWatch::do_without_canary() {
  for (const SocketKind kind : {SocketKind::tcp, SocketKind::udp}) {
    const auto answer = lookup_->listens({kind, *parse_address("127.0.0.1"), 1});
    if (!answer) return system_error_text("look who listens", answer.error());
  }
  become(State::on, "");
  return std::nullopt;
}

void TargetWatch::become(State state, const std::string& why) {
  state_ = state;
  why_ = why;
  if (state == State::unavailable) {
    socket_.reset();
    monitor_.reset();
    lookup_.reset();
    timer_.set_time(Loop::clock() + kTryAgain);
    if (!std::exchange(is_said_, true))
      say_(
          fmt::format("the ends of listeners are not told ({}): services are watched by polling alone", why));
  } else {
    timer_.disarm();
    if (std::exchange(is_said_, false)) say_("the ends of listeners are told again");
    attach_ports(std::nullopt);
    look_at_queues();
  }
}

// ---- what it tells

void TargetWatch::hear() {
  ListenerMonitor::Drained drained = monitor_->drain();
  if (state_ == State::trying) hear_canary(drained.ended);
  if (state_ != State::on) return;
  std::ranges::sort(drained.ended);
  const auto [from, to] = std::ranges::unique(drained.ended);
  drained.ended.erase(from, to);
  for (const ListenerAddress& ended : drained.ended) nudge_of(ended);
  if (drained.lost) lose();
}

void TargetWatch::hear_canary(const std::vector<ListenerAddress>& ended) {
  const bool told = std::ranges::any_of(ended, [&](const ListenerAddress& one) {
    return one.kind == SocketKind::tcp && one.port == canary_ && is_loopback(one.address);
  });
  if (told) become(State::on, "");
}

void TargetWatch::nudge_of(const ListenerAddress& ended) {
  for (auto& [probe, target] : targets_) {
    const auto at =
        std::ranges::find_if(target.at, [&](const ListenerAddress& one) { return takes(ended, one); });
    if (!target.is_here || at == target.at.end()) continue;
    const bool is_left = lookup_->listens(*at).value_or(true);
    target.looked_at = {};
    if (is_left && ended.kind == SocketKind::udp) continue;
    tell_({probe, is_left ? Nudge::listener_closed : Nudge::listener_gone});
  }
}

void TargetWatch::lose() {
  const TimePoint now = Loop::clock();
  std::size_t number = 0;
  for (const auto& [probe, target] : targets_) {
    if (!target.is_here) continue;
    const auto share =
        static_cast<Duration::rep>(number++) * target.fast / static_cast<Duration::rep>(targets_.size());
    due_.emplace(now + share, probe);
  }
  if (!due_.empty()) spread_.set_time(due_.begin()->first);
}

void TargetWatch::nudge_due() {
  const TimePoint now = Loop::clock();
  while (!due_.empty() && due_.begin()->first <= now) {
    tell_({due_.begin()->second, Nudge::events_lost});
    due_.erase(due_.begin());
  }
  if (!due_.empty()) spread_.set_time(due_.begin()->first);
}

// ---- how many wait

void TargetWatch::look_at_queues() {
  if (state_ != State::on) return;
  const TimePoint now = Loop::clock();
  bool is_wanted = false;
  for (auto& [probe, target] : targets_) {
    if (!target.accept_stall || !target.is_here) continue;
    is_wanted = true;
    if (target.queue.stalls(waiting_at(target), *target.accept_stall, now))
      tell_({probe, Nudge::accept_stalled});
  }
  if (is_wanted) queues_.set_time(now + kAcceptPoll);
}

std::uint32_t TargetWatch::waiting_at(const Target& target) {
  std::uint32_t waiting = 0;
  for (const ListenerAddress& at : target.at) {
    const auto found = lookup_->listener(at);
    if (found && *found) waiting += (*found)->unread;
  }
  return waiting;
}

// ---- what is shown

bool TargetWatch::is_here(ProbeId probe) const {
  const auto found = targets_.find(probe);
  return found != targets_.end() && found->second.is_here;
}

std::string TargetWatch::source_of(ProbeId probe) {
  const auto found = targets_.find(probe);
  if (found == targets_.end()) return "";
  Target& target = found->second;
  if (!target.none.empty()) return target.none;
  if (!target.is_here)
    return fmt::format("none ({} is not of this machine)", to_string(target.at.front().address));
  if (state_ == State::unavailable) return fmt::format("unavailable ({})", why_);
  if (state_ != State::on) return "not known yet";
  if (const TimePoint now = Loop::clock(); now - target.looked_at >= kShownFor) {
    target.looked_at = now;
    target.is_left = std::ranges::any_of(
        target.at, [&](const ListenerAddress& at) { return lookup_->listens(at).value_or(false); });
  }
  return target.is_left ? "listener " + target.text : "none (no listener here)";
}

}  // namespace herald
