#include "sidecar/control/order_report.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/control/snapshot_fixture.h"

namespace order_report_test {

using namespace herald;
using namespace fixture;
using nlohmann::ordered_json;

namespace {

Admin drain(const char* who, std::optional<TimePoint> expires = std::nullopt) {
  return {AdminState::drain, "disks", who, kNow - 60s, expires};
}

}  // namespace

TEST_CASE("orders: each with its state, whose it is, why, since when and until when") {
  const std::vector<Admin> orders{drain("ann", kNow + 60s), {AdminState::force, "", "root", kNow, {}}};
  const ordered_json shown = orders_json(orders, kClocks);
  REQUIRE(shown.size() == 2);
  CHECK(shown[0] == ordered_json{{"state", "drain"},
                                 {"who", "ann"},
                                 {"reason", "disks"},
                                 {"since", to_rfc3339(kNow - 60s, kClocks)},
                                 {"expires", to_rfc3339(kNow + 60s, kClocks)}});
  CHECK(shown[1]["state"] == "force");
  CHECK(shown[1]["expires"].is_null());
  CHECK(orders_json({}, kClocks) == ordered_json::array());
  CHECK(admin_json({}, kClocks).is_null());
  CHECK(admin_json(orders[0], kClocks)["who"] == "ann");
}

TEST_CASE("orders: an undrain says which drains have ended, and which still stand") {
  Snapshot before = two_services();
  before.services[0].orders = {drain("ann"), drain("bob"), {AdminState::force, "", "root", kNow, {}}};
  before.services[1].orders = {drain("ann")};
  Snapshot after = before;
  after.services[0].orders.erase(after.services[0].orders.begin());
  after.services[1].orders.clear();
  const std::vector<std::string> both{"web", "resolver"};
  const ordered_json report = undrain_report(before, after, both, kClocks);
  CHECK(report["services"] == both);
  REQUIRE(report["ended"].size() == 2);
  CHECK(report["ended"][0]["service"] == "web");
  CHECK(report["ended"][0]["who"] == "ann");
  CHECK(report["ended"][1]["service"] == "resolver");
  REQUIRE(report["standing"].size() == 1);
  CHECK(report["standing"][0]["who"] == "bob");
  CHECK(undrain_report(before, after, std::vector<std::string>{"other"}, kClocks)["ended"].empty());
}

}  // namespace order_report_test
