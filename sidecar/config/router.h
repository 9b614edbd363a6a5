// The sections of the configuration that describe the machine rather than a service: `router`, `control`,
// `workers` and `brake`.
//
// What only `heraldctl render` and `doctor` need (an AS, peers) may be missing here: they say so themselves.
#pragma once

#include "sidecar/config/json_reader.h"
#include "sidecar/core/config.h"

namespace herald {

// False where the stack is not known, since it is wrong or missing: then nothing is to be held against it.
[[nodiscard]] bool read_router(ObjectReader& top, RouterSpec& router);
[[nodiscard]] ControlSpec read_control(ObjectReader& top);
[[nodiscard]] WorkersSpec read_workers(ObjectReader& top);
// Either "off" or an object. None: off.
[[nodiscard]] std::optional<BrakeSpec> read_brake(ObjectReader& top);

}  // namespace herald
