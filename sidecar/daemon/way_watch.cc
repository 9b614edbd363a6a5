#include "sidecar/daemon/way_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sidecar/os/local_addresses.h"

namespace herald {
namespace {

constexpr std::size_t kMostAtOnce = 200;  // two milliseconds
constexpr Duration kRest = 50ms;
constexpr int kRestsFor = 20;  // times as long as it has looked
constexpr Duration kTryWaysAgain = 1min;

// "host:port", "[host]:port" or "host", as the configuration's check has written it. With a zone there is one link alone.
std::optional<Address> literal_in(const std::string& target) {
  if (auto address = parse_address(target)) return address;
  const std::size_t colon = target.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = target.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return parse_address(host);
}

}  // namespace

WayWatch::WayWatch(Loop& loop, Tell tell, Say say)
    : loop_(loop), tell_(std::move(tell)), say_(std::move(say)), timer_(loop.timer([this] { wake(); })) {}

std::optional<WayWatch::Sent> WayWatch::sent_by(const ProbeSpec& spec) {
  if (spec.events == EventUse::off) return std::nullopt;
  const auto to = literal_in(spec.target);
  if (!to || is_loopback(*to)) return std::nullopt;
  return Sent{*to, parse_address(spec.socket.source), spec.socket.bind_device, spec.socket.mark};
}

void WayWatch::watch(const std::vector<Watched>& probes) {
  std::map<Sent, Seen> before = std::exchange(ways_, {});
  sent_.clear();
  for (const Watched& one : probes) {
    const auto sent = sent_by(*one.spec);
    if (!sent) continue;
    sent_.emplace(one.probe, *sent);
    Seen& seen = ways_[*sent];
    if (const auto known = before.find(*sent); known != before.end() && !seen.is_known) {
      seen.is_known = known->second.is_known;
      seen.way = known->second.way;
    }
    seen.probes.insert(one.probe);
  }
  if (ways_.empty()) return close();
  if (!monitor_) return open();
  hear();  // what is new is looked up
}

// ---- the sockets

void WayWatch::open() {
  auto lookup = WayLookup::open();
  auto monitor = WayMonitor::open();
  std::string why;
  if (!lookup) {
    why = lookup.error();
  } else if (!monitor) {
    why = monitor.error();
  } else {
    lookup_ = std::move(*lookup);
    monitor_ = std::move(*monitor);
    socket_ = loop_.watch_io(monitor_->fd(), EPOLLIN, [this](std::uint32_t /*events*/) { hear(); });
    if (socket_) {
      if (std::exchange(is_said_, false)) say_("changes of links and routes are told again");
      return hear();
    }
    why = system_error_text("watch a netlink socket");
  }
  close();
  timer_.set_time(Loop::clock() + kTryWaysAgain);
  if (!std::exchange(is_said_, true))
    say_(fmt::format("changes of links and routes are not told ({}): polling goes on as before", why));
}

void WayWatch::close() {
  socket_.reset();
  timer_.disarm();
  monitor_.reset();
  lookup_.reset();
  is_looking_ = false;
}

void WayWatch::wake() {
  if (!monitor_) {
    if (!ways_.empty()) open();
  } else if (is_looking_) {
    look();
  } else {
    socket_.set_io_events(EPOLLIN);
  }
}

// ---- what has changed

void WayWatch::hear() {
  (void)monitor_->drain();  // before the look: what comes during it is heard after it
  socket_.set_io_events(0);
  is_looking_ = true;
  looked_.reset();
  looked_for_ = {};
  look();
}

void WayWatch::look() {
  const TimePoint begun = Loop::clock();
  auto next = looked_ ? ways_.upper_bound(*looked_) : ways_.begin();
  for (std::size_t count = 0; count < kMostAtOnce && next != ways_.end(); ++count, ++next) {
    look_at(next->first, next->second);
    looked_ = next->first;
  }
  const TimePoint now = Loop::clock();
  looked_for_ += now - begun;
  if (next != ways_.end()) return timer_.set_time(now);
  is_looking_ = false;
  timer_.set_time(now + std::max(kRest, looked_for_ * kRestsFor));
}

void WayWatch::look_at(const Sent& sent, Seen& seen) {
  auto found = way_of(sent);
  if (!found) return;  // it is what it was, as far as anybody knows
  const auto why = seen.is_known ? change_of(seen.way, *found) : std::nullopt;
  seen.is_known = true;
  seen.way = std::move(*found);
  if (!why) return;
  for (const ProbeId probe : seen.probes) tell_({probe, *why});
}

std::expected<std::optional<Way>, int> WayWatch::way_of(const Sent& sent) {
  Packet packet{.to = sent.to, .from = sent.from, .interface = 0, .mark = sent.mark};
  if (!sent.device.empty()) {
    const auto device = lookup_->link(sent.device);
    if (!device) return std::unexpected(device.error());
    if (!*device) return std::nullopt;
    packet.interface = (*device)->link.index;
  }
  return lookup_->find(packet);
}

std::optional<Nudge> WayWatch::change_of(const std::optional<Way>& before, const std::optional<Way>& now) {
  if (!before || before == now) return std::nullopt;
  if (before->is_running && (!now || now->link != before->link || !now->is_running)) {
    const auto link = lookup_->link(before->link.index);
    if (link && (!*link || !(*link)->is_running)) return Nudge::link_down;
  }
  if (!now) return Nudge::route_gone;
  const bool is_other = now->link != before->link || now->from != before->from;
  return is_other ? std::optional(Nudge::route_changed) : std::nullopt;
}

// ---- what is shown

std::optional<std::string> WayWatch::source_of(ProbeId probe) const {
  const auto sent = sent_.find(probe);
  if (sent == sent_.end() || !monitor_) return std::nullopt;
  const Seen& seen = ways_.at(sent->second);
  if (!seen.is_known) return std::nullopt;
  if (!seen.way) return "no route";
  if (seen.way->link.name == "lo") return std::nullopt;
  return fmt::format("link {}{}", seen.way->link.name, seen.way->is_running ? "" : " (down)");
}

}  // namespace herald
