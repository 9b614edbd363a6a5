#include "sidecar/announce/router/lever.h"

#include <utility>

#include "sidecar/announce/bird/lever.h"
#include "sidecar/announce/frr/lever.h"

namespace herald {

RouterView unreachable(std::string why) {
  RouterView view;
  view.error = std::move(why);
  return view;
}

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

std::vector<Vip> vips_to_read(const Config& config, std::span<const Vip> leaving) {
  std::vector<Vip> vips;
  for (const ServiceSpec& service : config.services)
    vips.insert(vips.end(), service.vips.begin(), service.vips.end());
  vips.insert(vips.end(), leaving.begin(), leaving.end());
  return vips;
}

}  // namespace herald
