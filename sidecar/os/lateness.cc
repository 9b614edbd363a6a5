#include "sidecar/os/lateness.h"

#include <algorithm>
#include <cmath>

namespace herald {
namespace {

constexpr double kFirstEdgeNs = 10'000;
constexpr double kPerOctave = 4;

}  // namespace

void Lateness::record(Duration late) {
  const double ratio = static_cast<double>(std::max(late, Duration{1}).count()) / kFirstEdgeNs;
  const double bucket = std::ceil(std::log2(ratio) * kPerOctave);
  ++buckets_[static_cast<std::size_t>(std::clamp(bucket, 0.0, static_cast<double>(kBuckets - 1)))];
  ++count_;
  most_ = std::max(most_, late);
}

Duration Lateness::quantile(double fraction) const {
  const double wanted = fraction * static_cast<double>(count_);
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen == 0 || static_cast<double>(seen) < wanted) continue;
    const double edge = kFirstEdgeNs * std::exp2(static_cast<double>(bucket) / kPerOctave);
    return std::min(Duration{static_cast<Duration::rep>(edge)}, most_);
  }
  return most_;
}

}  // namespace herald
