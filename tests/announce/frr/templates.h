// The templates that are shipped.
#pragma once

#include <filesystem>
#include <vector>

#include "sidecar/announce/frr/objects.h"
#include "tests/source_dir.h"

namespace herald {

inline std::vector<std::filesystem::path> template_dirs() {
  return {std::filesystem::path(HERALD_SOURCE_DIR) / "frr-templates"};
}

inline const FrrObjects& templates() {
  static const FrrObjects objects = FrrObjects::load(template_dirs()).value();
  return objects;
}

}  // namespace herald
