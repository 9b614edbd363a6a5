#include <array>

#include "probes/kinds.h"
#include "probes/probe.h"

namespace herald::probes {

std::span<const ProbeKind> registry() {
  static const std::array kKinds{kHttpKind, kTcpKind, kDnsKind, kExecKind};
  return kKinds;
}

}  // namespace herald::probes
