// Lines for people and fields for machines: to the journal with HERALD_SERVICE=, HERALD_PROBE=,
// HERALD_TRANSITION=, or as text on stderr.
//
// What others said reaches it through printable() (text/plain_text.h): controls, C1 too, what turns the direction of text
// and bytes that are no UTF-8 are shown as escapes.
//
// It never blocks: a journald or a pipe that does not read loses lines, and the next line that gets through
// says how many. So does a burst beyond the limit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sidecar/core/types.h"
#include "sidecar/os/fd.h"

namespace herald {

enum class LogTarget : std::uint8_t { automatic, journal, text };
// The values of <syslog.h>.
enum class LogLevel : std::uint8_t { error = 3, warning = 4, notice = 5, info = 6 };

struct LogFields {
  std::string_view service;
  std::string_view probe;
  std::string_view transition;  // "up>down"
};

class Log {
 public:
  // `automatic`: the journal when stderr is connected to it ($JOURNAL_STREAM), text otherwise.
  explicit Log(LogTarget target);

  void write(LogLevel level, std::string_view message, const LogFields& fields = {});
  // Since the start.
  [[nodiscard]] std::uint64_t lost() const { return lost_before_ + lost_; }

 private:
  [[nodiscard]] bool within_limit(TimePoint now);
  [[nodiscard]] bool send_to_journal(LogLevel level, const std::string& message, const LogFields& fields);
  [[nodiscard]] static bool print(LogLevel level, const std::string& message);

  Fd journal_;                     // none: text
  std::uint64_t lost_ = 0;         // and not told yet
  std::uint64_t lost_before_ = 0;  // and told
  TimePoint window_start_{};
  std::uint32_t in_window_ = 0;
};

}  // namespace herald
