#include "sidecar/core/service/orders.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace herald {
namespace {

constexpr std::size_t kMostNamed = 3;

bool is_meant(const Admin& order, const Ends& ends) {
  return (ends.state == AdminState::automatic || ends.state == order.state) &&
         (!ends.whose || *ends.whose == order.who);
}

// Of which the greatest is the effective one: of equals the one that was given first.
auto weight_of(const Admin& order) {
  return std::tuple(order.state == AdminState::drain, order.expires.value_or(TimePoint::max()),
                    -order.since.time_since_epoch());
}

std::string text_of(const Admin& order) {
  return order.reason.empty() ? order.who : fmt::format("{}: {}", order.who, order.reason);
}

}  // namespace

void Orders::give(Admin admin) {
  if (admin.state == AdminState::automatic) return;
  std::erase_if(all_, [&](const Admin& order) {
    return order.state == admin.state && (order.state == AdminState::force || order.who == admin.who);
  });
  const auto behind = std::ranges::upper_bound(all_, admin.since, {}, &Admin::since);
  all_.insert(behind, std::move(admin));
  judge();
}

std::vector<Admin> Orders::end(const Ends& ends) {
  const auto ended =
      std::ranges::stable_partition(all_, [&](const Admin& order) { return !is_meant(order, ends); });
  std::vector<Admin> over(std::make_move_iterator(ended.begin()), std::make_move_iterator(ended.end()));
  all_.erase(ended.begin(), ended.end());
  judge();
  return over;
}

std::optional<Admin> Orders::expire(TimePoint now) {
  const auto first = std::ranges::min_element(
      all_, {}, [](const Admin& order) { return order.expires.value_or(TimePoint::max()); });
  if (first == all_.end() || !first->expires || now < *first->expires) return std::nullopt;
  Admin over = std::move(*first);
  all_.erase(first);
  judge();
  return over;
}

TimePoint Orders::drained_since() const {
  const auto first = std::ranges::find(all_, AdminState::drain, &Admin::state);
  return first == all_.end() ? TimePoint{} : first->since;
}

std::optional<TimePoint> Orders::next_end() const {
  std::optional<TimePoint> next;
  for (const Admin& order : all_) {
    if (order.expires) next = std::min(next.value_or(*order.expires), *order.expires);
  }
  return next;
}

void Orders::judge() {
  const auto greatest = std::ranges::max_element(all_, {}, weight_of);
  effective_ = greatest == all_.end() ? Admin{} : *greatest;
}

std::string text_of_drains(const std::vector<Admin>& orders) {
  std::string text;
  std::size_t drains = 0;
  for (const Admin& order : orders) {
    if (order.state != AdminState::drain || ++drains > kMostNamed) continue;
    text += drains == 1 ? "" : "; and by ";
    text += text_of(order);
  }
  return drains > kMostNamed ? fmt::format("{}; and by {} more", text, drains - kMostNamed) : text;
}

}  // namespace herald
