// What `heraldctl doctor` wants to know of this machine: who may talk to the router, which VIPs are on interfaces, and
// whether their clients find anybody.
#pragma once

#include "sidecar/core/config.h"
#include "sidecar/doctor/rules.h"

namespace herald {

// Reads the user database, and of this network namespace the interfaces, who listens, and packet rules; what cannot be had stays unknown.
[[nodiscard]] HostFacts read_host_facts(const Config& config);

}  // namespace herald
