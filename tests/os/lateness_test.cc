#include "sidecar/os/lateness.h"

#include <catch2/catch.hpp>

namespace lateness_test {

using namespace herald;
using namespace std::chrono_literals;

TEST_CASE("nothing recorded is no lateness") {
  const Lateness lateness;
  CHECK(lateness.count() == 0);
  CHECK(lateness.most() == 0ns);
  CHECK(lateness.quantile(0.99) == 0ns);
}

TEST_CASE("a quantile is right to a fifth, and never above the most") {
  Lateness lateness;
  for (int i = 1; i <= 1000; ++i) lateness.record(i * 100us);
  CHECK(lateness.count() == 1000);
  CHECK(lateness.most() == 100ms);
  CHECK(lateness.quantile(0.5) >= 50ms);
  CHECK(lateness.quantile(0.5) <= 60ms);
  CHECK(lateness.quantile(0.99) >= 99ms);
  CHECK(lateness.quantile(0.99) <= 100ms);
  CHECK(lateness.quantile(1) == 100ms);
}

TEST_CASE("what is early or beyond all buckets is counted at the edge") {
  Lateness lateness;
  lateness.record(-1s);
  CHECK(lateness.quantile(0.5) == 0ns);
  lateness.record(24h);
  CHECK(lateness.count() == 2);
  CHECK(lateness.most() == 24h);
  CHECK(lateness.quantile(1) > 100s);
}

}  // namespace lateness_test
