#include "sidecar/ctl/render.h"

#include <catch2/catch.hpp>
#include <iterator>
#include <sstream>

#include "tests/control/snapshot_fixture.h"
#include "tests/ctl/utc.h"

namespace render_test {

using namespace herald;
using namespace fixture;

namespace {

std::string status_of(const Snapshot& snapshot, const ctl::Look& look = {}) {
  const Utc utc;
  return ctl::render_status(status_report(snapshot, kClocks), look);
}

std::string why_of(const Snapshot& snapshot, const char* service, const ctl::Look& look = {}) {
  const Utc utc;
  const auto report = why_report(snapshot, service, kClocks);
  REQUIRE(report);
  return ctl::render_why(*report, look);
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a drained service is as it should be once it is withdrawn, and says whose word it is") {
  Snapshot snapshot = two_services();
  ServiceSnapshot& drained = snapshot.services[0];
  drained.via = Via::vtysh;
  drained.admin = {AdminState::drain, "kernel update", "root", kNow - 60s, kNow + 540s};
  drained.state = ServiceState::withdrawn;
  drained.reason = "drained by root: kernel update";
  drained.vips[0].wanted = false;
  drained.vips[0].route = {};
  CHECK(ctl::is_as_wanted(status_report(snapshot, kClocks)["services"][0]));
  const std::string text = ctl::render_why(*why_report(snapshot, "web", kClocks), {});
  CHECK(text.find("admin: drain by root since") != std::string::npos);
  CHECK(text.find(": kernel update; ends in 9m") != std::string::npos);
  CHECK(text.find("not in frr's configuration; not in frr's BGP table") != std::string::npos);
  drained.state = ServiceState::draining;
  CHECK_FALSE(ctl::is_as_wanted(status_report(snapshot, kClocks)["services"][0]));
}

TEST_CASE("status is one line a service, and marks what is amiss") {
  CHECK("\n" + status_of(two_services()) == R"(
frr: 2 of 2 peers established
  SERVICE   HEALTH     ADMIN  STATE        SINCE                           WHY
  web       healthy    auto   announced    10:00:00, 2m ago                all 2 gates up
! resolver  unhealthy  auto   withdrawing  2026-11-22 08:03:00, 1d 2h ago  1 of 1 gates down: dns (timeout: no result within 800 ms)
    problem: 10.99.0.53/32 is gone from lo but still in frr's BGP table
)");
}

TEST_CASE("why is the whole story of one service") {
  CHECK("\n" + why_of(two_services(), "web") == R"(
web: healthy, announced since 10:00:00, 2m ago
  why: all 2 gates up
  required: all of 2 gates
  VIPs
    10.99.0.1/32  wanted; on lo (lease 23s left); in frr's BGP table; advertised to 10.1.1.4, 10.1.1.132
  probes
    front  http  gate  up       12 passes        0.4s ago  200 in 1.2 ms
    api    tcp   gate  falling  2 of 3 failures  42s ago   fail: refused: connect 127.0.0.1:8443: Connection refused (4 of 50 runs inconclusive)
  transitions, newest last
    09:59:40, 3m ago  adopting -> announced  all 2 gates up
  steps, newest last
    09:59:40, 3m ago    add 10.99.0.1/32 to lo, lease 30s  done
    10:01:20, 1m ago    add 10.99.0.1/32 to lo, lease 30s  failed: Operation not permitted
    10:03:00, 0.0s ago  remove 10.99.0.1/32 from lo        in flight
frr: 2 of 2 peers established
)");
  CHECK("\n" + why_of(two_services(), "resolver") == R"(
resolver: unhealthy, withdrawing since 2026-11-22 08:03:00, 1d 2h ago
  why: 1 of 1 gates down: dns (timeout: no result within 800 ms)
  required: all of 1 gate
  problem: 10.99.0.53/32 is gone from lo but still in frr's BGP table
  VIPs
    10.99.0.53/32  not wanted; not on lo; in frr's BGP table; advertised to 10.1.1.4, 10.1.1.132
  probes
    dns  dns  gate  unknown  no result  never  not run yet
  transitions: none since heraldd started
  steps: none since heraldd started
frr: 2 of 2 peers established
)");
}

TEST_CASE("why tells where a probe's nudges come from, and that the last attempt was nudged") {
  Snapshot snapshot = two_services();
  ProbeSnapshot& probe = snapshot.services[0].probes[0];
  probe.events = "listener 127.0.0.1:8080";
  CHECK(why_of(snapshot, "web").contains("200 in 1.2 ms\n        events: listener 127.0.0.1:8080\n"));
  probe.nudged = 3;
  probe.last_nudge = Nudge::listener_closed;
  const std::string text = why_of(snapshot, "web");
  CHECK(text.contains("200 in 1.2 ms; nudged: listener closed\n"));
  CHECK(text.contains("events: listener 127.0.0.1:8080; 3 of 12 runs nudged\n"));
}

TEST_CASE("why tells from when on attempts overlap") {
  Snapshot snapshot = two_services();
  snapshot.services[0].probes[0].suspect = std::chrono::milliseconds(26);
  CHECK(why_of(snapshot, "web")
            .contains(
                "200 in 1.2 ms\n        overlap: an attempt unanswered for 26 ms has others beside it\n"));
}

TEST_CASE("why tells the rule, and what an announcement waits for with the time left") {
  Snapshot snapshot = two_services();
  ServiceSnapshot& web = snapshot.services[0];
  web.require = {Require::Kind::at_least, 1};
  web.state = ServiceState::held;
  web.held_down_until = kNow + 12s;
  web.damping = Damping{};
  web.penalty = 2600.4;
  web.damped_until = kNow + 7min;
  web.transitions.push_back({kNow, "web", "", "auto", "drain", "by root", Subject::admin, 1h});
  const std::string text = why_of(snapshot, "web");
  CHECK(has(text, "  required: at least 1 of 2 gates\n  hold_down: 12s left\n"));
  CHECK(has(text, "  damping: penalty 2600, held from 2500 until below 1000; held, 7m left\n"));
  CHECK(has(text, "admin auto -> drain"));
  web.held_down_until.reset();
  web.damped_until.reset();
  CHECK(has(why_of(snapshot, "web"), "gates\n  damping: penalty 2600, held from 2500 until below 1000\n"));
  web.penalty = 0;
  CHECK_FALSE(has(why_of(snapshot, "web"), "damping"));
}

TEST_CASE("what is not known is said to be so") {
  Snapshot snapshot = two_services();
  snapshot.router->reachable = false;
  snapshot.router->error = "vtysh: no answer within 2s";
  CHECK(has(why_of(snapshot, "web"),
            "10.99.0.1/32  wanted; on lo (lease 23s left); in frr's BGP table: not known\n"));
  snapshot.stack = Stack::none;
  snapshot.services[0].vips[0].lease_until.reset();
  CHECK(has(why_of(snapshot, "web"), "10.99.0.1/32  wanted; on lo (no lease); no router to ask\n"));
  snapshot.observe_error = "read addresses: Permission denied";
  CHECK(has(why_of(snapshot, "web"), "10.99.0.1/32  wanted; on lo: not known; no router to ask\n"));
  snapshot = two_services();
  snapshot.services[0].vips[0].foreign = true;
  snapshot.services[0].vips[0].on_interface = false;
  snapshot.services[0].vips[0].route.missing_from = {"10.1.1.5"};
  CHECK(has(why_of(snapshot, "web"),
            "wanted; on lo, but not herald's: left alone; in frr's BGP table; "
            "advertised to 10.1.1.4, 10.1.1.132, not to 10.1.1.5\n"));
}

TEST_CASE("the first line says how the router is") {
  Snapshot snapshot = two_services();
  SECTION("a peer is down") {
    snapshot.router->peers[1] = {"10.1.1.132", "Active", false};
    CHECK(first_line(status_of(snapshot)) == "frr: 1 of 2 peers established; 10.1.1.132 is Active");
  }
  SECTION("it has none") {
    snapshot.router->peers.clear();
    CHECK(first_line(status_of(snapshot)) == "frr: it has no BGP peers");
  }
  SECTION("it hangs") {
    snapshot.router->reachable = false;
    snapshot.router->error = "vtysh: no answer within 2s";
    CHECK(first_line(status_of(snapshot)) == "frr: does not answer: vtysh: no answer within 2s");
  }
  SECTION("not yet") {
    snapshot.router.reset();
    CHECK(first_line(status_of(snapshot)) == "frr: not read yet");
  }
  SECTION("none") {
    snapshot.stack = Stack::none;
    CHECK(first_line(status_of(snapshot)) == "router: none, so announcements cannot be read back");
  }
}

TEST_CASE("what concerns herald as a whole stands above the services") {
  Snapshot snapshot;
  snapshot.at = kNow;
  snapshot.stopping = true;
  snapshot.observe_error = "read addresses: Permission denied";
  snapshot.lateness.p99 = 120ms;
  CHECK("\n" + status_of(snapshot) == R"(
router: none, so announcements cannot be read back
the interfaces cannot be read: read addresses: Permission denied
heraldd itself runs late, 1 time in 100 by 120 ms or more: is the machine overloaded?
heraldd is stopping
no services
)");
}

TEST_CASE("a disk that does not answer stands above the services") {
  Snapshot snapshot;
  snapshot.at = kNow;
  ctl::Report report = status_report(snapshot, kClocks);
  report["disk"] = {{"answers", false}, {"silent_since", to_rfc3339(kNow - 90s, kClocks)}};
  CHECK("\n" + ctl::render_status(report, {}) == R"(
router: none, so announcements cannot be read back
the disk does not answer, for 1m: no drain can be kept, nor anything else
no services
)");
}

TEST_CASE("what is as wanted is the daemon's to say") {
  ctl::Report service = status_report(two_services(), kClocks)["services"][0];
  CHECK(ctl::is_as_wanted(service));
  service["as_wanted"] = false;
  CHECK_FALSE(ctl::is_as_wanted(service));
  service.erase("as_wanted");
  CHECK_FALSE(ctl::is_as_wanted(service));
  CHECK_FALSE(ctl::is_as_wanted(ctl::Report()));
}

TEST_CASE("a drain that nobody has asked for is not as wanted, unless the service leaves") {
  Snapshot snapshot = two_services();
  snapshot.services.pop_back();
  ServiceSnapshot& web = snapshot.services[0];
  web.state = ServiceState::withdrawn;
  web.admin = {AdminState::drain, "the state file was lost, and with it who was drained", "herald", kNow,
               std::nullopt};
  CHECK(has(status_of(snapshot), "\n! web"));
  CHECK(has(status_line(snapshot), "; web withdrawn: "));
  web.name = "web (removed)";
  web.leaving = true;
  CHECK(has(status_of(snapshot), "\n  web (removed)"));
  CHECK_FALSE(has(status_line(snapshot), "; web"));
}

TEST_CASE("on a narrow terminal lines are wrapped, and no word is lost") {
  const auto words = [](const std::string& text) {
    std::istringstream in(text);
    return std::vector<std::string>(std::istream_iterator<std::string>(in), {});
  };
  for (const std::size_t width : {80, 60, 40}) {
    CAPTURE(width);
    for (const auto& [text, whole] :
         {std::pair(status_of(two_services(), {.width = width}), status_of(two_services())),
          std::pair(why_of(two_services(), "web", {.width = width}), why_of(two_services(), "web"))}) {
      CHECK(words(text) == words(whole));
      std::istringstream lines(text);
      for (std::string line; std::getline(lines, line);) CHECK(line.size() <= width);
    }
  }
  for (std::size_t width = 1; width < 40; ++width)
    CHECK_FALSE(why_of(two_services(), "web", {.width = width}).empty());
}

TEST_CASE("what is wrapped goes on in its column, or further in where that is too narrow") {
  const std::string wide = status_of(two_services(), {.width = 110});
  CHECK(
      has(wide, "1d 2h ago  1 of 1 gates down: dns (timeout: no\n" + std::string(75, ' ') + "result within"));
  CHECK(has(status_of(two_services(), {.width = 80}),
            "1d 2h ago\n    1 of 1 gates down: dns (timeout: no result within 800 ms)\n    problem: 10.99"));
  const std::string narrow = status_of(two_services(), {.width = 60});
  CHECK(has(narrow, "1d 2h ago  1 of 1 gates down: dns\n" + std::string(36, ' ') + "(timeout: no result\n"));
  CHECK(has(narrow, "\n    problem: 10.99.0.53/32 is gone from lo but still in\n        frr's BGP table\n"));
}

TEST_CASE("colour does not move columns") {
  std::string coloured = status_of(two_services(), {.colour = true});
  CHECK(has(coloured, "\x1b[32mhealthy\x1b[0m"));
  CHECK(has(coloured, "\x1b[31munhealthy\x1b[0m"));
  for (std::size_t at = 0; (at = coloured.find('\x1b', at)) != std::string::npos;) {
    coloured.erase(at, coloured.find('m', at) - at + 1);
  }
  CHECK(coloured == status_of(two_services()));
  CHECK_FALSE(has(status_of(two_services()), "\x1b"));
}

TEST_CASE("nothing of a hostile answer reaches the terminal raw") {
  Snapshot snapshot = two_services();
  const std::string hostile = "\x1b]0;owned\x07\r\n\u009b2J\xff";
  ServiceSnapshot& service = snapshot.services[0];
  service.problem = service.name = service.reason = hostile;
  service.probes[0].name = service.probes[0].last.detail = hostile;
  service.vips[0].prefix = service.vips[0].interface = hostile;
  service.vips[0].route.advertised_to = {hostile};
  service.transitions[0].reason = service.transitions[0].from = hostile;
  service.steps[1].text = hostile;
  service.steps[1].outcome = std::unexpected(hostile);
  snapshot.observe_error = snapshot.router->error = snapshot.router->peers[0].state = hostile;
  snapshot.router->peers[0].established = false;
  // As it comes over the socket: valid UTF-8.
  const Utc utc;
  const auto received = [](const ctl::Report& report) {
    return ctl::Report::parse(report.dump(-1, ' ', false, ctl::Report::error_handler_t::replace));
  };
  for (const std::string& text : {ctl::render_status(received(status_report(snapshot, kClocks)), {}),
                                  ctl::render_why(received(*why_report(snapshot, hostile, kClocks)), {})}) {
    for (const char c : text)
      CHECK((c == '\n' || (c >= 0x20 && c != 0x7f) || (static_cast<unsigned char>(c) & 0x80U) != 0));
    CHECK_FALSE(has(text, "\u009b"));
    CHECK(has(text, R"(\x1b]0;owned\x07\r\n\u009b2J)"));
  }
}

TEST_CASE("a report of another release, or of something else, is shown as far as it goes") {
  const Utc utc;
  for (const char* text :
       {"null", "[]", "{}", R"({"services": 1, "router": []})",
        R"({"services": [1, {}, {"vips": [1, {}], "probes": [[]]}], "router": {"peers": [1]}})"}) {
    CHECK_FALSE(ctl::render_status(ctl::Report::parse(text), {}).empty());
  }
  for (const char* text :
       {"{}", R"({"service": 1})", R"({"service": {"vips": [1, {}], "probes": [[], {"last_run": "x"}],
                           "transitions": [{}], "steps": [7]}})"}) {
    CHECK_FALSE(ctl::render_why(ctl::Report::parse(text), {}).empty());
  }
}

