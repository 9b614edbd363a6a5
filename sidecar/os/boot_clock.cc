#include "sidecar/os/boot_clock.h"

#include <chrono>
#include <ctime>
#include <fstream>
#include <string>

namespace herald {
namespace {

constexpr std::size_t kIdLength = 36;  // a UUID, random(4)

}  // namespace

BootClock::BootClock() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  if (std::getline(file, id) && id.size() == kIdLength) boot_id_ = std::move(id);
}

std::optional<BootMoment> BootClock::now() const {
  timespec time{};
  if (!boot_id_ || ::clock_gettime(CLOCK_BOOTTIME, &time) != 0) return std::nullopt;
  return BootMoment{*boot_id_, std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec)};
}

}  // namespace herald
