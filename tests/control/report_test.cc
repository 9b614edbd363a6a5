#include "sidecar/control/report.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/control/snapshot_fixture.h"

namespace report_test {

using namespace herald;
using namespace fixture;
using nlohmann::ordered_json;

namespace {

std::vector<std::string> keys_of(const ordered_json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

// That `actual` has all of `expected`, whatever else it has.
bool includes(const ordered_json& actual, const ordered_json& expected) {
  if (!expected.is_object()) return actual == expected;
  for (const auto& [key, value] : expected.items()) {
    if (!actual.contains(key) || !includes(actual[key], value)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("status has what the contract promises") {
  const ordered_json report = status_report(two_services(), kClocks);
  CHECK(report["version"] == HERALD_VERSION);
  CHECK(includes(report["router"], ordered_json::parse(R"({"stack": "frr", "reachable": true})")));
  CHECK(includes(report["router"]["peers"][0],
                 ordered_json::parse(R"({"address": "10.1.1.4", "state": "Established"})")));
  const ordered_json& service = report["services"][0];
  CHECK(includes(service, ordered_json::parse(R"({"name": "web", "health": "healthy", "admin": "auto",
      "state": "announced", "grade": "healthy", "reason": "all 2 gates up", "since": "2026-11-23T10:00:00.123Z"})")));
  CHECK(includes(service["vips"][0],
                 ordered_json::parse(R"({"prefix": "10.99.0.1/32", "wanted": true, "on_interface": true,
                     "in_rib": true, "advertised_to": ["10.1.1.4", "10.1.1.132"]})")));
  CHECK(includes(service["probes"][0],
                 ordered_json::parse(R"({"name": "front", "type": "http", "role": "gate", "state": "up",
      "verdict": "pass", "reason": "", "detail": "200 in 1.2 ms", "latency_ms": 1.2, "passes": 12, "failures": 0,
      "last_run": "2026-11-23T10:02:59.600Z"})")));
  CHECK(service["probes"][1]["reason"] == "refused");
  CHECK(service["probes"][1]["next_run"].is_null());  // in flight
  CHECK(service["vips"][0]["lease_until"] == "2026-11-23T10:03:23.000Z");
}

TEST_CASE("keys come in the contract's order") {
  const ordered_json report = status_report(two_services(), kClocks);
  CHECK(keys_of(report).back() == "services");
  const auto service = keys_of(report["services"][0]);
  const std::vector<std::string> first(service.begin(), service.begin() + 7);
  CHECK(first == std::vector<std::string>{"name", "health", "admin", "state", "grade", "reason", "since"});
}

TEST_CASE("latency is rounded to the microsecond") {
  Snapshot snapshot = two_services();
  snapshot.services[0].probes[0].last.latency = 1234567ns;
  CHECK(status_report(snapshot, kClocks)["services"][0]["probes"][0]["latency_ms"].dump() == "1.235");
}

TEST_CASE("what is not known is null, never false") {
  Snapshot snapshot = two_services();
  const auto vip_of = [&] { return status_report(snapshot, kClocks)["services"][0]["vips"][0]; };
  SECTION("the router was not read yet") {
    snapshot.router.reset();
  }
  SECTION("the router does not answer") {
    snapshot.router->reachable = false;
    CHECK(status_report(snapshot, kClocks)["router"]["reachable"] == false);
  }
  SECTION("there is no router") {
    snapshot.stack = Stack::none;
    snapshot.router.reset();
    CHECK(status_report(snapshot, kClocks)["router"]["reachable"].is_null());
  }
  CHECK(vip_of()["in_rib"].is_null());
  CHECK(vip_of()["advertised_to"].is_null());
  CHECK(vip_of()["on_interface"] == true);
  snapshot.observe_error = "read addresses: Permission denied";
  CHECK(vip_of()["on_interface"].is_null());
}

TEST_CASE("a probe that never ran has no verdict") {
  const ordered_json probe = status_report(two_services(), kClocks)["services"][1]["probes"][0];
  CHECK(probe["verdict"].is_null());
  CHECK(probe["latency_ms"].is_null());
  CHECK(probe["last_run"].is_null());
}

TEST_CASE("why has the service, what each peer has of it, transitions and steps") {
  Snapshot snapshot = two_services();
  snapshot.services[0].vips[0].route.advertised_to = {"10.1.1.4"};
  const auto report = why_report(snapshot, "web", kClocks);
  REQUIRE(report);
  const ordered_json& service = (*report)["service"];
  CHECK(service["name"] == "web");
  CHECK(service["vips"][0]["peers"][0]["advertised"] == true);
  CHECK(service["vips"][0]["peers"][1]["advertised"] == false);
  CHECK(
      service["transitions"][0] ==
      ordered_json::parse(
          R"({"at": "2026-11-23T09:59:40.000Z", "subject": "state", "service": "web", "probe": "", "peer": "",
                                "from": "adopting", "to": "announced", "reason": "all 2 gates up", "lasted_ms": 0})"));
  CHECK(service["require"] == "all of 2 gates");
  CHECK(service["hold_down_until"].is_null());
  CHECK(service["damping"].is_null());
  snapshot.services[0].damping = Damping{};
  snapshot.services[0].penalty = 2600;
  snapshot.services[0].damped_until = kNow + 7min;
  CHECK(
      (*why_report(snapshot, "web", kClocks))["service"]["damping"] ==
      ordered_json::parse(
          R"({"penalty": 2600.0, "suppress": 2500.0, "reuse": 1000.0, "until": "2026-11-23T10:10:00.000Z"})"));
  CHECK(service["steps"][0]["result"] == "done");
  CHECK(service["steps"][1]["result"] == "failed");
  CHECK(service["steps"][1]["error"] == "Operation not permitted");
  CHECK(service["steps"][2]["result"] == "in flight");
  CHECK((*report)["router"]["stack"] == "frr");
}

TEST_CASE("an unknown service is answered with those that there are") {
  CHECK(why_report(two_services(), "resolvr", kClocks).error() ==
        R"(no service "resolvr"; did you mean "resolver"? There are resolver, web)");
  CHECK(why_report(two_services(), "\x1b[2J", kClocks).error() ==
        R"(no service "\x1b[2J"; there are web, resolver)");
  Snapshot many;
  many.services.resize(12);
  for (std::size_t i = 0; i < 12; ++i) many.services[i].name = static_cast<char>('a' + i);
  CHECK(why_report(many, "zz", kClocks).error() ==
        R"(no service "zz"; there are a, b, c, d, e, f, g, h, i, j and 2 more)");
  CHECK(why_report(Snapshot{}, "web", kClocks).error() == R"(no service "web"; the configuration has none)");
}

TEST_CASE("only announced, healthy and without a problem is as wanted, or drained and gone") {
  const auto judged = [](auto change) {
    Snapshot snapshot = two_services();
    change(snapshot.services[0]);
    const bool as_wanted = status_report(snapshot, kClocks)["services"][0]["as_wanted"];
    CHECK((*why_report(snapshot, "web", kClocks))["service"]["as_wanted"] == as_wanted);
    CHECK((status_line(snapshot).find("; web ") == std::string::npos) == as_wanted);
    return as_wanted;
  };
  CHECK(judged([](ServiceSnapshot&) {}));
  CHECK_FALSE(judged([](ServiceSnapshot& service) { service.health = Health::degraded; }));
  CHECK_FALSE(judged([](ServiceSnapshot& service) { service.state = ServiceState::held; }));
  CHECK_FALSE(judged([](ServiceSnapshot& service) { service.problem = "?"; }));
  const auto drained = [](ServiceState state, const std::string& who) {
    return [=](ServiceSnapshot& service) {
      service.state = state;
      service.admin = {AdminState::drain, "", who, kNow, std::nullopt};
    };
  };
  CHECK(judged(drained(ServiceState::withdrawn, "root")));
  CHECK_FALSE(judged(drained(ServiceState::draining, "root")));
  CHECK_FALSE(judged(drained(ServiceState::withdrawn, "herald")));
}

TEST_CASE("systemd's status line tells the first thing that is amiss") {
  Snapshot snapshot = two_services();
  CHECK(status_line(snapshot) ==
        "1 of 2 services announced; resolver withdrawing: 10.99.0.53/32 is gone from lo but still in frr's "
        "BGP table");
  snapshot.services[0].health = Health::degraded;
  snapshot.services[0].reason = "front (latency: 900 ms) warns";
  CHECK(status_line(snapshot) ==
        "1 of 2 services announced; web degraded: front (latency: 900 ms) warns; 1 more not as wanted");
  snapshot.services = {web()};
  CHECK(status_line(snapshot) == "1 of 1 services announced");
  snapshot.router->reachable = false;
  snapshot.stopping = true;
  CHECK(status_line(snapshot) == "stopping; 1 of 1 services announced; frr does not answer");
}

TEST_CASE("a probe's answer cannot smuggle an assignment into sd_notify") {
  Snapshot snapshot = two_services();
  snapshot.services[1].problem.reset();
  snapshot.services[1].reason = "dns (answer: \nMAINPID=1\n" + std::string(1000, 'x') + ")";
  const std::string line = status_line(snapshot);
  CHECK(line.find('\n') == std::string::npos);
  CHECK(line.size() <= 340);
}

}  // namespace report_test
