#include "sidecar/daemon/address_hand.h"

#include <fmt/format.h>

#include <utility>

namespace herald {

AddressHand::AddressHand(Loop& loop, Log& log, std::string_view would, Tell tell)
    : loop_(loop), log_(log), would_(would), tell_(std::move(tell)) {}

std::expected<void, std::string> AddressHand::open() {
  auto monitor = AddressMonitor::open();
  if (!monitor) return std::unexpected(monitor.error());
  monitor_.emplace(std::move(*monitor));
  watch_ = loop_.watch_io(monitor_->fd(), EPOLLIN, [this](std::uint32_t /*events*/) {
    if (monitor_->drain()) tell_(event::AddressesChanged{});
  });
  return {};
}

void AddressHand::observe(const effect::Observe& effect) {
  auto observation = lever_->look(loop_.now());
  observed_ = observed_ || observation.has_value();
  tell_(event::Observed{effect.sequence, std::move(observation)});
}

void AddressHand::apply(const effect::Apply& effect) {
  const auto done = lever_->apply(effect.step);
  if (effect.step.kind != Step::Kind::refresh && done == Applied::done)
    log_.write(LogLevel::info, fmt::format("{}{}", would_, to_string(effect.step)));
  tell_(event::StepFinished{effect.id, done});
}

std::vector<Step> AddressHand::outstanding(std::vector<Step> planned) const {
  return lever_->outstanding(std::move(planned));
}

}  // namespace herald
