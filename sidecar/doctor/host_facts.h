// What `heraldctl doctor` wants to know of this machine: who may talk to the router, and which VIPs are on interfaces.
#pragma once

#include "sidecar/core/config.h"
#include "sidecar/doctor/rules.h"

namespace herald {

// Reads the user database and the interfaces of this network namespace; what cannot be had stays unknown.
[[nodiscard]] HostFacts read_host_facts(const Config& config);

}  // namespace herald
