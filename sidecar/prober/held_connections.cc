#include "sidecar/prober/held_connections.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "probes/socket.h"

namespace herald::prober {
namespace {

constexpr int kIdle = 15;  // seconds
constexpr int kBetween = 5;
constexpr int kKeepAlives = 3;
constexpr int kMostHearings = 16;  // in a turn of the loop

// None of it on a unix socket, which needs none of it.
void keep_alive(const Fd& fd) {
  const auto set = [&](int level, int option, int value) {
    setsockopt(fd.get(), level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kIdle);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kBetween);
  set(IPPROTO_TCP, TCP_KEEPCNT, kKeepAlives);
}

double seconds_of(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

HeldConnections::HeldConnections(Loop& loop, std::size_t most, Tell tell)
    : loop_(loop), most_(most), tell_(std::move(tell)) {}

void HeldConnections::keep(ProbeId probe, Open open) {
  let_go(probe);
  One& one = all_[probe];
  one.open = std::move(open);
  one.timer = loop_.timer([this, probe, &one] {
    if (one.fd) return end(probe, one, work::HeldChange::failed, "no connection within 5 s");
    if (one.has_passed) connect(probe, one);
  });
}

void HeldConnections::let_go(ProbeId probe) {
  const auto found = all_.find(probe);
  if (found == all_.end()) return;
  close(found->second);
  all_.erase(found);
}

void HeldConnections::passed(ProbeId probe) {
  const auto found = all_.find(probe);
  if (found == all_.end()) return;
  One& one = found->second;
  if (std::exchange(one.has_passed, true) || one.fd) return;
  if (Loop::clock() < one.not_before) return one.timer.set_time(one.not_before);
  connect(probe, one);
}

void HeldConnections::connect(ProbeId probe, One& one) {
  const Loop::Account nobodys(loop_, 0);  // no attempt is to pay for it
  if (open_ >= most_) {
    return end(probe, one, work::HeldChange::failed,
               fmt::format("its worker keeps {} already, and needs its descriptors for attempts", open_));
  }
  auto fd = one.open();
  if (!fd) return end(probe, one, work::HeldChange::failed, fd.error().detail);
  one.fd = std::move(*fd);
  ++open_;
  keep_alive(one.fd);
  one.io = loop_.watch_io(one.fd.get(), EPOLLOUT, [this, probe, &one](std::uint32_t /*events*/) {
    one.is_there ? hear(probe, one) : has_connected(probe, one);
  });
  if (!one.io) return end(probe, one, work::HeldChange::failed, system_error_text("watch a socket"));
  one.timer.set_time(Loop::clock() + kConnectAwaited);
}

void HeldConnections::has_connected(ProbeId probe, One& one) {
  if (const int error = probes::pending_error(one.fd.get()); error != 0)
    return end(probe, one, work::HeldChange::failed, system_error_text("connect", error));
  one.is_there = true;
  one.since = Loop::clock();
  one.heard = 0;
  one.timer.disarm();
  one.io.set_io_events(EPOLLIN | EPOLLRDHUP);
  tell_({probe, work::HeldChange::begun, ""});
}

void HeldConnections::hear(ProbeId probe, One& one) {
  std::array<char, 4096> unwanted;
  for (int reads = 0; reads < kMostHearings; ++reads) {
    const ssize_t count = recv(one.fd.get(), unwanted.data(), unwanted.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) return end(probe, one, work::HeldChange::ended, system_error_text("it ended", errno));
    if (count == 0) return end(probe, one, work::HeldChange::ended, "the target closed it");
    one.heard += static_cast<std::size_t>(count);
    if (one.heard > kMostHeard)
      return end(probe, one, work::HeldChange::failed, "the target sends, and goes on sending");
  }
}

void HeldConnections::end(ProbeId probe, One& one, work::HeldChange change, const std::string& why) {
  const TimePoint now = Loop::clock();
  const Duration lived = one.is_there ? now - one.since : Duration{};
  std::string text = one.is_there ? fmt::format("{} after {:.1f} s", why, seconds_of(lived)) : why;
  const bool was_good = lived >= kGoodLife && change == work::HeldChange::ended;
  one.pause = was_good ? Duration{} : std::clamp(one.pause * 2, kFirstPause, kLongestPause);
  one.not_before = now + one.pause;
  if (one.pause > Duration{}) text += fmt::format("; another one in {:.0f} s", seconds_of(one.pause));
  close(one);
  tell_({probe, change, std::move(text)});
}

void HeldConnections::close(One& one) {
  one.timer.disarm();
  one.io.reset();
  if (one.fd) --open_;
  one.fd.reset();
  one.is_there = false;
  one.has_passed = false;
}

}  // namespace herald::prober
