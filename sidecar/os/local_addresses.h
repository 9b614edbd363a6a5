// Which addresses are of this machine, in its network namespace: who listens there is here, and the kernel tells of it.
#pragma once

#include <optional>
#include <set>

#include "sidecar/text/address.h"

namespace herald {

// 127.0.0.0/8 and ::1, whether an interface has them or not.
[[nodiscard]] bool is_loopback(const Address& address);
// Those of the interfaces. None where the kernel cannot be asked now.
[[nodiscard]] std::optional<std::set<Address>> addresses_of_this_machine();

}  // namespace herald
