// Who has to go when there is no room for all: at the control socket, and in the memory that waits to be read. Pure.
//
// Those who may change things take nothing away from each other while somebody else is there, and nobody who may only look takes
// anything from them. Of the others the user with the most goes first, and of his the one that has been still the longest: who
// wants much gets what is left of it, and a process that opens a thousand connections is in its own way alone.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "sidecar/core/types.h"

namespace herald {

// What one client has: a place, or so many bytes.
struct Holding {
  std::uint64_t client = 0;
  uid_t user = 0;
  bool may_change = false;
  TimePoint still_since{};
  std::size_t amount = 1;
};

struct HoldingLimits {
  std::size_t all = 0;
  std::size_t of_lookers = 0;     // what is left is for those who may change things
  std::size_t of_one_looker = 0;  // of one user
};

// Who has to go for these to be within the limits; none: they are. `spared` is not chosen.
[[nodiscard]] std::optional<std::uint64_t> who_gives_way(std::span<const Holding> held,
                                                         const HoldingLimits& limits, std::uint64_t spared);

// Of those who may only look, the one that would go first; none: there is none.
[[nodiscard]] std::optional<std::uint64_t> least_looker(std::span<const Holding> held, std::uint64_t spared);

}  // namespace herald
