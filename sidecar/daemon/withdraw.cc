#include "sidecar/daemon/withdraw.h"

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "sidecar/announce/levers.h"
#include "sidecar/announce/loopback.h"
#include "sidecar/os/namespace_lock.h"

namespace herald {
namespace {

class WithdrawingHands {
 public:
  WithdrawingHands(Loop& loop, Log& log, LoopbackLever lever, std::unique_ptr<RouterLever> router,
                   Withdrawal withdrawal)
      : loop_(loop),
        log_(log),
        lever_(std::move(lever)),
        withdrawal_(std::move(withdrawal)),
        router_(std::move(router)),
        wake_(loop.timer([this] { turn(); })) {}
  WithdrawingHands(const WithdrawingHands&) = delete;
  WithdrawingHands& operator=(const WithdrawingHands&) = delete;

  int run() {
    wake_.set_time(loop_.now());
    return loop_.run();
  }

 private:
  void turn() {
    for (auto effects = withdrawal_.decide(loop_.now()); !effects.empty();
         effects = withdrawal_.decide(loop_.now())) {
      for (const Withdrawal::Effect& effect : effects)
        std::visit([this](const auto& one) { carry_out(one); }, effect);
    }
    const TimePoint next = withdrawal_.next_wakeup();
    if (next != TimePoint::max()) wake_.set_time(next);
  }

  void tell(const Withdrawal::Event& event) { withdrawal_.handle(event, loop_.now()); }

  void carry_out(const effect::Observe& effect) {
    tell(event::Observed{effect.sequence, lever_.look(loop_.now())});
  }

  void carry_out(const effect::Apply& effect) {
    const auto done = lever_.apply(effect.step);
    if (done) log_.write(LogLevel::info, to_string(effect.step));
    tell(event::StepFinished{effect.id, done});
  }

  void carry_out(const effect::ReadRouter& /*effect*/) {
    router_->read([this](RouterView view) {
      tell(event::RouterRead{std::move(view)});
      turn();
    });
  }

  void carry_out(const effect::ApplyRoutes& effect) {
    std::vector<RouteStep> steps;
    for (const IssuedRouteStep& issued : effect.steps) steps.push_back(issued.step);
    std::vector<std::string> texts;
    for (const RouteStep& step : steps) texts.push_back(to_string(step));
    for (const DenialStep& step : effect.denials) texts.push_back(to_string(step));
    router_->apply({.steps = steps, .denials = effect.denials}, [this, texts](RouteOutcomes outcomes) {
      for (std::size_t index = 0; index < texts.size() && index < outcomes.size(); ++index) {
        if (outcomes[index]) log_.write(LogLevel::info, texts[index]);
      }
      tell(event::RoutesApplied{std::move(outcomes)});
      turn();
    });
  }

  void carry_out(const effect::Notice& effect) {
    log_.write(effect.error ? LogLevel::error : LogLevel::notice, effect.text);
  }

  void carry_out(const effect::Exit& effect) { loop_.exit(effect.clean ? 0 : 1); }

  Loop& loop_;
  Log& log_;
  LoopbackLever lever_;
  Withdrawal withdrawal_;
  std::unique_ptr<RouterLever> router_;
  Source wake_;
};

}  // namespace

std::expected<int, std::string> withdraw_left(Loop& loop, Log& log, const Config& config,
                                              Withdrawal::Vips vips,
                                              std::span<const std::filesystem::path> template_dirs) {
  const auto lock = NamespaceLock::take();
  if (!lock) return std::unexpected("nothing is withdrawn: " + lock.error());
  if (!lock->warning().empty()) log.write(LogLevel::warning, lock->warning());
  auto lever = LoopbackLever::open(config.services);
  if (!lever) return std::unexpected(lever.error());
  return WithdrawingHands(loop, log, std::move(*lever), make_router_lever(loop, config, template_dirs),
                          Withdrawal(config, vips, loop.now()))
      .run();
}

}  // namespace herald
