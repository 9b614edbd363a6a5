// What people ask of the controller: words about one service, attempts, and to leave.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sidecar/core/controller.h"

namespace herald {
namespace {

// The contract gives a stop 5 s, and the time that VIPs linger.
constexpr Duration kStopWithin = 4500ms;

}  // namespace

std::optional<std::size_t> Controller::find_service(const std::string& name) const {
  const auto found = std::ranges::find_if(services_, [&](const ServiceEntry& service) {
    return service.run.spec().name == name && !service.run.is_leaving();
  });
  if (found == services_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - services_.begin());
}

void Controller::on(const event::Administer& event, TimePoint now) {
  const auto index = find_service(event.service);
  if (!index) return;
  ServiceRun& run = services_[*index].run;
  dirty_.insert(*index);
  if (event.admin.state == AdminState::automatic) {
    if (auto ended = run.end_orders(event.ends, event.admin, now)) effects_.emplace_back(*std::move(ended));
  } else if (!run.untouched()) {
    effects_.emplace_back(run.administer(event.admin, now));
  } else {  // nothing was decided yet
    const Admin& admin = event.admin;
    run.restore(admin);
    std::string text = fmt::format("admin is still {}, by {}", name_of(admin.state), admin.who);
    if (!admin.reason.empty()) text += ": " + admin.reason;
    effects_.emplace_back(effect::Notice{false, event.service, std::move(text)});
  }
}

void Controller::on(const event::Recall& event, TimePoint now) {
  if (const auto index = find_service(event.service)) services_[*index].run.recall(event.flaps, now);
}

void Controller::on(const event::ClearDamping& event, TimePoint now) {
  const auto index = find_service(event.service);
  if (!index) return;
  ServiceRun& run = services_[*index].run;
  effects_.emplace_back(
      effect::Notice{false, event.service,
                     fmt::format("{} forgets the penalty of {:.0f}", event.who, run.machine().penalty(now))});
  run.clear_damping();
  dirty_.insert(*index);
}

// A stop withdraws what is herald's already; it takes nothing more.
void Controller::on(const event::Adopt& event, TimePoint now) {
  const auto index = find_service(event.service);
  if (!index || stopping_) return;
  ServiceRun& run = services_[*index].run;
  for (const AddressKey& key : foreign_addresses(event.service)) {
    auto issued = address_.adopt(key, run.spec().announce.lease);
    if (!issued) continue;
    effects_.emplace_back(effect::Notice{
        false, event.service, fmt::format("{} has herald {}", event.who, to_string(issued->step))});
    run.step_issued(*issued, now);
    route_.expect_change(now);
    effects_.emplace_back(effect::Apply{issued->id, std::move(issued->step)});
  }
}

void Controller::on(const event::ProbeNow& event, TimePoint now) {
  if (stopping_) {
    effects_.emplace_back(ProbeFleet::refuse(event, "herald stops"));
  } else {
    emit(fleet_.ask(event, now));
  }
}

void Controller::on(const event::Nudged& event, TimePoint now) {
  if (!stopping_) fleet_.nudge(event, now);
}

void Controller::end_asked(std::string_view why) {
  emit(fleet_.end_asked(why));
}

// ---- to leave

void Controller::on(const event::Stop& /*event*/, TimePoint now) {
  if (std::exchange(stopping_, true)) return;
  Duration linger{};
  for (ServiceEntry& service : services_) {
    service.run.stop();
    linger = std::max(linger, service.run.longest_linger());
  }
  begin_to_leave(now + kStopWithin + linger);
}

void Controller::on(const event::Handover& /*event*/, TimePoint now) {
  if (std::exchange(stopping_, true)) return;
  handing_over_ = true;
  for (ServiceEntry& service : services_) service.run.hand_over();
  begin_to_leave(now + kStopWithin);
}

void Controller::begin_to_leave(TimePoint give_up_at) {
  emit(fleet_.stop());
  timers_.set(key(Timer::give_up), give_up_at);
  address_.changed();
  touch_all();
}

// A withdrawal that is still to be repeated is a successor's.
bool Controller::has_left(TimePoint now) const {
  if (handing_over_) return !route_.is_told() && address_.is_handed_over(desired_addresses(), now);
  return address_.is_done() && route_.is_done() && route_.fast().is_done() &&
         std::ranges::all_of(services_, [](const ServiceEntry& service) { return service.run.has_left(); });
}

void Controller::leave(TimePoint now) {
  if (exited_ || !has_left(now)) return;
  exited_ = true;
  effects_.emplace_back(effect::Exit{true});
}

}  // namespace herald
