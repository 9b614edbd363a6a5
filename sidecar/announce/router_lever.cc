#include "sidecar/announce/router_lever.h"

#include <utility>

#include "sidecar/announce/bird_lever.h"
#include "sidecar/announce/frr_lever.h"

namespace herald {

RouterView unreachable(std::string why) {
  RouterView view;
  view.error = std::move(why);
  return view;
}

std::unique_ptr<RouterLever> make_router_lever(Loop& loop, const Config& config,
                                               std::span<const std::filesystem::path> template_dirs) {
  switch (config.router.stack) {
    case Stack::frr:
      return make_frr_lever(loop, config, template_dirs);
    case Stack::bird:
      return make_bird_lever(loop, config);
    case Stack::none:
      break;
  }
  return nullptr;
}

}  // namespace herald
