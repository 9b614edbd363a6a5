#include "sidecar/daemon/withdraw.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sidecar/core/address/address_plan.h"

namespace herald {
namespace {

// As long as the contract gives a stop.
constexpr Duration kWithin = 5s;
constexpr Duration kAgain = 200ms;
// bgpd holds a change back for 50 ms; reading earlier would find the route still there.
constexpr Duration kReadAfterRoutes = 60ms;

}  // namespace

Withdrawal::Withdrawal(Loop& loop, Log& log, Config config, Vips vips,
                       std::vector<std::filesystem::path> template_dirs)
    : loop_(loop), log_(log), config_(std::move(config)), vips_(vips) {
  for (const ServiceSpec& service : config_.services) {
    const bool kept = is_kept(service);
    const bool routed = service.announce.via != Via::loopback;
    for (const Vip& vip : service.vips) {
      if (vips_ == Vips::go && routed) last_.push_back(addresses_.size());
      addresses_.push_back(
          {{vip, service.announce.interface}, kept || routed ? Want::hold : Want::absent, std::nullopt});
      routes_.push_back({vip, kept ? Want::hold : Want::absent, {}});
    }
  }
  router_ = make_router_lever(loop, config_, template_dirs);
}

std::expected<int, std::string> Withdrawal::run() {
  auto lock = NamespaceLock::take();
  if (!lock) return std::unexpected("nothing is withdrawn: " + lock.error());
  lock_.emplace(std::move(*lock));
  if (!lock_->warning().empty()) log_.write(LogLevel::warning, lock_->warning());
  auto lever = LoopbackLever::open(config_.services);
  if (!lever) return std::unexpected(lever.error());
  lever_.emplace(std::move(*lever));
  look_again_ = loop_.timer([this] { look(); });
  read_again_ = loop_.timer([this] { read(); });
  deadline_ = loop_.timer_at(loop_.now() + kWithin, [this] { give_up(); });
  look_again_.set_time(loop_.now());
  routes_left_ = router_ != nullptr;
  if (router_) read_again_.set_time(loop_.now());
  return loop_.run();
}

// Not where everything goes: nobody would be left to take back what is kept.
bool Withdrawal::is_kept(const ServiceSpec& service) const {
  return service.on_exit == OnExit::keep && vips_ == Vips::stay;
}

bool Withdrawal::has_routes() const {
  return std::ranges::any_of(config_.services, [this](const ServiceSpec& service) {
    return service.announce.via != Via::loopback && !is_kept(service);
  });
}

void Withdrawal::look() {
  const auto observed = lever_->look(loop_.now());
  if (!observed) {
    trouble_ = observed.error();
    return look_again_.set_time(loop_.now() + kAgain);
  }
  const std::vector<Step> steps = reconcile(addresses_, *observed, loop_.now());
  addresses_left_ = !steps.empty();
  for (const Step& step : steps) {
    const auto done = lever_->apply(step);
    if (!done) trouble_ = done.error();
    log_.write(done ? LogLevel::info : LogLevel::error, done ? to_string(step) : done.error());
  }
  if (addresses_left_) look_again_.set_time(loop_.now() + kAgain);  // gone only once it is seen to be
  finish_part();
}

void Withdrawal::read() {
  router_->read([this](const RouterView& view) { on_view(view); });
}

void Withdrawal::on_view(const RouterView& view) {
  if (view.reachable) {
    const std::vector<RouteStep> steps = reconcile(routes_, view.owned);
    if (!steps.empty()) return withdraw(steps);
    routes_left_ = false;
    return finish_part();
  }
  trouble_ = fmt::format("{} does not answer: {}", name_of(config_.router.stack), view.error);
  if (!has_routes()) {  // only leftovers could be there, and they are no reason to wait for a router that is down
    routes_left_ = false;
    return finish_part();
  }
  // What can be done without an answer: BIRD's include file is emptied for its next start.
  std::vector<RouteStep> blind;
  for (const DesiredRoute& route : routes_) {
    if (route.want == Want::absent) blind.push_back({route.vip, std::nullopt});
  }
  withdraw(blind);
}

void Withdrawal::withdraw(const std::vector<RouteStep>& steps) {
  router_->apply({.steps = steps}, [this, steps](const std::vector<std::string>& errors) {
    bool failed = false;
    for (std::size_t index = 0; index < steps.size() && index < errors.size(); ++index) {
      failed = failed || !errors[index].empty();
      if (errors[index].empty()) {
        log_.write(LogLevel::info, to_string(steps[index]));
      } else {
        trouble_ = fmt::format("{}: {}", to_string(steps[index]), errors[index]);
      }
    }
    read_again_.set_time(loop_.now() + (failed ? kAgain : kReadAfterRoutes));
  });
}

void Withdrawal::finish_part() {
  if (addresses_left_ || routes_left_) return;
  if (!last_.empty()) return finish_with_vips();
  log_.write(LogLevel::notice, "nothing that herald would withdraw at a stop is announced any more");
  loop_.exit(0);
}

void Withdrawal::let_vips_go() {
  for (const std::size_t index : std::exchange(last_, {})) addresses_[index].want = Want::absent;
}

void Withdrawal::finish_with_vips() {
  let_vips_go();
  addresses_left_ = true;
  look_again_.set_time(loop_.now());
}

void Withdrawal::give_up() {
  // A router that does not answer is mostly one that does not run: its routes are no reason to leave the VIPs.
  if (!last_.empty()) {
    let_vips_go();
    look();
    if (!addresses_left_ && !routes_left_) return;
  }
  log_.write(LogLevel::error, fmt::format("not everything could be withdrawn: {}; leases end what they can",
                                          trouble_.empty() ? "it is still there" : trouble_));
  loop_.exit(1);
}

}  // namespace herald
