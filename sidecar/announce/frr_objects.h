// The FRR objects that herald owns while it runs, as commands: one template each. What surrounds them (`configure
// terminal`, `router bgp`, `address-family`) is the lever's.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/announce/frr_template.h"
#include "sidecar/core/policy.h"

namespace herald {

// route-map.conf, network.conf, no-network.conf
extern const TemplateKind kRouteMapTemplate;
extern const TemplateKind kNetworkTemplate;
extern const TemplateKind kNoNetworkTemplate;

class FrrObjects {
 public:
  // All errors of all three files.
  [[nodiscard]] static std::expected<FrrObjects, std::vector<TemplateError>> load(
      std::span<const std::filesystem::path> dirs);

  // `as` is our own AS, router.bgp.as: what a prepend prepends. The error says so where it is missing.
  [[nodiscard]] std::expected<std::vector<std::string>, std::string> route_map(
      const Policy& policy, std::optional<std::uint32_t> as) const;
  [[nodiscard]] std::vector<std::string> network(const Vip& vip, std::string_view map) const;
  [[nodiscard]] std::vector<std::string> no_network(const Vip& vip, std::string_view map) const;

 private:
  FrrObjects(Template route_map, Template network, Template no_network)
      : route_map_(std::move(route_map)), network_(std::move(network)), no_network_(std::move(no_network)) {}

  Template route_map_;
  Template network_;
  Template no_network_;
};

}  // namespace herald
