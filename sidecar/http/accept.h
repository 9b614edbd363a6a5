// Which of the two formats of metrics a client would rather have (RFC 9110, section 12.5.1). Pure.
#pragma once

#include <string_view>

namespace herald::http {

// `accept`: the header's value, or empty. OpenMetrics 1.0 is for who names it, and does not like plain text better; whoever says
// nothing, or anything, has Prometheus's own format, which all of them can read.
[[nodiscard]] bool prefers_openmetrics(std::string_view accept);

}  // namespace herald::http
