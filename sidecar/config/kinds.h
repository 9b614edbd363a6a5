// What the configuration has to be told about a type of probe: how its keys are read, and what they say that matters to more
// than the probe. The probes give the table (probes/registry.h); it outlives what it is handed to.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "sidecar/core/config.h"

namespace herald {

class ObjectReader;

// What the keys of a type say, in a form of the type's own: nobody but its probes looks into it.
struct ProbeSettings {
  ProbeSettings() = default;
  ProbeSettings(ProbeSettings&&) = default;
  ProbeSettings& operator=(ProbeSettings&&) = default;
  virtual ~ProbeSettings() = default;

  // Whether `other`, of the same type, says the same: so a default of the schema can be held against what is read without it.
  [[nodiscard]] virtual bool equals(const ProbeSettings& other) const = 0;
  bool operator==(const ProbeSettings&) const = default;
};

// The base of the settings of a type, which have ==.
template <typename Settings>
struct SettingsOf : ProbeSettings {
  [[nodiscard]] bool equals(const ProbeSettings& other) const final {
    return static_cast<const Settings&>(*this) == static_cast<const Settings&>(other);
  }
  bool operator==(const SettingsOf&) const = default;
};

// Means something only where nothing was wrong.
struct CheckedProbe {
  // The literal address that the probe talks to: a VIP that herald itself removes is refused. "" for a name, or none.
  std::string target;
  // What every attempt asks, "host:port", so that it can be told which services share it; "" where that is not one thing.
  std::string endpoint;
  std::unique_ptr<ProbeSettings> settings;
  Listens listens = Listens::nothing;  // at `endpoint`
  bool can_hold = false;               // a connection to it can be kept (Probe::connect)
};

struct ProbeKindCheck {
  std::string_view type;
  // Asks for every key of the type and reports what is wrong with them. Unknown keys are reported by the caller, which has
  // asked for the shared ones.
  CheckedProbe (*check)(ObjectReader& keys);
};

}  // namespace herald
