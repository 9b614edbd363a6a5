// What is kept of a service's transitions and steps.
#include "sidecar/core/service/record.h"

#include <catch2/catch.hpp>

namespace herald::record_test {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};
const Vip kVip{"10.99.0.1/32"};
const Vip kOther{"10.99.0.2/32"};
const RouteOutcome kRefused = std::unexpected("Operation not permitted");

}  // namespace

TEST_CASE("a transition tells how long its subject was as it was before") {
  ServiceRecord record(kStart);
  const auto first = record.turned("web", Subject::state, "adopting", "announced", "all up", kStart + 5s);
  CHECK(first ==
        effect::Transition{kStart + 5s, "web", "", "adopting", "announced", "all up", Subject::state, 5s});
  CHECK(record.turned("web", Subject::admin, "auto", "drain", "by root", kStart + 7s).lasted == 7s);
  CHECK(record.turned("web", Subject::state, "announced", "withdrawn", "down", kStart + 8s).lasted == 3s);
  CHECK(record.since(Subject::state) == kStart + 8s);
  CHECK(record.since(Subject::admin) == kStart + 7s);
  CHECK(record.since(Subject::health) == kStart);
  REQUIRE(record.transitions().size() == 3);
  CHECK(record.transitions().front() == first);
}

TEST_CASE("what was as it is before this start lasts since then, and is no transition") {
  ServiceRecord record(kStart);
  record.set_since(Subject::admin, kStart - 60s);
  CHECK(record.since(Subject::admin) == kStart - 60s);
  CHECK(record.transitions().empty());
  CHECK(record.turned("web", Subject::admin, "drain", "auto", "by root", kStart).lasted == 60s);
}

TEST_CASE("a step is in flight until it has ended, done or with the reason why not") {
  ServiceRecord record(kStart);
  record.issued(kVip, "add", kStart);
  record.issued(kOther, "add", kStart);
  record.issued(kVip, "remove", kStart + 1s);
  record.finished(kVip, "add", kRefused);
  const StepRecord failed{kStart, "add", kRefused};
  CHECK(record.steps() == std::deque<StepRecord>{failed, {kStart, "add", {}}, {kStart + 1s, "remove", {}}});
  record.finished(kOther, "add", {});
  record.issued(kVip, "add", kStart + 2s);
  record.finished(kVip, "add", {});
  CHECK(record.steps() == std::deque<StepRecord>{failed,  // what has ended stays as it ended
                                                 {kStart, "add", RouteOutcome()},
                                                 {kStart + 1s, "remove", {}},
                                                 {kStart + 2s, "add", RouteOutcome()}});
}

TEST_CASE("the last 16 transitions and steps are kept") {
  ServiceRecord record(kStart);
  for (int turn = 1; turn <= 50; ++turn) {
    record.turned("web", Subject::state, "a", "b", std::to_string(turn), kStart);
    record.issued(kVip, std::to_string(turn), kStart);
  }
  record.finished(kVip, "1", kRefused);  // one that is forgotten
  REQUIRE(record.transitions().size() == 16);
  CHECK(record.transitions().front().reason == "35");
  CHECK(record.transitions().back().reason == "50");
  REQUIRE(record.steps().size() == 16);
  CHECK(record.steps().front() == StepRecord{kStart, "35", {}});
  CHECK(record.steps().back().text == "50");
}

}  // namespace herald::record_test
