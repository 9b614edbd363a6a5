// What the core counts of its own doing, since herald's start: small values of a fixed size, one for each thing that the
// configuration has. They go on over a reload, and nothing is decided by them.
#pragma once

#include <array>
#include <cstdint>

#include "sidecar/core/config.h"
#include "sidecar/core/histogram.h"
#include "sidecar/core/probe/nudges.h"
#include "sidecar/core/types.h"

namespace herald {

// One count for each word of an enumeration.
template <Worded Enum>
class CountBy {
 public:
  void count(Enum value) { ++counts_[static_cast<std::size_t>(value)]; }
  [[nodiscard]] std::uint64_t of(Enum value) const { return counts_[static_cast<std::size_t>(value)]; }

  bool operator==(const CountBy&) const = default;

 private:
  std::array<std::uint64_t, words_of(Enum{}).size()> counts_{};
};

// Of one probe's own attempts.
struct AttemptCounts {
  CountBy<Verdict> verdicts;
  CountBy<Reason> failures;  // of those that failed
  Histogram took;            // of those that were conclusive
  CountBy<Nudge> nudged;     // those that an event has brought forward

  bool operator==(const AttemptCounts&) const = default;
};

// How something that was tried came out.
enum class CommandResult : std::uint8_t { done, failed };
[[nodiscard]] constexpr auto words_of(CommandResult) {
  using enum CommandResult;
  return std::to_array<Word<CommandResult>>({{done, "done"}, {failed, "failed"}});
}
[[nodiscard]] constexpr CommandResult result_of(bool good) {
  return good ? CommandResult::done : CommandResult::failed;
}

// What the router is asked and told.
enum class RouterCommand : std::uint8_t { read, announce, withdraw, fallback, deny, lift };
[[nodiscard]] constexpr auto words_of(RouterCommand) {
  using enum RouterCommand;
  return std::to_array<Word<RouterCommand>>({{read, "read"},
                                             {announce, "announce"},
                                             {withdraw, "withdraw"},
                                             {fallback, "fallback"},
                                             {deny, "deny"},
                                             {lift, "lift"}});
}

// A decision about a service.
enum class Direction : std::uint8_t { announce, withdraw };
[[nodiscard]] constexpr auto words_of(Direction) {
  using enum Direction;
  return std::to_array<Word<Direction>>({{announce, "announce"}, {withdraw, "withdraw"}});
}

// One that was carried out: from the decision to the proof, by what was read back.
struct CarriedOut {
  Direction direction = Direction::announce;
  Duration took{};

  bool operator==(const CarriedOut&) const = default;
};

// Of all services together.
struct CoreCounts {
  // From the first failed attempt of an outage to the decision to withdraw.
  Histogram detection;
  // By Via and Direction.
  std::array<std::array<Histogram, 2>, 3> carrying_out;
  // By RouterCommand, and by the kind of a step of an address (Step::Kind).
  std::array<CountBy<CommandResult>, words_of(RouterCommand{}).size()> router;
  std::array<CountBy<CommandResult>, 4> addresses;

  [[nodiscard]] const Histogram& carrying_out_of(Via via, Direction direction) const {
    return carrying_out[static_cast<std::size_t>(via)][static_cast<std::size_t>(direction)];
  }

  bool operator==(const CoreCounts&) const = default;
};

}  // namespace herald
