// When it is worth reading what the router has made of steps that it has taken.
#pragma once

#include <chrono>

#include "sidecar/core/types.h"

namespace herald {

// bgpd holds a change back for 50 ms; reading earlier would find it neither there nor gone.
inline constexpr Duration kReadAfterRoutes = std::chrono::milliseconds(60);

}  // namespace herald
