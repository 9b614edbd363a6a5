// What probes ask that is a VIP of herald's, where no literal target shows it.
#include <fmt/format.h>

#include <algorithm>

#include "sidecar/doctor/examination.h"
#include "sidecar/text/address.h"
#include "sidecar/text/address_words.h"

namespace herald {
namespace {

constexpr std::string_view kFix = "probe 127.0.0.1 or the node's own address";

bool is_managed(const ServiceSpec& service) {
  return service.announce.via == Via::loopback || service.announce.manage_vip;
}

bool is_removed(const ServiceSpec& service) {
  return service.announce.via == Via::loopback || service.announce.vip_on_down == VipOnDown::remove;
}

void check_probe(Examination& exam, const std::string& name, const ProbeSpec& probe) {
  const auto names = exam.host.names.find(std::string(host_of_target(probe)));
  const bool is_named = names != exam.host.names.end() && probe.socket.bind_device != "lo";
  for (const ServiceSpec& service : exam.config.services) {
    for (const Vip& vip : service.vips) {
      const std::string address = to_string(address_of(vip));
      if (is_named && is_managed(service) && names->second.contains(address)) {
        exam.error(
            "probe-target",
            fmt::format("{} asks {}, which is {}, a VIP of {}", name, names->first, address, service.name),
            "while the VIP is not on this machine only another site could answer: every attempt fails then, "
            "and what was "
            "withdrawn stays so",
            std::string(kFix));
      }
      if (probe.type == "exec" && is_removed(service) && names_address(probe.settings, address_of(vip))) {
        exam.warn("probe-target",
                  fmt::format("{} runs a command that names {}, a VIP of {}", name, address, service.name),
                  "once the VIP is removed another site would answer, and the dead service look alive",
                  std::string(kFix));
      }
    }
  }
}

}  // namespace

std::string_view host_of_target(const ProbeSpec& probe) {
  const std::string_view target = probe.target;
  if (target.contains('/') || target.starts_with('[')) return {};  // of no network, or a literal
  const std::string_view host = target.substr(0, target.rfind(':'));
  return parse_address(host) || parse_address(target) ? std::string_view() : host;
}

void check_probes(Examination& exam) {
  for (const ServiceSpec& service : exam.config.services) {
    for (const ProbeSpec& probe : service.probes)
      check_probe(exam, fmt::format("{}/{}", service.name, probe.name), probe);
  }
}

}  // namespace herald
