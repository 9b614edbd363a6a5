#include "sidecar/announce/levers.h"

#include <algorithm>
#include <utility>

#include "sidecar/announce/bird/lever.h"
#include "sidecar/announce/dry_run.h"
#include "sidecar/announce/frr/lever.h"
#include "sidecar/announce/frr/objects.h"
#include "sidecar/announce/loopback.h"

namespace herald {
namespace {

// The fallback is another lever beside that of the services: its template has to be sound before the night in which it is
// needed.
bool needs_templates(const Config& config) {
  if (config.router.stack == Stack::frr && config.router.fallback != FallbackLevel::off) return true;
  return std::ranges::any_of(config.services,
                             [](const ServiceSpec& service) { return service.announce.via == Via::vtysh; });
}

class RealLevers final : public Levers {
 public:
  RealLevers(Loop& loop, TemplateDirs dirs) : loop_(loop), dirs_(std::move(dirs)) {}

  std::expected<std::unique_ptr<AddressLever>, std::string> addresses(
      const std::vector<ServiceSpec>& services) override {
    auto lever = LoopbackLever::open(services);
    if (!lever) return std::unexpected(std::move(lever.error()));
    return std::make_unique<LoopbackLever>(std::move(*lever));
  }

  std::unique_ptr<RouterLever> router(const Config& config, std::span<const Vip> leaving) override {
    return make_router_lever(loop_, config, dirs_, leaving);
  }

  std::vector<std::string> template_problems(const Config& config) const override {
    std::vector<std::string> problems;
    if (!needs_templates(config)) return problems;
    const auto objects = FrrObjects::load(dirs_);
    if (objects) return problems;
    for (const TemplateError& error : objects.error()) problems.push_back(to_string(error));
    return problems;
  }

 private:
  Loop& loop_;
  TemplateDirs dirs_;
};

class DryRunLevers final : public Levers {
 public:
  DryRunLevers(Loop& loop, TemplateDirs dirs) : loop_(loop), real_(loop, std::move(dirs)) {}

  std::expected<std::unique_ptr<AddressLever>, std::string> addresses(
      const std::vector<ServiceSpec>& services) override {
    auto lever = real_.addresses(services);
    if (!lever) return lever;
    return std::make_unique<DryRunAddresses>(std::move(*lever), pretended_addresses_, loop_);
  }

  std::unique_ptr<RouterLever> router(const Config& config, std::span<const Vip> leaving) override {
    auto lever = real_.router(config, leaving);
    if (!lever) return nullptr;
    return std::make_unique<DryRunRoutes>(std::move(lever), pretended_routes_, loop_);
  }

  std::vector<std::string> template_problems(const Config& config) const override {
    return real_.template_problems(config);
  }

 private:
  Loop& loop_;
  RealLevers real_;
  PretendedAddresses pretended_addresses_;
  PretendedRoutes pretended_routes_;
};

}  // namespace

std::unique_ptr<Levers> make_levers(Loop& loop, TemplateDirs dirs) {
  return std::make_unique<RealLevers>(loop, std::move(dirs));
}

std::unique_ptr<Levers> make_dry_run_levers(Loop& loop, TemplateDirs dirs) {
  return std::make_unique<DryRunLevers>(loop, std::move(dirs));
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

}  // namespace herald
