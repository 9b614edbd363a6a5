// The commands about heraldd itself rather than its services.
#pragma once

#include "sidecar/ctl/calls.h"

namespace herald::ctl {

// Exit 2 with every error where nothing was changed. --timeout is 30 s here.
[[nodiscard]] Outcome reload(const Options& options);

// Returns once heraldd has gone; --timeout (15 s) bounds it.
[[nodiscard]] Outcome handover(const Options& options);

}  // namespace herald::ctl
