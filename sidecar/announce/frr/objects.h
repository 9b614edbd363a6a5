// The FRR objects that herald owns while it runs, as commands: one template each. What surrounds them (`configure
// terminal`, `router bgp`, `address-family`) is the lever's.
#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/announce/frr/template.h"
#include "sidecar/core/route/policy.h"

namespace herald {

class FrrObjects {
 public:
  // Of route-map.conf, network.conf, no-network.conf and fallback.conf; all errors of all four.
  [[nodiscard]] static std::expected<FrrObjects, std::vector<TemplateError>> load(
      std::span<const std::filesystem::path> dirs);
  // Where the templates are broken or missing, which `why` says: a withdrawal does not hang on a file, and is as FRR
  // itself has it. A route_map() is `why`; a fallback() that denies is not to be asked for.
  [[nodiscard]] static FrrObjects only_withdrawing(std::string why);
  // Why it only withdraws, where it does.
  [[nodiscard]] const std::optional<std::string>& why_not() const { return why_not_; }

  // `as` is our own AS as bgpd writes it, which a prepend prepends; empty when not known, and the error says so then.
  [[nodiscard]] std::expected<std::vector<std::string>, std::string> route_map(const Policy& policy,
                                                                               std::string_view as) const;
  [[nodiscard]] std::vector<std::string> network(const Vip& vip, std::string_view map) const;
  [[nodiscard]] std::vector<std::string> no_network(const Vip& vip, std::string_view map) const;
  // An outbound filter that denies the VIPs, which are all of one family, and leaves the rest to the map `called`, if any.
  [[nodiscard]] std::vector<std::string> fallback(const std::set<Vip>& vips, std::string_view map,
                                                  std::string_view list, const std::string& called) const;

 private:
  FrrObjects(Template route_map, Template network, Template no_network, Template fallback)
      : route_map_(std::move(route_map)),
        network_(std::move(network)),
        no_network_(std::move(no_network)),
        fallback_(std::move(fallback)) {}

  Template route_map_;
  Template network_;
  Template no_network_;
  Template fallback_;
  std::optional<std::string> why_not_;
};

}  // namespace herald
