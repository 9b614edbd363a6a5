// `announce` of a service: the lever with its keys, and whether the router can do what is asked of it.
#pragma once

#include <string>
#include <vector>

#include "sidecar/config/json_reader.h"
#include "sidecar/core/config.h"

namespace herald {

// `service` is the object that may have "announce" and "drain". Warnings are lines for people. False where `via` is wrong:
// then nothing is known of the lever, and nothing is to be held against it.
[[nodiscard]] bool read_announce(ObjectReader& service, AnnounceSpec& spec,
                                 std::vector<std::string>& warnings);
void read_drain(ObjectReader& service, DrainSpec& spec);

// Checks that `router` has what the lever needs, and takes over what it prepends. Errors belong to the service at `pointer`.
void fit_lever(AnnounceSpec& announce, const RouterSpec& router, const std::string& file,
               const std::string& pointer, std::vector<ConfigError>& errors);

}  // namespace herald
