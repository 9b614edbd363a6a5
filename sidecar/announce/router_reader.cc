#include "sidecar/announce/router_reader.h"

#include <utility>

namespace herald {

RouterView unreachable(std::string why) {
  return {.reachable = false, .error = std::move(why), .peers = {}, .routes = {}};
}

std::unique_ptr<RouterReader> make_router_reader(Loop& loop, const RouterSpec& spec, std::vector<Vip> vips) {
  switch (spec.stack) {
    case Stack::frr:
      return make_frr_reader(loop, spec, std::move(vips));
    case Stack::bird:
      return make_bird_reader(loop, spec, std::move(vips));
    case Stack::none:
      break;
  }
  return nullptr;
}

}  // namespace herald
