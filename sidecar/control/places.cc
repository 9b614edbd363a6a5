#include "sidecar/control/places.h"

#include <algorithm>
#include <map>

namespace herald {
namespace {

struct Sums {
  std::size_t all = 0;
  std::size_t lookers = 0;
  std::map<uid_t, std::size_t> of_looker = {};
};

Sums sums_of(std::span<const Holding> held) {
  Sums sums;
  for (const Holding& one : held) {
    sums.all += one.amount;
    if (one.may_change) continue;
    sums.lookers += one.amount;
    sums.of_looker[one.user] += one.amount;
  }
  return sums;
}

template <typename Predicate>
std::optional<std::uint64_t> stillest(std::span<const Holding> held, std::uint64_t spared, Predicate may_go) {
  const Holding* found = nullptr;
  for (const Holding& one : held) {
    if (one.client == spared || one.amount == 0 || !may_go(one)) continue;
    if (found == nullptr || one.still_since < found->still_since) found = &one;
  }
  return found == nullptr ? std::nullopt : std::optional(found->client);
}

// A user of whom only the spared one is there has nothing to give.
std::optional<std::uint64_t> stillest_of_the_heaviest(std::span<const Holding> held, Sums& sums,
                                                      std::uint64_t spared) {
  while (!sums.of_looker.empty()) {
    const auto heaviest =
        std::ranges::max_element(sums.of_looker, {}, [](const auto& entry) { return entry.second; });
    const auto found = stillest(
        held, spared, [&](const Holding& one) { return !one.may_change && one.user == heaviest->first; });
    if (found) return found;
    sums.of_looker.erase(heaviest);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> who_gives_way(std::span<const Holding> held, const HoldingLimits& limits,
                                           std::uint64_t spared) {
  Sums sums = sums_of(held);
  const bool one_has_too_much = std::ranges::any_of(
      sums.of_looker, [&](const auto& entry) { return entry.second > limits.of_one_looker; });
  if (one_has_too_much || sums.lookers > limits.of_lookers || sums.all > limits.all) {
    if (const auto looker = stillest_of_the_heaviest(held, sums, spared)) return looker;
  }
  if (sums.all <= limits.all) return std::nullopt;
  return stillest(held, spared, [](const Holding&) { return true; });
}

std::optional<std::uint64_t> least_looker(std::span<const Holding> held, std::uint64_t spared) {
  Sums sums = sums_of(held);
  return stillest_of_the_heaviest(held, sums, spared);
}

}  // namespace herald
