// The table of the probe types, as the two that need it see it.
//
// Who checks a configuration links herald_probe_checks, and with it no library of a protocol; who runs probes links
// herald_probes. registry.cc is compiled into both.
#pragma once

#include <span>

#include "probes/probe.h"
#include "sidecar/config/kinds.h"

namespace herald::probes {

// Of herald_probe_checks: how the keys of each type are read.
[[nodiscard]] std::span<const ProbeKindCheck> kind_checks();

// One row of the table.
struct ProbeKind {
  std::string_view type;
  CheckedProbe (*check)(ObjectReader& keys);
  // `settings` are what check() gave, and may be moved from.
  MadeProbe (*make)(ProbeSettings& settings, const ProbeSpec& spec, const Context& context);
};
// Of herald_probes.
[[nodiscard]] std::span<const ProbeKind> registry();
// Reads the settings of `spec`, whose type is one of the table's, and makes the probe. With a spec that has passed the
// check, the error is of something beside it: a file that cannot be read.
[[nodiscard]] MadeProbe make_probe(const ProbeSpec& spec, const Context& context);

}  // namespace herald::probes
