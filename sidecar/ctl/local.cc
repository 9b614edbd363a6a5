#include "sidecar/ctl/local.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "probes/registry.h"
#include "sidecar/announce/route_server.h"
#include "sidecar/announce/template_dirs.h"
#include "sidecar/ctl/findings.h"
#include "sidecar/doctor/facts_reader.h"
#include "sidecar/doctor/host_facts.h"
#include "sidecar/os/loop.h"
#include "sidecar/text/plain_text.h"

namespace herald::ctl {
namespace {

// "2 errors in the configuration (/etc/herald/herald.json):", then each in a line of its own.
Outcome refused(const std::string& place, const std::vector<std::string>& errors) {
  std::string text =
      fmt::format("{} error{} in {}:\n", errors.size(), errors.size() == 1 ? "" : "s", printable(place));
  for (const std::string& error : errors) text += printable(error) + "\n";
  return {kUsage, "", std::move(text)};
}

Outcome refused(const ConfigPlace& place, const std::vector<ConfigError>& errors) {
  std::vector<std::string> texts;
  texts.reserve(errors.size());
  for (const ConfigError& error : errors) texts.push_back(to_string(error));
  return refused(fmt::format("the configuration ({})", place.file), texts);
}

// Blocks for as long as the router's own timeouts allow.
RouterFacts read_router_facts(const Config& config) {
  Loop loop;
  RouterFacts facts;
  const auto reader = make_facts_reader(loop, config);
  if (reader == nullptr) return facts;
  reader->read([&](RouterFacts read) {
    facts = std::move(read);
    loop.exit(0);
  });
  loop.run();
  return facts;
}

}  // namespace

Outcome render(const Options& options, const ConfigPlace& place, Stack stack,
               const std::vector<std::string>& template_dirs) {
  const LoadResult loaded = load_config(place.file, place.services_dir, probes::kind_checks());
  if (!loaded.config) return refused(place, loaded.errors);
  std::vector<std::filesystem::path> dirs(template_dirs.begin(), template_dirs.end());
  if (dirs.empty()) dirs = default_template_dirs();
  auto text = render_route_server(*loaded.config, stack, dirs);
  if (!text)
    return refused(fmt::format("what render {} needs ({})", name_of(stack), place.file), text.error());
  if (options.json)
    return {kDone, json_text(options, {{"stack", name_of(stack)}, {"configuration", *std::move(text)}}), ""};
  return {kDone, *std::move(text), ""};
}

Outcome doctor(const Options& options, const ConfigPlace& place) {
  const LoadResult loaded = load_config(place.file, place.services_dir, probes::kind_checks());
  if (!loaded.config) return refused(place, loaded.errors);
  const std::vector<Finding> findings =
      examine(*loaded.config, read_router_facts(*loaded.config), read_host_facts(*loaded.config));
  const bool bad = std::ranges::find(findings, Severity::error, &Finding::severity) != findings.end();
  return {
      bad ? kNotAsWanted : kDone,
      options.json ? json_text(options, findings_report(findings)) : render_findings(findings, options.look),
      ""};
}

}  // namespace herald::ctl
