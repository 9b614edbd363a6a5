#include "sidecar/daemon/own_record.h"

#include "sidecar/os/own_usage.h"

namespace herald {

void OwnRecord::ran_late(Duration late) {
  lateness_.record(late);
  late_.record(late);
}

void OwnRecord::reloaded(bool good, TimePoint now) {
  reloaded_ = now;
  reload_good_ = good;
  if (good) configured_ = now;
}

LatenessSnapshot OwnRecord::lateness() const {
  return {lateness_.count(), lateness_.quantile(0.5), lateness_.quantile(0.99), lateness_.most(), late_};
}

SelfSnapshot OwnRecord::self(const Log& log) const {
  const OwnUsage usage = own_usage();
  return {.started = started_,
          .configured = configured_,
          .reloaded = reloaded_,
          .reload_good = reload_good_,
          .log_lines_lost = log.lost(),
          .cpu = usage.cpu,
          .resident_bytes = usage.resident_bytes,
          .virtual_bytes = usage.virtual_bytes,
          .descriptors = usage.descriptors,
          .most_descriptors = usage.most_descriptors};
}

}  // namespace herald
