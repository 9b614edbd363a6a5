#include "sidecar/ctl/orders.h"

#include <fmt/format.h>

#include <algorithm>

namespace herald::ctl {
namespace {

std::string end_text(const Report& order, WallTime now) {
  const auto expires = time_at(order, "expires");
  return expires ? fmt::format("; ends in {}", span_text(*expires - now)) : "; until undone";
}

std::string order_line(std::string_view state, const Report& order, WallTime now, const Look& look) {
  const std::string reason = text_at(order, "reason");
  return line(fmt::format("  admin: {} by {} since {}{}{}", state, text_at(order, "who"),
                          moment_text(order, "since", now), reason.empty() ? "" : ": " + reason,
                          end_text(order, now)),
              look, Colour::doubtful);
}

bool is_named(const Report& orders, const std::string& service) {
  return std::ranges::any_of(orders,
                             [&](const Report& order) { return text_at(order, "service") == service; });
}

}  // namespace

std::string orders_text(const Report& service, WallTime now, const Look& look) {
  const std::string admin = text_at(service, "admin");
  if (admin == "auto" || admin.empty()) return {};
  const Report& orders = list_at(service, "orders");
  // A heraldd that knows only one order at a time.
  if (orders.empty()) return order_line(admin, object_at(service, "admin_by"), now, look);
  std::string text;
  for (const Report& order : orders) text += order_line(text_at(order, "state"), order, now, look);
  return text;
}

bool waits_to_be_forced(const Report& service) {
  return text_at(service, "admin") == "drain" &&
         std::ranges::any_of(list_at(service, "orders"),
                             [](const Report& order) { return text_at(order, "state") == "force"; });
}

std::string undrain_text(const Report& reply, WallTime now) {
  std::string text;
  const auto add = [&](const Report& order, std::string_view what, bool stands) {
    const std::string reason = text_at(order, "reason");
    text += fmt::format("{}: {} drain by {}{}{}\n", text_at(order, "service"), what, text_at(order, "who"),
                        reason.empty() ? "" : ": " + reason, stands ? end_text(order, now) : "");
  };
  for (const Report& order : list_at(reply, "ended")) add(order, "ended the", false);
  for (const Report& order : list_at(reply, "standing")) add(order, "there still stands the", true);
  return text;
}

bool has_ended_in_each(const Report& reply, const std::vector<std::string>& services) {
  return std::ranges::all_of(services, [&](const std::string& service) {
    return is_named(list_at(reply, "ended"), service) || !is_named(list_at(reply, "standing"), service);
  });
}

bool has_ended_some(const Report& reply) {
  return !list_at(reply, "ended").empty() || list_at(reply, "standing").empty();
}

}  // namespace herald::ctl
