// Who may talk to the router, whose the VIPs on the interfaces are, and whether clients find anybody there.
#include <fmt/format.h>

#include "sidecar/doctor/examination.h"
#include "sidecar/text/address.h"

namespace herald {

namespace {

// herald removes only what is marked as its own: a migration that leaves the address there leaves the service announced.
void check_foreign(Examination& exam) {
  for (const ServiceSpec& service : exam.config.services) {
    const bool managed = service.announce.via == Via::loopback || service.announce.manage_vip;
    for (const Vip& vip : service.vips) {
      const auto found = exam.host.foreign.find(vip);
      if (!managed || found == exam.host.foreign.end()) continue;
      const bool in_table = exam.facts_of(vip).in_rib;
      exam.warn(
          "foreign-address", fmt::format("{} on {} without herald's mark", vip.prefix, found->second),
          fmt::format("somebody else has put it there: herald leaves it alone{}",
                      in_table ? ", and it stays announced when the service is dead"
                               : ", also when the service is dead"),
          fmt::format("heraldctl adopt {} takes it over; and end what puts it there (ifupdown, netplan, "
                      "another health checker)",
                      service.name));
    }
  }
}

// A probe of 127.0.0.1 passes, and the VIP's clients are refused.
void check_refused(Examination& exam) {
  const std::optional<PacketRules>& rules = exam.host.packet_rules;
  for (const auto& [vip, what] : exam.host.refused) {
    if (rules && rules->names_vip.contains(vip)) continue;
    if (rules && rules->translates) {
      exam.note("no-listener", what, "whether a packet rule hands on what comes for it was not judged",
                "ask it from another host");
      continue;
    }
    exam.warn(
        "no-listener", what,
        fmt::format(
            "who asks that port of the VIP is refused while the service is healthy{}; where clients use "
            "another one there is nothing to mend",
            rules ? "" : ", unless a packet rule hands it on (only root may look)"),
        fmt::format("let the service listen on {0} or on any-address (net.ipv4.ip_nonlocal_bind=1 where it "
                    "starts before the VIP is there), or hand {0} on to it",
                    to_string(address_of(vip))));
  }
}

}  // namespace

void check_host(Examination& exam) {
  check_foreign(exam);
  check_refused(exam);
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
