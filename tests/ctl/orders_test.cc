#include "sidecar/ctl/orders.h"

#include <catch2/catch.hpp>

#include "tests/control/snapshot_fixture.h"

namespace orders_test {

using namespace herald;
using namespace fixture;

namespace {

ctl::Report drained(std::vector<Admin> orders) {
  Snapshot snapshot = two_services();
  snapshot.services[0].admin = orders.front();
  snapshot.services[0].orders = std::move(orders);
  return status_report(snapshot, kClocks);
}

std::string text_of(const ctl::Report& status) {
  return ctl::orders_text(status["services"][0], *ctl::time_at(status, "at"), {});
}

ctl::Report reply(const char* text) {
  return ctl::Report::parse(text);
}

}  // namespace

TEST_CASE("orders are shown a line each") {
  const auto status = drained({{AdminState::drain, "update", "root", kNow - 60s, kNow + 540s},
                               {AdminState::drain, "", "ann", kNow - 30s, {}},
                               {AdminState::force, "", "bob", kNow - 30s, {}}});
  const std::string text = text_of(status);
  CHECK(text.contains("  admin: drain by root since "));
  CHECK(text.contains(": update; ends in 9m\n"));
  CHECK(text.contains("  admin: drain by ann since "));
  CHECK(text.contains("  admin: force by bob since "));
  CHECK(text.ends_with("; until undone\n"));
  CHECK(ctl::waits_to_be_forced(status["services"][0]));
  CHECK(text_of(status_report(two_services(), kClocks)).empty());
}

TEST_CASE("orders of a heraldd that knows one at a time are shown as well") {
  ctl::Report status = drained({{AdminState::drain, "update", "root", kNow - 60s, {}}});
  status["services"][0].erase("orders");
  CHECK(text_of(status).starts_with("  admin: drain by root since "));
  CHECK_FALSE(ctl::waits_to_be_forced(status["services"][0]));
}

TEST_CASE(
    "an undrain says whose has ended and whose still stands, and has done its work where one's own has "
    "ended") {
  const ctl::Report some = reply(R"({"ended": [{"service": "web", "who": "ann", "reason": "disks"}],
      "standing": [{"service": "web", "who": "bob", "reason": "", "expires": null},
                   {"service": "api", "who": "bob", "reason": "update", "expires": "2026-11-23T10:05:00.000Z"}]})");
  const ctl::WallTime now{std::chrono::milliseconds(1795428180000)};  // 10:03:00
  CHECK(ctl::undrain_text(some, now) ==
        "web: ended the drain by ann: disks\n"
        "web: there still stands the drain by bob; until undone\n"
        "api: there still stands the drain by bob: update; ends in 2m\n");
  CHECK(ctl::has_ended_in_each(some, {"web"}));
  CHECK(ctl::has_ended_in_each(some, {"web", "resolver"}));  // nothing stands there
  CHECK_FALSE(ctl::has_ended_in_each(some, {"web", "api"}));
  CHECK(ctl::has_ended_some(some));
  CHECK(ctl::has_ended_some(reply("{}")));
  CHECK_FALSE(ctl::has_ended_some(reply(R"({"ended": [], "standing": [{"service": "web", "who": "bob"}]})")));
}

}  // namespace orders_test
