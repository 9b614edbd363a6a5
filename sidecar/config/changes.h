// What a reload changes, and what it cannot change: pure comparisons of two configurations.
#pragma once

#include <string>
#include <vector>

#include "sidecar/core/config.h"

namespace herald {

// Names of services.
struct ConfigChanges {
  std::vector<std::string> added;
  std::vector<std::string> changed;
  std::vector<std::string> removed;
  bool router = false;
  bool brake = false;
  bool http = false;
};

[[nodiscard]] ConfigChanges changes_between(const Config& running, const Config& next);
// "1 changed (web), 2 added (a, b), the router", "nothing"
[[nodiscard]] std::string to_string(const ConfigChanges& changes);

// What only a restart can change: where heraldd listens, where it keeps its state, and where its announcements are, for
// nobody would take back those in the old place. One line each.
[[nodiscard]] std::vector<std::string> unchangeable(const Config& running, const Config& next);

}  // namespace herald
