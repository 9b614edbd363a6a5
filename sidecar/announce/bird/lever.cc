#include "sidecar/announce/bird/lever.h"

#include <fmt/format.h>

#include <utility>

#include "sidecar/announce/bird/change.h"
#include "sidecar/announce/bird/include.h"
#include "sidecar/announce/bird/reading.h"
#include "sidecar/announce/router/vips_to_read.h"

namespace herald {
namespace {

class BirdLever final : public RouterLever {
 public:
  BirdLever(Loop& loop, const Config& config, std::span<const Vip> leaving)
      : spec_(config.router),
        change_(loop, config.router),
        reading_(loop, config.router, vips_to_read(config, leaving)) {}

  void read(OnView on_view) override {
    if (change_.under_way()) {
      waiting_ = std::move(on_view);
    } else {
      reading_.start(std::move(on_view), change_.rescue_reason());
    }
  }

  // It has no fallback: config_router.cc refuses it.
  void apply(RouteBatch batch, OnApplied on_applied) override {
    reading_.cancel();
    change_.start(std::move(batch.steps), [this, on_applied = std::move(on_applied)](auto outcomes) {
      if (OnView waiting = std::exchange(waiting_, nullptr)) read(std::move(waiting));
      on_applied(std::move(outcomes));
    });
  }

  [[nodiscard]] std::vector<std::string> commands(const RouteBatch& batch) const override {
    if (batch.steps.empty()) return {};
    std::vector<std::string> lines{fmt::format("# in {}:", spec_.bird.include)};
    for (const RouteStep& step : batch.steps) {
      if (!step.policy) {
        lines.push_back(fmt::format("# no route {}", step.vip.prefix));
      } else if (const auto route = bird_route(*step.policy, spec_.as)) {
        lines.push_back(bird_line(step.vip, *route));
      } else {
        lines.push_back(fmt::format("# {}: {}", to_string(step), route.error()));
      }
    }
    for (const std::string_view what : {"configure check", "configure"})
      lines.push_back(fmt::format("{} -s {} {}", spec_.bird.birdc, spec_.bird.socket, what));
    return lines;
  }

  [[nodiscard]] std::string socket_path() const override { return spec_.bird.socket; }

 private:
  RouterSpec spec_;
  OnView waiting_;  // to read once the change is done: one birdc at a time
  BirdChange change_;
  BirdReading reading_;
};

}  // namespace

std::unique_ptr<RouterLever> make_bird_lever(Loop& loop, const Config& config, std::span<const Vip> leaving) {
  return std::make_unique<BirdLever>(loop, config, leaving);
}

}  // namespace herald
