// The key "http": where herald is seen by HTTP.
#pragma once

#include "sidecar/config/json_reader.h"
#include "sidecar/core/config.h"

namespace herald {

[[nodiscard]] HttpSpec read_http(ObjectReader& top);

}  // namespace herald
