// What doctor's rules share while one examination runs. A group of rules is a function of its own, one file a subject.
//
// An Examination refers to its facts; they outlive it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sidecar/doctor/rules.h"

namespace herald {

struct Examination {
  const Config& config;
  const RouterFacts& router;
  const HostFacts& host;
  std::vector<Finding> findings = {};

  void error(std::string check, std::string what, std::string why, std::string fix) {
    findings.push_back({Severity::error, std::move(check), std::move(what), std::move(why), std::move(fix)});
  }
  void warn(std::string check, std::string what, std::string why, std::string fix) {
    findings.push_back(
        {Severity::warning, std::move(check), std::move(what), std::move(why), std::move(fix)});
  }
  void note(std::string check, std::string what, std::string why, std::string fix) {
    findings.push_back({Severity::note, std::move(check), std::move(what), std::move(why), std::move(fix)});
  }

  [[nodiscard]] bool frr() const { return config.router.stack == Stack::frr; }
  // "bgpd" or "BIRD"
  [[nodiscard]] std::string_view daemon() const { return frr() ? "bgpd" : "BIRD"; }
  // "FRR" or "BIRD", as heraldctl render takes it in small letters
  [[nodiscard]] std::string render() const {
    return frr() ? "heraldctl render frr" : "heraldctl render bird";
  }

  [[nodiscard]] bool has_vips(std::size_t family) const;
  [[nodiscard]] bool has(Via via) const;
  // Addresses of the peers of which `is_so`; VIPs of services of which `is_so`.
  [[nodiscard]] std::vector<std::string> peers_where(
      const std::function<bool(const PeerFacts&)>& is_so) const;
  [[nodiscard]] std::vector<std::string> vips_where(
      const std::function<bool(const ServiceSpec&, const Vip&)>& is_so) const;
  [[nodiscard]] const VipFacts& facts_of(const Vip& vip) const;
};

[[nodiscard]] std::size_t family_of(const Vip& vip);
[[nodiscard]] std::string_view family_name(std::size_t family);  // "IPv4"
// "10.99.0.1/32, 10.99.0.2/32, 10.99.0.3/32 and 7 more"
[[nodiscard]] std::string listed(const std::vector<std::string>& names);

void check_sessions(Examination& exam);
void check_route_server(Examination& exam);
void check_policies(Examination& exam);
void check_vips(Examination& exam);
void check_frr(Examination& exam);
void check_speed(Examination& exam);
void check_bird(Examination& exam);
void check_host(Examination& exam);
void check_probes(Examination& exam);

}  // namespace herald
