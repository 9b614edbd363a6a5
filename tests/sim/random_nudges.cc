#include "tests/sim/random_world.h"

namespace herald::sim {
namespace {

constexpr double kStormy = 0.3;
constexpr Duration kMeanWait = 5s;
constexpr std::size_t kLargestStorm = 400;
constexpr std::size_t kMomentsOfStorm = 20;

}  // namespace

Nudging::Nudging(std::uint64_t seed)
    : random_(seed * 2246822519U + 3),
      any_(random_() % 3 != 0),
      storms_(any_ && std::bernoulli_distribution(kStormy)(random_)),
      lost_(random_() % 2 == 0 ? 0 : std::uniform_real_distribution<double>(0, 1)(random_)) {}

std::optional<Duration> Nudging::told_after() {
  if (std::bernoulli_distribution(lost_)(random_)) return std::nullopt;
  return std::chrono::microseconds(random_() % 20000);
}

Duration Nudging::wait() {
  const double wait = std::exponential_distribution<double>(1)(random_);
  return Duration(static_cast<Duration::rep>(wait * static_cast<double>(kMeanWait.count())));
}

// A storm is told in some moments, as the kernel's queue is read: not each event in a turn of its own.
std::vector<Nudging::Forged> Nudging::forge(std::size_t targets) {
  const bool is_storm = storms_ && std::bernoulli_distribution(kStormy)(random_);
  const std::size_t many = is_storm ? 1 + random_() % kLargestStorm : 1;
  const std::size_t target = random_() % targets;
  static constexpr auto kWords = words_of(Nudge{});
  std::vector<Forged> forged;
  for (std::size_t one = 0; one < many; ++one) {
    forged.push_back({is_storm && random_() % 2 == 0 ? target : random_() % targets,
                      kWords[random_() % kWords.size()].value,
                      std::chrono::milliseconds(is_storm ? random_() % kMomentsOfStorm * 10 : 0)});
  }
  return forged;
}

}  // namespace herald::sim
