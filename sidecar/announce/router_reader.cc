#include "sidecar/announce/router_reader.h"

#include <utility>

#include "sidecar/announce/frr_lever.h"

namespace herald {
namespace {

// Until BIRD's lever is here.
class ReadOnly final : public RouterLever {
 public:
  explicit ReadOnly(std::unique_ptr<RouterReader> reader, std::string socket)
      : reader_(std::move(reader)), socket_(std::move(socket)) {}
  void read(OnView on_view) override { reader_->read(std::move(on_view)); }
  void apply(std::vector<RouteStep> steps, OnApplied on_applied) override {
    on_applied(std::vector<std::string>(steps.size(), "not in this release"));
  }
  [[nodiscard]] std::vector<std::string> commands(std::span<const RouteStep> /*steps*/) const override {
    return {};
  }
  [[nodiscard]] std::string socket_path() const override { return socket_; }

 private:
  std::unique_ptr<RouterReader> reader_;
  std::string socket_;
};

}  // namespace

std::unique_ptr<RouterLever> make_router_lever(Loop& loop, const Config& config) {
  switch (config.router.stack) {
    case Stack::frr:
      return make_frr_lever(loop, config);
    case Stack::bird: {
      std::vector<Vip> vips;
      for (const ServiceSpec& service : config.services)
        vips.insert(vips.end(), service.vips.begin(), service.vips.end());
      return std::make_unique<ReadOnly>(make_bird_reader(loop, config.router, std::move(vips)),
                                        config.router.bird.socket);
    }
    case Stack::none:
      break;
  }
  return nullptr;
}

}  // namespace herald
