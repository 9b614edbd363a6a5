#include "sidecar/daemon/own_record.h"

#include <catch2/catch.hpp>

namespace own_record_test {

using namespace herald;

namespace {

using namespace std::chrono_literals;

constexpr TimePoint kBegun{std::chrono::hours(1)};

TEST_CASE("own record: a reload that was not taken leaves the configuration as old as it was") {
  const Log log(LogTarget::text);
  OwnRecord record(kBegun);
  CHECK(record.self(log).started == kBegun);
  CHECK(record.self(log).configured == kBegun);
  CHECK(record.self(log).reloaded == std::nullopt);
  CHECK(record.self(log).reload_good);
  record.reloaded(true, kBegun + 1s);
  record.reloaded(false, kBegun + 2s);
  CHECK(record.self(log).started == kBegun);
  CHECK(record.self(log).configured == kBegun + 1s);
  CHECK(record.self(log).reloaded == kBegun + 2s);
  CHECK_FALSE(record.self(log).reload_good);
  CHECK(record.self(log).resident_bytes > 0);
  CHECK(record.self(log).log_lines_lost == 0);
}

TEST_CASE("own record: how late the loop was, in both ways of counting") {
  OwnRecord record(kBegun);
  record.ran_late(1ms);
  record.ran_late(40us);
  CHECK(record.lateness().timers == 2);
  CHECK(record.lateness().most == 1ms);
  CHECK(record.lateness().all.count() == 2);
  CHECK(record.lateness().all.buckets()[0] == 1);
}

}  // namespace
}  // namespace own_record_test
