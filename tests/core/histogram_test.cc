#include "sidecar/core/histogram.h"

#include <catch2/catch.hpp>

namespace histogram_test {

using namespace herald;

namespace {

using namespace std::chrono_literals;

TEST_CASE("histogram: an edge lies in the bucket below it, and what is above all of them in the last one") {
  Histogram histogram;
  histogram.record(100us);
  histogram.record(100us + 1ns);
  histogram.record(30s);
  histogram.record(30s + 1ns);
  histogram.record(-1s);
  CHECK(histogram.buckets()[0] == 2);
  CHECK(histogram.buckets()[1] == 1);
  CHECK(histogram.buckets()[11] == 1);
  CHECK(histogram.buckets()[12] == 1);
  CHECK(histogram.count() == 5);
  CHECK(histogram.sum() == 60s + 200us + 2ns);
}

}  // namespace
}  // namespace histogram_test
