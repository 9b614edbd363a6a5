// Where the templates of FRR's configuration are looked for.
#pragma once

#include <filesystem>
#include <vector>

namespace herald {

// In this order by file name: the operator's wins.
[[nodiscard]] inline std::vector<std::filesystem::path> default_template_dirs() {
  return {"/etc/herald/frr-templates", "/usr/share/herald/frr-templates"};
}

}  // namespace herald
