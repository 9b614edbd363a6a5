#include "sidecar/control/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "sidecar/control/names.h"
#include "sidecar/control/order_report.h"
#include "sidecar/control/router_report.h"
#include "sidecar/state/history_entry.h"
#include "sidecar/text/address.h"
#include "sidecar/text/near_name.h"
#include "sidecar/text/plain_text.h"

namespace herald {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kLongestStatusLine = 300;
constexpr std::size_t kMostNamesInError = 10;

double milliseconds(Duration duration) {
  const auto microseconds = std::chrono::round<std::chrono::microseconds>(duration);
  return static_cast<double>(microseconds.count()) / 1000;
}

// What is not known is null: "no" would be a lie that people act on.
ordered_json vip_json(const VipSnapshot& vip, const Snapshot& snapshot, const ClockPair& clocks) {
  const bool read = can_read_back(snapshot);
  const bool looked = !snapshot.observe_error;
  ordered_json shown{{"prefix", vip.prefix}, {"wanted", vip.wanted}};
  shown["on_interface"] = looked ? ordered_json(vip.on_interface) : ordered_json(nullptr);
  shown["in_rib"] = read ? ordered_json(vip.route.in_rib) : ordered_json(nullptr);
  shown["advertised_to"] = read ? ordered_json(vip.route.advertised_to) : ordered_json(nullptr);
  shown["missing_from"] = read ? ordered_json(vip.route.missing_from) : ordered_json(nullptr);
  shown["interface"] = vip.interface;
  shown["foreign"] = looked ? ordered_json(vip.foreign) : ordered_json(nullptr);
  shown["lease_until"] = time_or_null(vip.lease_until, clocks);
  shown["kept_off"] = vip.kept_off ? ordered_json(*vip.kept_off) : ordered_json(nullptr);
  ordered_json others = ordered_json::array();
  for (const OtherOrigin& other : vip.route.others) others.push_back(other.by);
  shown["other_origins"] = read ? std::move(others) : ordered_json(nullptr);
  shown["denied_to"] = read ? ordered_json(vip.denied_to) : ordered_json(nullptr);
  shown["denied_fast"] = read ? ordered_json(vip.denied_fast) : ordered_json(nullptr);
  shown["policy"] = vip.policy ? ordered_json(*vip.policy) : ordered_json(nullptr);
  shown["refused"] = vip.refused ? ordered_json(*vip.refused) : ordered_json(nullptr);
  return shown;
}

ordered_json probe_json(const ProbeSnapshot& probe, const ClockPair& clocks) {
  const bool ran = probe.last_run.has_value();
  return {{"name", probe.name},
          {"type", probe.type},
          {"role", name_of(probe.role)},
          {"state", name_of(probe.state)},
          {"verdict", ran ? ordered_json(name_of(probe.last.verdict)) : ordered_json(nullptr)},
          {"reason", name_of(probe.last.reason)},
          {"detail", probe.last.detail},
          {"latency_ms", ran ? ordered_json(milliseconds(probe.last.latency)) : ordered_json(nullptr)},
          {"passes", probe.passes},
          {"failures", probe.failures},
          {"last_run", time_or_null(probe.last_run, clocks)},
          {"next_run", time_or_null(probe.next_run, clocks)},
          {"degraded", probe.degraded},
          {"rise", probe.rise},
          {"fall", probe.fall},
          {"runs", probe.runs},
          {"inconclusive", probe.inconclusive},
          {"events", probe.events},
          {"suspect_ms", probe.suspect ? ordered_json(milliseconds(*probe.suspect)) : ordered_json(nullptr)},
          {"nudged", probe.nudged},
          {"nudges_dropped", probe.nudges_dropped},
          {"nudged_by", probe.last_nudge ? ordered_json(name_of(*probe.last_nudge)) : ordered_json(nullptr)}};
}

ordered_json service_json(const ServiceSnapshot& service, const Snapshot& snapshot, const ClockPair& clocks) {
  ordered_json vips = ordered_json::array();
  for (const VipSnapshot& vip : service.vips) vips.push_back(vip_json(vip, snapshot, clocks));
  ordered_json probes = ordered_json::array();
  for (const ProbeSnapshot& probe : service.probes) probes.push_back(probe_json(probe, clocks));
  return {{"name", service.name},
          {"health", name_of(service.health)},
          {"admin", name_of(service.admin.state)},
          {"state", name_of(service.state)},
          {"grade", name_of(service.grade)},
          {"reason", service.reason},
          {"since", to_rfc3339(service.since, clocks)},
          {"problem", service.problem.value_or("")},
          {"removed", service.leaving},
          {"as_wanted", is_as_wanted(service)},
          {"penalty", std::round(service.penalty)},
          {"via", name_of(service.via)},
          {"admin_by", admin_json(service.admin, clocks)},
          {"orders", orders_json(service.orders, clocks)},
          {"vips", std::move(vips)},
          {"probes", std::move(probes)}};
}

ordered_json brake_json(const std::optional<BrakeSnapshot>& brake, const ClockPair& clocks) {
  if (!brake) return nullptr;
  return {{"until", to_rfc3339(brake->until, clocks)}, {"reason", brake->why}};
}

ordered_json frame(const Snapshot& snapshot, const ClockPair& clocks) {
  return {{"version", HERALD_VERSION},
          {"at", to_rfc3339(snapshot.at, clocks)},
          {"dry_run", snapshot.dry_run},
          {"stopping", snapshot.stopping},
          {"observe_error", snapshot.observe_error.value_or("")},
          {"brake", brake_json(snapshot.brake, clocks)},
          {"lateness",
           {{"timers", snapshot.lateness.timers},
            {"median_ms", milliseconds(snapshot.lateness.median)},
            {"p99_ms", milliseconds(snapshot.lateness.p99)},
            {"most_ms", milliseconds(snapshot.lateness.most)}}},
          {"router", router_json(snapshot, clocks)}};
}

bool contains(const std::vector<std::string>& list, const std::string& wanted) {
  return std::ranges::find(list, wanted) != list.end();
}

// Every peer with whether it was sent this VIP.
ordered_json peers_json(const VipSnapshot& vip, const Snapshot& snapshot) {
  if (!can_read_back(snapshot)) return nullptr;
  ordered_json peers = ordered_json::array();
  for (const RouterPeer& peer : snapshot.router->peers) {
    peers.push_back({{"address", peer.address},
                     {"state", peer.state},
                     {"advertised", contains(vip.route.advertised_to, peer.address)}});
  }
  return peers;
}

// The rule by which the gates decide: "at least 2 of 3 gates".
std::string require_text(const ServiceSnapshot& service) {
  const auto gates = std::ranges::count(service.probes, Role::gate, &ProbeSnapshot::role);
  const std::string all = fmt::format("{} gate{}", gates, gates == 1 ? "" : "s");
  switch (service.require.kind) {
    case Require::Kind::all:
      return "all of " + all;
    case Require::Kind::any:
      return "any of " + all;
    case Require::Kind::at_least:
      break;
  }
  return fmt::format("at least {} of {}", service.require.count, all);
}

ordered_json damping_json(const ServiceSnapshot& service, const ClockPair& clocks) {
  if (!service.damping) return nullptr;
  return {{"penalty", std::round(service.penalty)},
          {"suppress", service.damping->suppress},
          {"reuse", service.damping->reuse},
          {"until", time_or_null(service.damped_until, clocks)}};
}

ordered_json step_json(const StepRecord& step, const ClockPair& clocks) {
  const char* result = !step.outcome ? "in flight" : *step.outcome ? "done" : "failed";
  return {{"at", to_rfc3339(step.at, clocks)},
          {"step", step.text},
          {"result", result},
          {"error", step.outcome && !*step.outcome ? step.outcome->error() : ""}};
}

// "no service "wbe"; did you mean "web"? There are web, resolver"
std::string no_such(std::string_view kind, std::string_view wanted, std::vector<std::string> names) {
  std::string text = fmt::format("no {} \"{}\"", kind, cut(printable(wanted), 80));
  if (names.empty()) return text + "; the configuration has none";
  const std::string near = near_name(wanted, names);
  if (!near.empty()) {
    std::erase(names, near);
    names.insert(names.begin(), near);
    text += did_you_mean('"' + near + '"');
  }
  const std::size_t shown = std::min(names.size(), kMostNamesInError);
  text += fmt::format("{} {} ", near.empty() ? "; there" : " There", names.size() == 1 ? "is" : "are");
  for (std::size_t i = 0; i < shown; ++i) text += (i > 0 ? ", " : "") + names[i];
  return shown < names.size() ? fmt::format("{} and {} more", text, names.size() - shown) : text;
}

std::string no_such_service(const Snapshot& snapshot, std::string_view wanted) {
  std::vector<std::string> names;
  for (const ServiceSnapshot& service : snapshot.services) {
    if (!service.leaving) names.push_back(service.name);
  }
  return no_such("service", wanted, std::move(names));
}

// What somebody would type; heraldd itself uses rtnetlink, and marks the address as its own.
std::string address_command(const Step& step) {
  const std::string place = fmt::format("{} dev {}", step.key.vip.prefix, step.key.interface);
  if (step.kind == Step::Kind::remove) return "ip address del " + place;
  if (step.kind == Step::Kind::adopt) return "ip address replace " + place;
  // An IPv6 VIP is no source address (os/netlink).
  const bool ipv6 = is_ipv6(step.key.vip);
  if (!step.lease) return "ip address add " + place + (ipv6 ? " preferred_lft 0" : "");
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*step.lease).count();
  return fmt::format("ip address add {} valid_lft {} preferred_lft {}", place, seconds, ipv6 ? 0 : seconds);
}

}  // namespace

