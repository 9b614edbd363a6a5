#include "sidecar/core/probe/latencies.h"

#include <catch2/catch.hpp>

namespace herald::latencies_test {

using namespace std::chrono_literals;

TEST_CASE("latencies: one of a hundred of the last two hundred took longer") {
  Latencies latencies;
  CHECK_FALSE(latencies.p99());
  latencies.add(3ms);
  CHECK(latencies.p99() == 3ms);
  for (int i = 0; i < 98; ++i) latencies.add(2ms);
  CHECK(latencies.p99() == 3ms);
  latencies.add(2ms);
  CHECK(latencies.p99() == 2ms);  // of a hundred
  latencies.add(50ms);
  latencies.add(40ms);
  CHECK(latencies.p99() == 40ms);
  for (int i = 0; i < 200; ++i) latencies.add(1ms);
  CHECK(latencies.p99() == 1ms);  // all of it is older
  latencies.add(-5ms);
  latencies.add(10000h);
  CHECK(latencies.p99() == 1ms);
  latencies.clear();
  CHECK_FALSE(latencies.p99());
}

}  // namespace herald::latencies_test
