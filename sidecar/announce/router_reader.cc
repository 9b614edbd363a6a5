#include "sidecar/announce/router_reader.h"

#include <utility>

#include "sidecar/announce/frr_lever.h"

namespace herald {

RouterView unreachable(std::string why) {
  return {.reachable = false, .error = std::move(why), .peers = {}, .routes = {}, .owned = {}};
}

namespace {

// Until the daemon holds levers: FRR's, for its reading alone.
class LeverReader final : public RouterReader {
 public:
  explicit LeverReader(std::unique_ptr<RouterLever> lever) : lever_(std::move(lever)) {}
  void read(OnView on_view) override { lever_->read(std::move(on_view)); }

 private:
  std::unique_ptr<RouterLever> lever_;
};

std::unique_ptr<RouterReader> make_frr_reader(Loop& loop, const RouterSpec& spec, std::vector<Vip> vips) {
  Config config;
  config.router = spec;
  config.services.emplace_back().vips = std::move(vips);
  return std::make_unique<LeverReader>(make_frr_lever(loop, config));
}

}  // namespace

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
