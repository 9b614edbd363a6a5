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

}  // namespace herald
