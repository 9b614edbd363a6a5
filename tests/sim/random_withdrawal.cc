// In some worlds nobody follows a process that has ended, at first: `heraldd --withdraw` runs, as systemd has it run.
#include "tests/sim/random_world.h"

namespace herald::sim {
namespace {

// Of its own, so that the seeds of other worlds keep their meaning.
std::uint64_t seed_of_withdrawals(std::uint64_t seed) {
  return seed * 69069U + 11;
}

constexpr Duration kLatestBegin = 300ms;

}  // namespace

Withdrawals::Withdrawals(std::uint64_t seed) : random_(seed_of_withdrawals(seed)), any_(chance(0.35)) {}

std::optional<Withdrawals::One> Withdrawals::draw() {
  if (!any_ || !chance(0.6)) return std::nullopt;
  One one;
  one.vips = chance(0.4) ? Withdrawal::Vips::go : Withdrawal::Vips::stay;
  one.by_former = chance(0.5);
  one.finds_leftovers = chance(0.4);
  one.after = Duration{std::uniform_int_distribution<Duration::rep>(0, kLatestBegin.count())(random_)};
  return one;
}

bool Withdrawals::chance(double probability) {
  return std::bernoulli_distribution(probability)(random_);
}

void RandomWorld::withdraw(const Config& former) {
  const auto drawn = withdrawals_.draw();
  if (!drawn) return;
  world_.at(world_.now() + drawn->after, [this, one = *drawn, config = drawn->by_former ? former : running_] {
    if (!is_chaos() || world_.runs() || world_.withdraws()) return;
    if (one.finds_leftovers) leave_something();
    world_.withdraw(config, one.vips);
  });
}

void RandomWorld::leave_something() {
  world_.count("leftovers of withdrawals");
  world_.put_address({{"10.99.202.1/32"}, "lo"}, true, std::nullopt);
  if (running_.router.stack != Stack::none) world_.configure_router({"10.99.202.2/32"}, "HERALD-old-healthy");
}

// A heraldd that is started meanwhile waits (herald-withdraw.service).
void RandomWorld::start_after(Duration pause) {
  world_.at(world_.now() + pause, [this] {
    if (!is_chaos() || world_.runs()) return;
    if (world_.withdraws()) return start_after(100ms);
    world_.start(running_);
  });
}

}  // namespace herald::sim
