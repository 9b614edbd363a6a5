#include "sidecar/doctor/facts_reader.h"

namespace herald {

std::unique_ptr<FactsReader> make_facts_reader(Loop& loop, const Config& config) {
  switch (config.router.stack) {
    case Stack::frr:
      return make_frr_facts_reader(loop, config);
    case Stack::bird:
      return make_bird_facts_reader(loop, config);
    case Stack::none:
      break;
  }
  return nullptr;
}

std::vector<Vip> vips_of(const Config& config) {
  std::vector<Vip> vips;
  for (const ServiceSpec& service : config.services)
    vips.insert(vips.end(), service.vips.begin(), service.vips.end());
  return vips;
}

}  // namespace herald
