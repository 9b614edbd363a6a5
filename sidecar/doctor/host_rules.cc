// Who may talk to the router.
#include <fmt/format.h>

#include "sidecar/doctor/examination.h"

namespace herald {

void check_host(Examination& exam) {
  const HostFacts& host = exam.host;
  if (host.user_in_group == false) {
    exam.warn("group", fmt::format("user {} is not in group {}", host.user, host.group),
              fmt::format("members of it may talk to {}, and others see nothing", exam.daemon()),
              fmt::format("run doctor as root, or usermod -aG {} {}", host.group, host.user));
  }
  if (host.herald_in_group == false) {
    exam.error(
        "group", fmt::format("user herald is not in group {}", host.group),
        fmt::format("heraldd, when it runs as herald, can neither read {} nor steer it", exam.daemon()),
        fmt::format("usermod -aG {} herald, then systemctl restart herald", host.group));
  }
}

}  // namespace herald
