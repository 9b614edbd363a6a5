#include "sidecar/announce/router/lever.h"

#include <utility>

namespace herald {

RouterView unreachable(std::string why) {
  RouterView view;
  view.error = std::move(why);
  return view;
}

std::vector<Vip> vips_to_read(const Config& config, std::span<const Vip> leaving) {
  std::vector<Vip> vips;
  for (const ServiceSpec& service : config.services)
    vips.insert(vips.end(), service.vips.begin(), service.vips.end());
  vips.insert(vips.end(), leaving.begin(), leaving.end());
  return vips;
}

}  // namespace herald
