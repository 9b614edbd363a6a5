#include "sidecar/daemon/systemd.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

namespace herald {
namespace {

constexpr Duration kNotifyEvery = std::chrono::seconds(1);

// Each gives the stop that many seconds, unless another one follows.
constexpr std::string_view kGoesOnStopping = "EXTEND_TIMEOUT_USEC=15000000\n";
constexpr Duration kStopPulse = std::chrono::seconds(2);

}  // namespace

Systemd::Systemd(Loop& loop) : loop_(loop) {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) > 0) watchdog_ = std::chrono::microseconds(microseconds);
  pulse_ = loop_.timer([] {});  // its turn ends, and that is told
}

void Systemd::turn_ends(const Turn& turn, const std::function<std::string()>& status) {
  const TimePoint now = loop_.now();
  if (turn.ready && !ready_) ready_ = manager_.tell("READY=1");
  if (ready_ && now - notified_at_ >= kNotifyEvery) {
    std::string text = watchdog_ > Duration{} ? "WATCHDOG=1\n" : "";
    // VIPs may linger for longer than the unit gives a stop. Only as long as the loop turns: a hung stop is forced.
    if (turn.stopping) text += kGoesOnStopping;
    if (std::exchange(status_changed_, false)) text += "STATUS=" + status();
    (void)manager_.tell(text);
    notified_at_ = now;
  }
  const Duration pulse = turn.stopping ? kStopPulse : watchdog_ / 3;
  if (pulse > Duration{}) pulse_.set_time(now + pulse);
}

void Systemd::reloading() {
  const auto since_boot =
      std::chrono::duration_cast<std::chrono::microseconds>(Loop::clock().time_since_epoch()).count();
  (void)manager_.tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", since_boot));
}

void Systemd::reloaded() {
  (void)manager_.tell("READY=1");
}

void Systemd::exiting() {
  (void)manager_.tell("STOPPING=1");
}

}  // namespace herald
