// The VIPs that a routing stack is asked about.
#pragma once

#include <span>
#include <vector>

#include "sidecar/core/config.h"

namespace herald {

// Those of the configuration, then those that are leaving, which it has no more.
[[nodiscard]] inline std::vector<Vip> vips_to_read(const Config& config, std::span<const Vip> leaving = {}) {
  std::vector<Vip> vips;
  for (const ServiceSpec& service : config.services)
    vips.insert(vips.end(), service.vips.begin(), service.vips.end());
  vips.insert(vips.end(), leaving.begin(), leaving.end());
  return vips;
}

}  // namespace herald