TEST_CASE("the brake is shown above everything else") {
  Snapshot snapshot = two_services();
  snapshot.brake = BrakeSnapshot{kNow + 12s, "6 of 8 announced VIPs have only db:5432 against them"};
  const std::string line =
      "BRAKE: withdrawals are held for another 12s: 6 of 8 announced VIPs have only db:5432 against them";
  CHECK(first_line(status_of(snapshot)) == line);
  CHECK(has(why_of(snapshot, "web"), line));
  CHECK(status_report(snapshot, kClocks)["brake"]["reason"] == snapshot.brake->why);
  CHECK(status_line(snapshot).starts_with("BRAKE; "));
  CHECK(status_report(two_services(), kClocks)["brake"].is_null());
}

TEST_CASE("a dry run is said first, for nothing below it was done") {
  Snapshot snapshot = two_services();
  CHECK(status_report(snapshot, kClocks)["dry_run"] == false);
  snapshot.dry_run = true;
  for (const std::string& text : {status_of(snapshot), why_of(snapshot, "web")})
    CHECK(first_line(text) == "DRY RUN: heraldd only pretends to act; heraldctl plan shows what it would do");
  CHECK(status_report(snapshot, kClocks)["dry_run"] == true);
  CHECK(status_line(snapshot).starts_with("DRY RUN; "));
}

}  // namespace render_test
