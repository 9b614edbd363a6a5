// The commands about heraldd itself rather than its services.
#pragma once

#include "sidecar/ctl.h"

namespace herald::ctl {

// Returns once heraldd has gone; --timeout (15 s) bounds it.
[[nodiscard]] Outcome handover(const Options& options);

}  // namespace herald::ctl
