// What came of steps, in words that compare and print: "taken", or why not.
#pragma once

#include <string>
#include <vector>

#include "sidecar/core/route/route_step.h"

namespace herald {

inline std::vector<std::string> texts_of(const RouteOutcomes& outcomes) {
  std::vector<std::string> texts;
  for (const RouteOutcome& outcome : outcomes) texts.push_back(outcome ? "taken" : outcome.error());
  return texts;
}

}  // namespace herald
