// The sections of the configuration that describe the machine rather than a service: `router`, `control` and `brake`.
//
// What only `heraldctl render` and `doctor` need (an AS, peers) may be missing here: they say so themselves.
#pragma once

#include "sidecar/core/config.h"
#include "sidecar/json_reader.h"

namespace herald {

[[nodiscard]] RouterSpec read_router(ObjectReader& top);
[[nodiscard]] ControlSpec read_control(ObjectReader& top);
// Either "off" or an object. None: off.
[[nodiscard]] std::optional<BrakeSpec> read_brake(ObjectReader& top);

}  // namespace herald
