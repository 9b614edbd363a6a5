#include "sidecar/seen/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace herald::seen {

Sample::Sample(const Snapshot& snapshot, const ClockPair& clocks) : snapshot_(&snapshot), clocks_(clocks) {
  services_.reserve(snapshot.services.size());
  for (const ServiceSnapshot& service : snapshot.services) {
    // What several reloads have removed of one name leaves together, and has one series.
    const auto same = std::ranges::find_if(
        services_, [&](const Service& had) { return service.leaving && had.service->name == service.name; });
    Service& one = same != services_.end()
                       ? *same
                       : services_.emplace_back(Service{&service, label("service", service.name), {}, {}});
    for (const ProbeSnapshot& probe : service.probes) {
      one.probes.push_back({&probe, one.labels});
      add_label(one.probes.back().labels, "probe", probe.name);
    }
    for (const VipSnapshot& vip : service.vips) {
      one.vips.push_back({&vip, one.labels});
      add_label(one.vips.back().labels, "prefix", vip.prefix);
    }
  }
}

bool Sample::is_router_read() const {
  return snapshot_->stack != Stack::none && snapshot_->router && snapshot_->router->reachable;
}

double Sample::seconds(TimePoint when) const {
  using std::chrono::milliseconds;
  const auto wall =
      clocks_.wall + std::chrono::duration_cast<std::chrono::system_clock::duration>(when - clocks_.core);
  return std::chrono::duration<double>(std::chrono::round<milliseconds>(wall).time_since_epoch()).count();
}

std::vector<Metric> all_metrics() {
  std::vector<Metric> all;
  for (const auto part : {own_metrics(), service_metrics(), probe_metrics(), router_metrics()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

Page metrics_page(const Sample& sample, Format format, std::size_t from, std::size_t enough) {
  static const std::vector<Metric> metrics = all_metrics();
  Text text(format);
  for (std::size_t index = from; index < metrics.size(); ++index) {
    if (text.size() >= enough) return {text.take(), index};
    text.begin(metrics[index].head);
    metrics[index].read(sample, text);
  }
  text.end();
  return {text.take(), std::nullopt};
}

std::string metrics_reference() {
  std::string page = "| Metric | Type | Labels | What it says |\n|---|---|---|---|\n";
  for (const Metric& metric : all_metrics()) {
    fmt::format_to(std::back_inserter(page), "| `{}` | {} | {} | {} |\n", metric.head.name,
                   name_of(metric.head.type), metric.labels, metric.head.help);
  }
  return page;
}

}  // namespace herald::seen
