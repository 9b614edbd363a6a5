#include "probes/registry.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "sidecar/config/json_reader.h"

// The types, and the only list of them: `check_TYPE` reads the keys, `make_TYPE` makes the probe.
#define HERALD_PROBE_TYPES(row) row(http) row(tcp) row(dns) row(icmp) row(udp) row(exec)

namespace herald::probes {

#define HERALD_DECLARE_TYPE(type)                \
  CheckedProbe check_##type(ObjectReader& keys); \
  MadeProbe make_##type(ProbeSettings& settings, const ProbeSpec& spec, const Context& context);
HERALD_PROBE_TYPES(HERALD_DECLARE_TYPE)

#ifndef HERALD_RUNS_PROBES

std::span<const ProbeKindCheck> kind_checks() {
#define HERALD_CHECK_ROW(type) ProbeKindCheck{#type, check_##type},
  static constexpr std::array kRows{HERALD_PROBE_TYPES(HERALD_CHECK_ROW)};
  return kRows;
}

#else

std::span<const ProbeKind> registry() {
#define HERALD_ROW(type) ProbeKind{#type, check_##type, make_##type},
  static constexpr std::array kRows{HERALD_PROBE_TYPES(HERALD_ROW)};
  return kRows;
}

MadeProbe make_probe(const ProbeSpec& spec, const Context& context) {
  const auto kind = std::ranges::find(registry(), std::string_view(spec.type), &ProbeKind::type);
  if (kind == registry().end()) return std::unexpected("no probe type " + spec.type);
  const auto json = nlohmann::json::parse(spec.settings, nullptr, false);
  std::vector<ConfigError> errors;
  ObjectReader keys(json, "", "", errors);
  const CheckedProbe checked = kind->check(keys);
  keys.finish();
  if (!errors.empty()) return std::unexpected(to_string(errors.front()));
  return kind->make(*checked.settings, spec, context);
}

#endif

}  // namespace herald::probes
