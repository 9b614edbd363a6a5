// `heraldd --withdraw` in the place of the process: its events and effects are the controller's, and so are the hands that carry
// them out and the faults that befall them.
#include <type_traits>
#include <utility>

#include "tests/sim/world.h"

namespace herald::sim {
namespace {

// Far more than it takes: it looks and reads at most every 60 ms.
constexpr int kMostRounds = 64;

}  // namespace

void World::withdraw(const Config& config, Withdrawal::Vips vips) {
  if (controller_ || withdrawal_) return;
  end_process();
  const bool all_goes = vips == Withdrawal::Vips::go;
  note(all_goes ? "-- heraldd --withdraw --vips" : "-- heraldd --withdraw");
  count(all_goes ? "withdrawals with --vips" : "withdrawals");
  withdrawal_.emplace(config, vips, now_);
  withdrawal_rules_.emplace(config, vips, now_);
  vips_.clear();
  for (const ServiceSpec& service : config.services) vips_.insert(service.vips.begin(), service.vips.end());
  turn_due_ = true;
  at(now_ + WithdrawalRules::kBound + 1ms, [this, life = life_] {
    require(life != life_ || !withdrawal_, "a withdrawal does not end in its time");
  });
}

std::vector<Vip> World::vips_to_read() const {
  return controller_ ? controller_->vips() : std::vector<Vip>(vips_.begin(), vips_.end());
}

void World::tell_withdrawal(const Event& event) {
  std::visit(
      [this](const auto& one) {
        using One = std::decay_t<decltype(one)>;
        if constexpr (std::is_constructible_v<Withdrawal::Event, One>) {
          transcript_.note(Event{one}, now_);
          withdrawal_rules_->told(one);
          withdrawal_->handle(one, now_);
          turn_due_ = true;
        }  // it listens to nothing else
      },
      event);
}

void World::turn_withdrawal() {
  for (int round = 0;; ++round) {
    require(round < kMostRounds, "a withdrawal always has something to say");
    const auto effects = withdrawal_->decide(now_);
    if (effects.empty()) break;
    for (const Withdrawal::Effect& effect : effects)
      std::visit([this](const auto& one) { transcript_.note(Effect{one}, now_); }, effect);
    withdrawal_rules_->decided(effects, now_);
    for (const Withdrawal::Effect& effect : effects) {
      std::visit([this](const auto& one) { carry_out(one); }, effect);
      if (!withdrawal_) return;  // it was killed
    }
  }
  turn_due_ = false;
  if (!exit_) return;
  withdrawal_rules_->exited(*exit_, kernel_, router_, now_);
  count(*exit_ ? "clean withdrawals" : "withdrawals in vain");
  end_process();
}

}  // namespace herald::sim
