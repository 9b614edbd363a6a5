// herald's metrics: one table of families, each with what reads it out of a snapshot. The same table makes the page of reference
// (packaging/doc/metrics.md). Pure.
//
// The rules are Prometheus's: base units, a state as 0 or 1 for each word that it may have, moments in seconds since 1970, and
// absent where nothing is known. Labels are names out of the configuration and herald's own words, never what a target or the
// router says in words of its own.
//
// Thousands of services make megabytes of text: it is made in pages of whole families, so that who makes one goes on with other
// things between two.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/snapshot.h"
#include "sidecar/seen/exposition.h"
#include "sidecar/text/clocks.h"

namespace herald::seen {

// A snapshot with the labels of what is in it. It holds pointers into the snapshot, which outlives it and does not move.
class Sample {
 public:
  Sample(const Snapshot& snapshot, const ClockPair& clocks);

  struct Probe {
    const ProbeSnapshot* probe = nullptr;
    std::string labels;
  };
  struct Vip {
    const VipSnapshot* vip = nullptr;
    std::string labels;
  };
  struct Service {
    const ServiceSnapshot* service = nullptr;
    std::string labels;
    std::vector<Probe> probes;
    std::vector<Vip> vips;
  };

  [[nodiscard]] const Snapshot& snapshot() const { return *snapshot_; }
  [[nodiscard]] const std::vector<Service>& services() const { return services_; }
  // The router answers and is read: what is said of it is known.
  [[nodiscard]] bool is_router_read() const;
  // In seconds since 1970.
  [[nodiscard]] double seconds(TimePoint when) const;

 private:
  const Snapshot* snapshot_;
  ClockPair clocks_;
  std::vector<Service> services_;
};

struct Metric {
  Head head;
  std::string_view labels;  // names, for the page of reference
  void (*read)(const Sample& sample, Text& text);
};

// In the order in which they are told, and of which each has a part.
[[nodiscard]] std::span<const Metric> own_metrics();
[[nodiscard]] std::span<const Metric> service_metrics();
[[nodiscard]] std::span<const Metric> probe_metrics();
[[nodiscard]] std::span<const Metric> router_metrics();
[[nodiscard]] std::vector<Metric> all_metrics();

struct Page {
  std::string text;
  std::optional<std::size_t> next;  // where the next one begins; none: this was the last
};
// From the family with this number on, until there is so much text; beyond the last family, the end alone.
[[nodiscard]] Page metrics_page(const Sample& sample, Format format, std::size_t from,
                                std::size_t enough = std::size_t{512} << 10U);

// The table of packaging/doc/metrics.md.
[[nodiscard]] std::string metrics_reference();

// One sample for each word, which is 1 for `value` and 0 for the others: `labels`,state="word".
template <Worded Enum>
void tell_state(Text& text, std::string_view labels, std::string_view name, Enum value) {
  for (const auto& [word, shown] : words_of(value)) {
    std::string with_state(labels);
    add_label(with_state, name, shown);
    text.flag(with_state, word == value);
  }
}

}  // namespace herald::seen
