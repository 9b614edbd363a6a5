// What heraldd alone knows of itself, for people: since when it runs, how its reloads went, how late its loop is, and what the
// process takes. It decides nothing.
#pragma once

#include "sidecar/core/snapshot.h"
#include "sidecar/os/lateness.h"
#include "sidecar/os/log.h"

namespace herald {

class OwnRecord {
 public:
  explicit OwnRecord(TimePoint now) : started_(now), configured_(now) {}

  // A timer of the loop has fired so late.
  void ran_late(Duration late);
  // A reload has ended; what was read is in use where it was good.
  void reloaded(bool good, TimePoint now);

  [[nodiscard]] LatenessSnapshot lateness() const;
  [[nodiscard]] SelfSnapshot self(const Log& log) const;

 private:
  TimePoint started_;
  TimePoint configured_;
  std::optional<TimePoint> reloaded_;
  bool reload_good_ = true;
  Lateness lateness_;
  Histogram late_;
};

}  // namespace herald
