// The sections of the configuration that describe the machine rather than a service: `router` and `control`.
//
// Keys of the contract that only later levers use (bgp, route_server, bird.include) describe the router just
// the same: they are checked, and what nothing reads yet is not kept.
#pragma once

#include "sidecar/core/config.h"
#include "sidecar/json_reader.h"

namespace herald {

[[nodiscard]] RouterSpec read_router(ObjectReader& top);
[[nodiscard]] ControlSpec read_control(ObjectReader& top);

}  // namespace herald
