#include "sidecar/text/clocks.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <string_view>

namespace herald {
namespace {

constexpr std::time_t kYear2200 = 7'258'118'400;  // nanoseconds end in 2262

}  // namespace

std::string to_rfc3339(TimePoint when, const ClockPair& clocks) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  const auto wall = std::chrono::floor<milliseconds>(
      clocks.wall + std::chrono::duration_cast<std::chrono::system_clock::duration>(when - clocks.core));
  const auto whole = std::chrono::floor<seconds>(wall);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(whole)),
                     (wall - whole).count());
}

std::optional<std::chrono::sys_time<std::chrono::milliseconds>> parse_rfc3339(const std::string& text) {
  std::tm fields{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &fields);
  if (rest == nullptr) return std::nullopt;
  const std::time_t seconds = ::timegm(&fields);
  if (seconds < 0 || seconds > kYear2200) return std::nullopt;
  std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::seconds(seconds)};
  std::chrono::milliseconds part{100};
  if (*rest == '.') {
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, part /= 10) time += part * (*rest - '0');
  }
  return std::string_view(rest) == "Z" ? std::optional(time) : std::nullopt;
}

}  // namespace herald
