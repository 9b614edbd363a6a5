#include "sidecar/state/history_entry.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/control/snapshot_fixture.h"

namespace history_entry_test {

using namespace herald;
using namespace fixture;

namespace {

std::string line(const std::string& members) {
  return R"({"at":"2026-11-23T10:03:00.000Z","subject":"probe","to":"down")" + members + "}";
}

}  // namespace

TEST_CASE("history entry: a transition becomes a line of JSON, and that the same entry again") {
  const HistoryEntry entry =
      entry_of({kNow, "web", "front", "up", "down", "7", Subject::probe, 3min}, kClocks);
  CHECK(
      to_json(entry).dump() ==
      R"({"at":"2026-11-23T10:03:00.000Z","subject":"probe","service":"web","probe":"front","peer":"","from":"up",)"
      R"("to":"down","reason":"7","lasted_ms":180000})");
  CHECK(read_entry(to_json(entry).dump()) == entry);
  const HistoryEntry started = entry_of_herald("started", "0.1.0", kClocks);
  CHECK(started.subject == "herald");
  CHECK(started.service.empty());
  CHECK_FALSE(started.lasted);
  CHECK(to_json(started)["lasted_ms"].is_null());
  CHECK(read_entry(to_json(started).dump()) == started);
}

TEST_CASE("history entry: a session that is lost is of its peer, and of no service") {
  const HistoryEntry entry = entry_of(
      effect::PeerTurned{kNow, "10.1.1.4", "Established", "Active", "the session is lost", 3min}, kClocks);
  CHECK(to_json(entry).dump() ==
        R"({"at":"2026-11-23T10:03:00.000Z","subject":"peer","service":"","probe":"","peer":"10.1.1.4",)"
        R"("from":"Established","to":"Active","reason":"the session is lost","lasted_ms":180000})");
  CHECK(read_entry(to_json(entry).dump()) == entry);
  CHECK_FALSE(is_of_herald(entry));
  CHECK(is_of_herald(entry_of_herald("started", "", kClocks)));
}

TEST_CASE("history entry: its time is the wall clock's, as far back as the transition is") {
  const HistoryEntry now = entry_of({kNow, "web", "", "a", "b", ""}, kClocks);
  const HistoryEntry before = entry_of({kNow - 90s - 400us, "web", "", "a", "b", ""}, kClocks);
  CHECK(now.at - before.at == 90'001ms);  // whole milliseconds, and never later than it was
  CHECK(entry_of_herald("stopped", "", {kClocks.core, kClocks.wall + 1h}).at -
            entry_of_herald("stopped", "", kClocks).at ==
        1h);
}

TEST_CASE("history entry: what others said is cut, and fit to be shown") {
  const std::string reason =
      entry_of({kNow, "web", "", "a", "b", "x\x1b[2J" + std::string(5000, 'y')}, kClocks).reason;
  CHECK(reason.size() == 300);
  CHECK(reason.starts_with("x\\x1b[2Jy"));
}

TEST_CASE("history entry: a negative duration is told as none") {
  HistoryEntry entry = entry_of({kNow, "web", "", "a", "b", ""}, kClocks);
  entry.lasted = -5ms;
  CHECK(to_json(entry)["lasted_ms"] == 0);
}

TEST_CASE("history entry: a line needs a time, a subject and what it turned to; the rest may be missing") {
  const auto least = read_entry(line(""));
  REQUIRE(least);
  CHECK(least->from.empty());
  CHECK_FALSE(least->lasted);
  for (const char* wrong :
       {"", "[]", "7", "\"x\"", "null", "{", R"({"subject":"probe","to":"down"})",
        R"({"at":"2026-11-23T10:03:00.000Z","to":"down"})",
        R"({"at":"2026-11-23T10:03:00.000Z","subject":"probe"})",
        R"({"at":"2026-11-23T10:03:00.000Z","subject":"probe","to":7})",
        R"({"at":"yesterday","subject":"probe","to":"down"})", R"({"at":1,"subject":"probe","to":"down"})"}) {
    CAPTURE(wrong);
    CHECK_FALSE(read_entry(wrong));
  }
}

TEST_CASE("history entry: members of another type are missing") {
  const auto entry = read_entry(line(R"(,"reason":[1],"service":{},"probe":false,"from":null)"));
  REQUIRE(entry);
  CHECK(entry->reason.empty());
  CHECK(entry->service.empty());
  CHECK(entry->probe.empty());
  CHECK(entry->from.empty());
}

TEST_CASE("history entry: absurd times and durations") {
  const auto read = [](const std::string& at, const std::string& lasted) {
    return read_entry(R"({"at": ")" + at + R"(", "subject": "probe", "to": "up", "lasted_ms": )" + lasted +
                      "}");
  };
  CHECK(read("2026-11-23T10:00:00Z", "180000")->lasted == 180s);
  CHECK_FALSE(read("9999-11-23T10:00:00Z", "1"));
  CHECK_FALSE(read("0001-01-01T00:00:00Z", "1"));
  for (const char* none : {"-1", "1e300", "1.5", "null", "\"x\"", "[]"}) {
    INFO(none);
    CHECK_FALSE(read("2026-11-23T10:00:00Z", none)->lasted);
  }
  for (const char* most : {"9223372036854775807", "18446744073709551615"}) {
    INFO(most);
    CHECK(Duration(read("2026-11-23T10:00:00Z", most)->lasted.value()) > Duration::zero());
  }
}

}  // namespace history_entry_test