ordered_json status_report(const Snapshot& snapshot, const ClockPair& clocks) {
  ordered_json report = frame(snapshot, clocks);
  report["services"] = ordered_json::array();
  for (const ServiceSnapshot& service : snapshot.services) {
    report["services"].push_back(service_json(service, snapshot, clocks));
  }
  return report;
}

ordered_json disk_report(std::optional<TimePoint> silent_since, const ClockPair& clocks) {
  return {{"answers", !silent_since}, {"silent_since", time_or_null(silent_since, clocks)}};
}

std::expected<ordered_json, std::string> why_report(const Snapshot& snapshot, std::string_view service,
                                                    const ClockPair& clocks) {
  const auto found = std::ranges::find(snapshot.services, service, &ServiceSnapshot::name);
  if (found == snapshot.services.end()) return std::unexpected(no_such_service(snapshot, service));
  ordered_json shown = service_json(*found, snapshot, clocks);
  for (std::size_t i = 0; i < found->vips.size(); ++i)
    shown["vips"][i]["peers"] = peers_json(found->vips[i], snapshot);
  shown["require"] = require_text(*found);
  shown["hold_down_until"] = time_or_null(found->held_down_until, clocks);
  shown["damping"] = damping_json(*found, clocks);
  shown["transitions"] = ordered_json::array();
  for (const effect::Transition& transition : found->transitions)
    shown["transitions"].push_back(to_json(entry_of(transition, clocks)));
  shown["steps"] = ordered_json::array();
  for (const StepRecord& step : found->steps) shown["steps"].push_back(step_json(step, clocks));
  ordered_json report = frame(snapshot, clocks);
  report["service"] = std::move(shown);
  return report;
}

