// One probe of the configuration: the keys that all types share, their defaults, and the settings of its
// type.
//
// A ProbeReader is part of reading one configuration; the table of kinds and the error list outlive it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sidecar/config/file.h"
#include "sidecar/config/json_reader.h"
#include "sidecar/core/config.h"
#include "sidecar/text/address.h"

namespace herald {

// What `defaults` and then the probe have said. Times stay apart until both have spoken, because the default
// of one depends on the value of another.
struct SharedKeys {
  std::optional<Duration> interval;
  std::optional<Duration> fast_interval;
  std::optional<Duration> down_interval;
  std::optional<Duration> timeout;
  double jitter = ProbeTiming{}.jitter;
  Role role = Role::gate;
  ProbeThresholds thresholds;
  SocketOptions socket;
  EventUse events = EventUse::automatic;
  Overlap overlap;
  std::optional<Duration> accept_stall;
  bool hold = false;
};

struct ReadProbe {
  ProbeSpec spec;
  std::optional<Address> target;  // a literal one, and only if the settings are right
};

class ProbeReader {
 public:
  explicit ProbeReader(std::span<const ProbeKindCheck> kinds, std::vector<ConfigError>& errors)
      : kinds_(kinds), errors_(errors) {}

  // Call it before the first read(), if at all.
  void read_defaults(ObjectReader& defaults);
  // `index` is the probe's place in its service, for its default name. What is wrong has been reported.
  [[nodiscard]] ReadProbe read(ObjectReader& probe, std::size_t index);

 private:
  void read_shared(ObjectReader& object, SharedKeys& keys);
  [[nodiscard]] ProbeTiming timing_of(ObjectReader& probe, const SharedKeys& keys);
  [[nodiscard]] static Overlap overlap_of(ObjectReader& probe, const SharedKeys& keys,
                                          const ProbeTiming& timing);
  void check_within_interval(ObjectReader& probe, const char* key, Duration value, Duration interval);
  [[nodiscard]] const ProbeKindCheck* kind_of(ObjectReader& probe, std::string& type);

  std::span<const ProbeKindCheck> kinds_;
  std::vector<ConfigError>& errors_;
  SharedKeys defaults_;
  ConfigError defaults_place_;  // where `defaults` is, to report what only it can be blamed for
};

}  // namespace herald
