// heraldctl's commands that need no daemon: they read the configuration themselves, with heraldd's own parser.
//
// They print nothing themselves. Errors of the configuration are all told, with exit code 2.
#pragma once

#include <string>
#include <vector>

#include "sidecar/config/file.h"
#include "sidecar/ctl/calls.h"

namespace herald::ctl {

// Where the configuration is, as heraldd's own options say it.
struct ConfigPlace {
  std::string file{kDefaultConfigFile};
  std::string services_dir{kDefaultServicesDir};
};

// Prints ready configuration of the stack. Directories of templates are searched in their order; none: the default ones.
[[nodiscard]] Outcome render(const Options& options, const ConfigPlace& place, Stack stack,
                             const std::vector<std::string>& template_dirs);

// Judges the router's configuration, by asking it and reading its files; exit 1 on any error.
[[nodiscard]] Outcome doctor(const Options& options, const ConfigPlace& place);

}  // namespace herald::ctl
