#include "sidecar/doctor/rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "sidecar/doctor/examination.h"
#include "sidecar/text/address.h"

namespace herald {
namespace {

void check_reachable(Examination& exam) {
  if (exam.router.reachable) {
    if (exam.router.error) {
      exam.warn("reachable",
                fmt::format("{} left a question unanswered: {}", exam.daemon(), *exam.router.error),
                "what it did not tell could not be judged", "look at its log, and run doctor again");
    }
    return;
  }
  const std::string_view unit = exam.frr() ? "frr" : "bird";
  exam.error(
      "reachable", fmt::format("{} does not answer: {}", exam.daemon(), exam.router.error.value_or("")),
      "herald can neither read back nor steer a router that does not answer; nothing else of it was judged",
      fmt::format("systemctl status {}; then the group of its socket, and router.{} in the configuration",
                  unit, exam.frr() ? "vtysh" : "bird"));
}

}  // namespace

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::note:
      break;
  }
  return "note";
}

std::vector<Finding> examine(const Config& config, const RouterFacts& router, const HostFacts& host) {
  Examination exam{.config = config, .router = router, .host = host};
  if (config.router.stack == Stack::none) {
    exam.note("stack", "router.stack is \"none\"",
              "herald knows of no router here, so there is none to examine",
              "set it to \"frr\" or \"bird\" where one of them redistributes the VIPs");
    return exam.findings;
  }
  check_reachable(exam);
  check_route_server(exam);
  if (router.reachable) {
    check_sessions(exam);
    check_policies(exam);
    check_vips(exam);
  }
  exam.frr() ? check_frr(exam) : check_bird(exam);
  if (exam.frr()) check_speed(exam);
  check_host(exam);
  check_probes(exam);
  std::ranges::stable_sort(exam.findings, {}, &Finding::severity);
  return exam.findings;
}

// ---- what the rules share

bool Examination::has_vips(std::size_t family) const {
  return std::ranges::any_of(config.services, [&](const ServiceSpec& service) {
    return std::ranges::any_of(service.vips, [&](const Vip& vip) { return family_of(vip) == family; });
  });
}

bool Examination::has(Via via) const {
  return std::ranges::any_of(config.services,
                             [&](const ServiceSpec& service) { return service.announce.via == via; });
}

std::vector<std::string> Examination::peers_where(const std::function<bool(const PeerFacts&)>& is_so) const {
  std::vector<std::string> found;
  for (const PeerFacts& peer : router.peers) {
    if (is_so(peer)) found.push_back(peer.address);
  }
  return found;
}

std::vector<std::string> Examination::vips_where(
    const std::function<bool(const ServiceSpec&, const Vip&)>& is_so) const {
  std::vector<std::string> found;
  for (const ServiceSpec& service : config.services) {
    for (const Vip& vip : service.vips) {
      if (is_so(service, vip)) found.push_back(vip.prefix);
    }
  }
  return found;
}

const VipFacts& Examination::facts_of(const Vip& vip) const {
  static const VipFacts nothing;
  const auto found = router.vips.find(vip);
  return found == router.vips.end() ? nothing : found->second;
}

std::size_t family_of(const Vip& vip) {
  return is_ipv6(vip) ? kIpv6 : kIpv4;
}

std::string_view family_name(std::size_t family) {
  return family == kIpv6 ? "IPv6" : "IPv4";
}

std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 3;
  const std::size_t shown = std::min(names.size(), kMost);
  const std::span first(names.data(), shown);
  const std::string text = fmt::format("{}", fmt::join(first, ", "));
  return names.size() > shown ? fmt::format("{} and {} more", text, names.size() - shown) : text;
}

}  // namespace herald
