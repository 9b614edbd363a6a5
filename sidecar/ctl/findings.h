// doctor's findings for people and for programs. Pure.
#pragma once

#include <string>
#include <vector>

#include "sidecar/ctl/text.h"
#include "sidecar/doctor/rules.h"

namespace herald::ctl {

// Each finding with its reason and what mends it below, aligned; then how many there are.
[[nodiscard]] std::string render_findings(const std::vector<Finding>& findings, const Look& look);

// An array of {"severity", "check", "what", "why", "fix"}.
[[nodiscard]] Report findings_report(const std::vector<Finding>& findings);

}  // namespace herald::ctl
