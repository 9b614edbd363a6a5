#include "tests/sim/withdrawal_rules.h"

#include <algorithm>

namespace herald::sim {
namespace {

constexpr Duration kVipsWaitFor = 4s;

bool is_steered(const ServiceSpec& service) {
  return service.announce.via != Via::loopback;
}

}  // namespace

WithdrawalRules::WithdrawalRules(const Config& config, Withdrawal::Vips vips, TimePoint now)
    : config_(config), all_goes_(vips == Withdrawal::Vips::go), began_at_(now) {}

const ServiceSpec* WithdrawalRules::owner(const Vip& vip) const {
  const auto found = std::ranges::find_if(config_.services, [&](const ServiceSpec& service) {
    return std::ranges::find(service.vips, vip) != service.vips.end();
  });
  return found == config_.services.end() ? nullptr : &*found;
}

bool WithdrawalRules::is_kept(const ServiceSpec& service) const {
  return !all_goes_ && service.on_exit == OnExit::keep;
}

bool WithdrawalRules::is_exposed(const ServiceSpec& service, const Vip& vip) const {
  return is_steered(service) && service.announce.manage_vip && exposed_.contains(vip);
}

bool WithdrawalRules::is_seen(const AddressKey& key) const {
  return seen_ && std::ranges::any_of(seen_->addresses, [&](const ObservedAddress& address) {
           return address.key == key && address.ours;
         });
}

// At its place; or where it was before, while it is not at its place.
bool WithdrawalRules::stays(const AddressKey& key) const {
  const ServiceSpec* service = owner(key.vip);
  if (service == nullptr || all_goes_ || (!is_kept(*service) && !is_steered(*service))) return false;
  const AddressKey place{key.vip, service->announce.interface};
  if (!is_kept(*service) && is_exposed(*service, key.vip)) return false;
  return key == place || !is_seen(place);
}

bool WithdrawalRules::has_routes() const {
  return std::ranges::any_of(config_.services, [&](const ServiceSpec& service) {
    return is_steered(service) && !is_kept(service) && !service.vips.empty();
  });
}

// ---- what it is told -------------------------------------------------------------------------------------------

void WithdrawalRules::told(const Withdrawal::Event& event) {
  std::visit([this](const auto& one) { on(one); }, event);
}

void WithdrawalRules::on(const event::Observed& event) {
  looking_ = false;
  look_failed_ = !event.observation;
  if (look_failed_) return;
  seen_ = *event.observation;
  seen_at_ = look_begun_at_;
  may_remove_ = true;
}

void WithdrawalRules::on(const event::StepFinished& event) {
  removing_.erase(event.id);
}

void WithdrawalRules::on(const event::RouterRead& event) {
  reading_ = false;
  is_silent_ = !event.view.reachable;
  may_withdraw_ = true;
  if (is_silent_) return;
  owned_ = event.view.owned;
  owned_at_ = read_begun_at_;
  for (const auto& [vip, policy] : *owned_) known_.insert(vip);
  denied_ = event.view.fast.denied;
  in_table_.clear();
  for (const auto& [vip, route] : event.view.routes) {
    if (route.in_rib) in_table_.insert(vip);
    if (std::ranges::any_of(route.others, &OtherOrigin::of_address)) exposed_.insert(vip);
  }
}

void WithdrawalRules::on(const event::RoutesApplied& /*event*/) {
  batch_ = 0;
}

// ---- what it does ----------------------------------------------------------------------------------------------

void WithdrawalRules::decided(std::span<const Withdrawal::Effect> effects, TimePoint now) {
  require(now <= began_at_ + kBound, "a withdrawal goes on for longer than its time");
  failure_said_ = false;
  for (const Withdrawal::Effect& effect : effects) std::visit([&](const auto& one) { on(one, now); }, effect);
}

void WithdrawalRules::on(const effect::Observe& /*effect*/, TimePoint now) {
  require(!looking_, "a withdrawal looks twice at a time");
  require(removing_.empty(), "a withdrawal looks while its steps are under way");
  looking_ = true;
  may_remove_ = false;
  look_begun_at_ = now;
}

void WithdrawalRules::on(const effect::Apply& effect, TimePoint now) {
  const Step& step = effect.step;
  const std::string text = to_string(step);
  require(step.kind == Step::Kind::remove, "a withdrawal does more than withdraw: " + text);
  require(may_remove_, "a withdrawal acts on an old look: " + text);
  require(is_seen(step.key), "a withdrawal removes what is not herald's: " + text);
  require(!stays(step.key), "a withdrawal removes what stays: " + text);
  const ServiceSpec* service = owner(step.key.vip);
  if (service != nullptr && is_steered(*service) && step.key.interface == service->announce.interface) {
    const bool is_gone = owned_ && !owned_->contains(step.key.vip);
    require(is_gone || now >= began_at_ + kVipsWaitFor || is_exposed(*service, step.key.vip),
            "a VIP goes before its route: " + text);
  }
  tried_.insert(step.key);
  removing_.insert(effect.id);
}

void WithdrawalRules::on(const effect::ReadRouter& /*effect*/, TimePoint now) {
  require(!reading_ && batch_ == 0, "a withdrawal reads beside a read or a batch");
  reading_ = true;
  may_withdraw_ = false;
  read_begun_at_ = now;
}

void WithdrawalRules::on(const effect::ApplyRoutes& effect, TimePoint /*now*/) {
  require(!reading_ && batch_ == 0, "a withdrawal tells the router two things at a time");
  require(may_withdraw_, "a withdrawal acts on an old read");
  require(effect.steps.size() + effect.denials.size() > 0 && effect.fallback.empty(),
          "a withdrawal sends what is none");
  for (const DenialStep& step : effect.denials) {
    const ServiceSpec* service = owner(step.vip);
    require(!step.deny, "a withdrawal denies: " + step.vip.prefix);
    require(!is_silent_ && denied_.contains(step.vip),
            "a withdrawal lifts what does not stand: " + step.vip.prefix);
    require((service != nullptr && is_kept(*service)) || !in_table_.contains(step.vip),
            "a withdrawal lifts what would be announced by that: " + step.vip.prefix);
  }
  for (const IssuedRouteStep& issued : effect.steps) {
    const Vip& vip = issued.step.vip;
    const std::string text = to_string(issued.step);
    require(!issued.step.policy, "a withdrawal does more than withdraw: " + text);
    const ServiceSpec* service = owner(vip);
    require(service == nullptr || !is_kept(*service), "a withdrawal withdraws what is kept: " + text);
    const bool shown = is_silent_ ? service != nullptr || known_.contains(vip) : owned_->contains(vip);
    require(shown, "a withdrawal withdraws what is not herald's: " + text);
  }
  batch_ = effect.steps.size() + effect.denials.size();
}

void WithdrawalRules::on(const effect::Notice& effect, TimePoint /*now*/) {
  if (effect.error) {
    failure_said_ = true;
  } else if (effect.text.find("does not answer") != std::string::npos) {
    silence_said_ = true;
  }
}

void WithdrawalRules::on(const effect::Exit& effect, TimePoint now) {
  if (effect.clean) return;
  require(failure_said_, "a withdrawal fails, and says nothing");
  require(now >= began_at_ + kBound, "a withdrawal gives up before its time");
}

void WithdrawalRules::exited(bool clean, const Kernel& kernel, const Router& router, TimePoint now) const {
  require(now <= began_at_ + kBound, "a withdrawal takes longer than its time");
  if (clean) return check_clean(kernel, router);
  if (all_goes_) check_vips_were_tried(kernel);
}

void WithdrawalRules::check_clean(const Kernel& kernel, const Router& router) const {
  require(seen_.has_value(), "a withdrawal calls clean what it has not looked at");
  for (const auto& [key, entry] : kernel.addresses()) {
    const auto put = put_.find(key);
    const bool is_later = put != put_.end() && put->second >= seen_at_;
    require(!entry.ours || is_later || stays(key), "a clean withdrawal has left " + key.vip.prefix);
  }
  if (config_.router.stack == Stack::none) return;
  if (!owned_ || is_silent_) {
    const bool any_shown = std::ranges::any_of(known_, [&](const Vip& vip) {
      const ServiceSpec* service = owner(vip);
      return service == nullptr || !is_kept(*service);
    });
    return require(silence_said_ && !has_routes() && !any_shown,
                   "a withdrawal calls clean what the router has not shown");
  }
  for (const Vip& vip : router.denied) {
    const auto put = denied_put_.find(vip);
    require(put != denied_put_.end() && put->second >= owned_at_,
            "a clean withdrawal has left the denial of " + vip.prefix);
  }
  for (const auto& [vip, policy] : router.configuration) {
    const auto put = routes_put_.find(vip);
    const bool is_later = put != routes_put_.end() && put->second >= owned_at_;
    const ServiceSpec* service = owner(vip);
    require(is_later || (service != nullptr && is_kept(*service)),
            "a clean withdrawal has left the router's " + vip.prefix);
  }
}

// A router that does not obey is no reason to leave VIPs.
void WithdrawalRules::check_vips_were_tried(const Kernel& kernel) const {
  const bool is_blind = look_begun_at_ >= began_at_ + kVipsWaitFor && (looking_ || look_failed_);
  for (const auto& [key, entry] : kernel.addresses()) {
    if (!entry.ours || put_.contains(key)) continue;
    require(is_blind || tried_.contains(key), "with --vips nobody has tried to remove " + key.vip.prefix);
  }
}

}  // namespace herald::sim
