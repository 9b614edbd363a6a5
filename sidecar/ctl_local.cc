#include "sidecar/ctl_local.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "probes/probe.h"
#include "sidecar/announce/route_server.h"
#include "sidecar/plain_text.h"

namespace herald::ctl {
namespace {

std::vector<ProbeKindCheck> kind_checks() {
  std::vector<ProbeKindCheck> checks;
  for (const probes::ProbeKind& kind : probes::registry())
    checks.push_back({kind.type, kind.check, kind.target});
  return checks;
}

// "2 errors in the configuration (/etc/herald/herald.json):", then each in a line of its own.
Outcome refused(const std::string& place, const std::vector<std::string>& errors) {
  std::string text =
      fmt::format("{} error{} in {}:\n", errors.size(), errors.size() == 1 ? "" : "s", printable(place));
  for (const std::string& error : errors) text += printable(error) + "\n";
  return {kUsage, "", std::move(text)};
}

Outcome refused(const ConfigPlace& place, const std::vector<ConfigError>& errors) {
  std::vector<std::string> texts;
  for (const ConfigError& error : errors) texts.push_back(to_string(error));
  return refused(fmt::format("the configuration ({})", place.file), texts);
}

}  // namespace

Outcome render(const ConfigPlace& place, Stack stack, const std::vector<std::string>& template_dirs) {
  const LoadResult loaded = load_config(place.file, place.services_dir, kind_checks());
  if (!loaded.config) return refused(place, loaded.errors);
  std::vector<std::filesystem::path> dirs(template_dirs.begin(), template_dirs.end());
  if (dirs.empty()) dirs = default_template_dirs();
  auto text = render_route_server(*loaded.config, stack, dirs);
  if (!text)
    return refused(fmt::format("what render {} needs ({})", name_of(stack), place.file), text.error());
  return {kDone, *std::move(text), ""};
}

}  // namespace herald::ctl
