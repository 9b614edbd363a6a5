// Addresses in texts that somebody else reads: whether one is named.
#pragma once

#include <string_view>

#include "sidecar/text/address.h"

namespace herald {

// Whether that address is a word of the text, in whatever form, with a port behind it or not: "http://10.99.0.1:80/".
[[nodiscard]] bool names_address(std::string_view text, const Address& address);

}  // namespace herald
