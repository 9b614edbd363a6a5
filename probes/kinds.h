// The rows of the registry, one for each file *_probe.cc.
#pragma once

#include "probes/probe.h"

namespace herald::probes {

extern const ProbeKind kHttpKind;
extern const ProbeKind kTcpKind;
extern const ProbeKind kDnsKind;
extern const ProbeKind kExecKind;

}  // namespace herald::probes
