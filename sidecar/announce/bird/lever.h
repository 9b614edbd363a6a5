// BIRD seen and steered by birdc (contract §2.1, `via: birdc`): the parts are bird/reading.h, which looks, and
// bird/change.h, which writes herald's include file and has BIRD load it.
//
// What it refuses: any other file, any other protocol of BIRD's.
#pragma once

#include <memory>
#include <span>

#include "sidecar/announce/router/lever.h"

namespace herald {

[[nodiscard]] std::unique_ptr<RouterLever> make_bird_lever(Loop& loop, const Config& config,
                                                           std::span<const Vip> leaving = {});

}  // namespace herald
