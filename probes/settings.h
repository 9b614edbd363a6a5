// What the keys of several types have in common.
#pragma once

#include <string>

#include "sidecar/config/json_reader.h"

namespace herald::probes {

// Reports the keys of a probe's socket as errors, where the probe has none: they would do nothing. What
// `defaults` says for all probes never gets here.
inline void refuse_socket_keys(ObjectReader& keys, const std::string& target) {
  for (const char* key : {"source", "bind_device", "mark"}) {
    if (keys.json().contains(key)) keys.fail(key, "has no effect on " + target);
  }
}

}  // namespace herald::probes
