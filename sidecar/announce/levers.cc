#include "sidecar/announce/levers.h"

#include <algorithm>

#include "sidecar/announce/bird/lever.h"
#include "sidecar/announce/frr/lever.h"
#include "sidecar/announce/frr/objects.h"

namespace herald {

std::unique_ptr<RouterLever> make_router_lever(Loop& loop, const Config& config,
                                               std::span<const std::filesystem::path> template_dirs,
                                               std::span<const Vip> leaving) {
  switch (config.router.stack) {
    case Stack::frr:
      return make_frr_lever(loop, config, template_dirs, leaving);
    case Stack::bird:
      return make_bird_lever(loop, config, leaving);
    case Stack::none:
      break;
  }
  return nullptr;
}

std::vector<std::string> template_problems(const Config& config,
                                           std::span<const std::filesystem::path> dirs) {
  const bool needed = std::ranges::any_of(
      config.services, [](const ServiceSpec& service) { return service.announce.via == Via::vtysh; });
  std::vector<std::string> problems;
  if (!needed) return problems;
  const auto objects = FrrObjects::load(dirs);
  if (objects) return problems;
  for (const TemplateError& error : objects.error()) problems.push_back(to_string(error));
  return problems;
}

}  // namespace herald
