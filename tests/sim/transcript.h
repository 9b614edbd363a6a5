// What happened in a world, a line each: the events and effects of the core, and what everybody else did.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "sidecar/core/events.h"

namespace herald::sim {

// Virtual time begins here: far enough from zero that "long ago" is not before the beginning.
inline constexpr TimePoint kBeginning{std::chrono::hours(1)};

// Each is empty for what a timeline need not show.
[[nodiscard]] std::string timeline_text(const Event& event);
[[nodiscard]] std::string timeline_text(const Effect& effect);
[[nodiscard]] std::string full_text(const Event& event);
[[nodiscard]] std::string full_text(const Effect& effect);

class Transcript {
 public:
  enum class Detail : std::uint8_t { nothing, timeline, everything };

  // Keeps the last `most` lines.
  explicit Transcript(Detail detail = Detail::nothing, std::size_t most = 100000)
      : detail_(detail), most_(most) {}

  void note(const Event& event, TimePoint now);
  void note(const Effect& effect, TimePoint now);
  void note(const std::string& text, TimePoint now);

  [[nodiscard]] const std::deque<std::string>& lines() const { return lines_; }
  // Of all lines, also of those that are not kept any more.
  [[nodiscard]] std::size_t digest() const { return digest_; }
  [[nodiscard]] bool is_silent() const { return detail_ == Detail::nothing; }

 private:
  Detail detail_;
  std::size_t most_;
  std::deque<std::string> lines_;
  std::size_t digest_ = 0;
};

}  // namespace herald::sim
