#include "sidecar/daemon/router_hand.h"

#include <fmt/format.h>

#include <utility>

namespace herald {
namespace {

// What a client of the router's needs: a pipe, what runs it, and its libraries, which count for the machine's limit.
constexpr std::size_t kForRouter = 32;

}  // namespace

RouterHand::RouterHand(Loop& loop, Log& log, std::string_view would, Tell tell)
    : loop_(loop), log_(log), would_(would), tell_(std::move(tell)), reserve_(kForRouter) {}

void RouterHand::use(std::unique_ptr<RouterLever> lever) {
  if (!lever) return;
  if (!socket_) socket_.emplace(loop_, lever->socket_path(), [this] { tell_(event::RouterChanged{}); });
  next_ = std::move(lever);
  use_next();
}

void RouterHand::use_next() {
  if (next_ && !batch_in_flight_) lever_ = std::move(next_);
}

void RouterHand::read() {
  socket_->arm();
  use_next();
  reserve_.lend();
  lever_->read([this](RouterView view) {
    reserve_.keep();
    tell_(event::RouterRead{std::move(view)});
  });
}

void RouterHand::apply(const effect::ApplyRoutes& effect) {
  RouteBatch batch{.steps = {}, .fallback = effect.fallback, .denials = effect.denials};
  std::vector<std::string> texts;
  for (const IssuedRouteStep& issued : effect.steps) {
    batch.steps.push_back(issued.step);
    texts.push_back(fmt::format("{}{}", would_, to_string(issued.step)));
  }
  for (const FallbackStep& step : effect.fallback)
    texts.push_back(fmt::format("{}{}", would_, to_string(step)));
  for (const DenialStep& step : effect.denials) texts.push_back(fmt::format("{}{}", would_, to_string(step)));
  use_next();
  batch_in_flight_ = true;
  reserve_.lend();
  lever_->apply(std::move(batch), [this, texts](RouteOutcomes outcomes) {
    batch_in_flight_ = false;
    reserve_.keep();
    for (std::size_t index = 0; index < texts.size() && index < outcomes.size(); ++index) {
      if (outcomes[index]) log_.write(LogLevel::info, texts[index]);
    }
    tell_(event::RoutesApplied{std::move(outcomes)});
  });
}

RouteBatch RouterHand::outstanding(RouteBatch planned) const {
  return lever_ ? lever_->outstanding(std::move(planned)) : planned;
}

std::vector<std::string> RouterHand::commands(const RouteBatch& batch) const {
  return lever_ && !batch.empty() ? lever_->commands(batch) : std::vector<std::string>{};
}

}  // namespace herald