std::optional<std::string> unknown_service(const Snapshot& snapshot, std::string_view service) {
  const auto found = std::ranges::find(snapshot.services, service, &ServiceSnapshot::name);
  if (found != snapshot.services.end()) return std::nullopt;
  return no_such_service(snapshot, service);
}

std::optional<std::string> not_configured(const Snapshot& snapshot, std::string_view service) {
  const auto found = std::ranges::find(snapshot.services, service, &ServiceSnapshot::name);
  if (found == snapshot.services.end()) return no_such_service(snapshot, service);
  if (!found->leaving) return std::nullopt;
  return "the configuration has it no more, and it leaves by itself: " + found->name;
}

std::optional<std::string> unknown_probe(const Snapshot& snapshot, std::string_view service,
                                         std::string_view probe) {
  std::vector<std::string> names;
  for (const ServiceSnapshot& one : snapshot.services) {
    if (one.name != service) continue;
    for (const ProbeSnapshot& each : one.probes) names.push_back(each.name);
  }
  if (std::ranges::find(names, probe) != names.end()) return std::nullopt;
  return no_such(fmt::format("probe of {}", service), probe, std::move(names));
}

ordered_json result_report(const ProbeSpec& probe, const ProbeResult& result) {
  return {{"name", probe.name},
          {"type", probe.type},
          {"role", name_of(probe.role)},
          {"verdict", name_of(result.verdict)},
          {"reason", name_of(result.reason)},
          {"detail", result.detail},
          {"latency_ms", milliseconds(result.latency)}};
}

ordered_json plan_report(const Controller::Plan& plan, const std::vector<std::string>& commands) {
  ordered_json report{{"steps", ordered_json::array()}, {"commands", ordered_json::array()}};
  for (const Step& step : plan.addresses) {
    report["steps"].push_back(to_string(step));
    report["commands"].push_back(address_command(step));
  }
  for (const RouteStep& step : plan.routes.steps) report["steps"].push_back(to_string(step));
  for (const FallbackStep& step : plan.routes.fallback) report["steps"].push_back(to_string(step));
  for (const DenialStep& step : plan.routes.denials) report["steps"].push_back(to_string(step));
  for (const std::string& command : commands) report["commands"].push_back(command);
  report["others"] = ordered_json::array();
  for (const auto& [service, text] : plan.blames)
    report["others"].push_back({{"service", service}, {"text", text}});
  return report;
}

std::string status_line(const Snapshot& snapshot) {
  const auto announced =
      std::ranges::count(snapshot.services, ServiceState::announced, &ServiceSnapshot::state);
  std::string line = fmt::format("{}{}{}{} of {} services announced", snapshot.dry_run ? "DRY RUN; " : "",
                                 snapshot.stopping ? "stopping; " : "", snapshot.brake ? "BRAKE; " : "",
                                 announced, snapshot.services.size());
  if (snapshot.router && !snapshot.router->reachable) {
    line += fmt::format("; {} does not answer", name_of(snapshot.stack));
  }
  const auto amiss = std::ranges::count_if(snapshot.services, std::not_fn(is_as_wanted));
  const auto first = std::ranges::find_if_not(snapshot.services, is_as_wanted);
  if (first != snapshot.services.end()) {
    const bool degraded = first->state == ServiceState::announced && !first->problem;
    line += fmt::format("; {} {}: {}", first->name, degraded ? name_of(first->health) : name_of(first->state),
                        first->problem.value_or(first->reason));
  }
  // A line break would begin another assignment of sd_notify(3).
  line = cut(printable(line), kLongestStatusLine);
  return amiss > 1 ? fmt::format("{}; {} more not as wanted", line, amiss - 1) : line;
}

}  // namespace herald
