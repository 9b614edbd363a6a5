#include "sidecar/control/order_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

namespace herald {
namespace {

using nlohmann::ordered_json;

ordered_json order_json(const Admin& order, const ClockPair& clocks) {
  return {
      {"who", order.who},
      {"reason", order.reason},
      {"since", to_rfc3339(order.since, clocks)},
      {"expires", order.expires ? ordered_json(to_rfc3339(*order.expires, clocks)) : ordered_json(nullptr)}};
}

std::vector<Admin> drains_of(const Snapshot& snapshot, const std::string& service) {
  const auto found = std::ranges::find(snapshot.services, service, &ServiceSnapshot::name);
  if (found == snapshot.services.end()) return {};
  std::vector<Admin> drains = found->orders;
  std::erase_if(drains, [](const Admin& order) { return order.state != AdminState::drain; });
  return drains;
}

ordered_json drain_json(const std::string& service, const Admin& order, const ClockPair& clocks) {
  ordered_json shown{{"service", service}};
  shown.update(order_json(order, clocks));
  return shown;
}

}  // namespace

ordered_json admin_json(const Admin& admin, const ClockPair& clocks) {
  return admin.state == AdminState::automatic ? ordered_json(nullptr) : order_json(admin, clocks);
}

ordered_json orders_json(std::span<const Admin> orders, const ClockPair& clocks) {
  ordered_json all = ordered_json::array();
  for (const Admin& order : orders) {
    ordered_json shown{{"state", name_of(order.state)}};
    shown.update(order_json(order, clocks));
    all.push_back(std::move(shown));
  }
  return all;
}

ordered_json undrain_report(const Snapshot& before, const Snapshot& after,
                            std::span<const std::string> services, const ClockPair& clocks) {
  ordered_json report{
      {"services", services}, {"ended", ordered_json::array()}, {"standing", ordered_json::array()}};
  for (const std::string& service : services) {
    const std::vector<Admin> standing = drains_of(after, service);
    for (const Admin& order : drains_of(before, service)) {
      if (std::ranges::find(standing, order.who, &Admin::who) == standing.end())
        report["ended"].push_back(drain_json(service, order, clocks));
    }
    for (const Admin& order : standing) report["standing"].push_back(drain_json(service, order, clocks));
  }
  return report;
}

}  // namespace herald
