// Families of heraldd itself.
#include <array>

#include "sidecar/seen/metrics.h"

namespace herald::seen {
namespace {

void tell_build(const Sample& /*sample*/, Text& text) {
  text.sample(label("version", HERALD_VERSION), std::uint64_t{1});
}

void tell_started(const Sample& sample, Text& text) {
  text.sample("", sample.seconds(sample.snapshot().self.started));
}

void tell_configured(const Sample& sample, Text& text) {
  text.sample("", sample.seconds(sample.snapshot().self.configured));
}

void tell_reload_good(const Sample& sample, Text& text) {
  text.flag("", sample.snapshot().self.reload_good);
}

void tell_reloaded(const Sample& sample, Text& text) {
  if (sample.snapshot().self.reloaded) text.sample("", sample.seconds(*sample.snapshot().self.reloaded));
}

void tell_dry_run(const Sample& sample, Text& text) {
  text.flag("", sample.snapshot().dry_run);
}

void tell_stopping(const Sample& sample, Text& text) {
  text.flag("", sample.snapshot().stopping);
}

void tell_readable(const Sample& sample, Text& text) {
  text.flag("", !sample.snapshot().observe_error);
}

void tell_brake(const Sample& sample, Text& text) {
  text.flag("", sample.snapshot().brake.has_value());
}

void tell_brake_until(const Sample& sample, Text& text) {
  if (sample.snapshot().brake) text.sample("", sample.seconds(sample.snapshot().brake->until));
}

void tell_lateness(const Sample& sample, Text& text) {
  text.histogram("", sample.snapshot().lateness.all);
}

void tell_lines_lost(const Sample& sample, Text& text) {
  text.sample("", sample.snapshot().self.log_lines_lost);
}

void tell_cpu(const Sample& sample, Text& text) {
  text.sample("", std::chrono::duration<double>(sample.snapshot().self.cpu).count());
}

void tell_resident(const Sample& sample, Text& text) {
  text.sample("", sample.snapshot().self.resident_bytes);
}

void tell_virtual(const Sample& sample, Text& text) {
  text.sample("", sample.snapshot().self.virtual_bytes);
}

void tell_descriptors(const Sample& sample, Text& text) {
  text.sample("", sample.snapshot().self.descriptors);
}

void tell_most_descriptors(const Sample& sample, Text& text) {
  text.sample("", sample.snapshot().self.most_descriptors);
}

constexpr std::array kOwnMetrics{
    Metric{{"herald_build_info", Type::info, "1, with the version of heraldd."}, "version", tell_build},
    Metric{{"herald_start_timestamp_seconds", Type::gauge, "When heraldd began to work."}, "", tell_started},
    Metric{{"herald_config_loaded_timestamp_seconds", Type::gauge,
            "When the configuration that is in use was taken."},
           "",
           tell_configured},
    Metric{{"herald_config_last_reload_successful", Type::gauge,
            "Whether the last reload was taken; 1 where there was none."},
           "",
           tell_reload_good},
    Metric{{"herald_config_last_reload_timestamp_seconds", Type::gauge,
            "When the last reload ended, whether or not it was taken; absent where there was none."},
           "",
           tell_reloaded},
    Metric{{"herald_dry_run", Type::gauge, "Whether heraldd only says what it would do."}, "", tell_dry_run},
    Metric{{"herald_stopping", Type::gauge, "Whether heraldd is about to stop or to hand over."},
           "",
           tell_stopping},
    Metric{{"herald_interfaces_readable", Type::gauge, "Whether the kernel tells of addresses."},
           "",
           tell_readable},
    Metric{
        {"herald_brake_holding", Type::gauge, "Whether the brake holds withdrawals back."}, "", tell_brake},
    Metric{{"herald_brake_until_timestamp_seconds", Type::gauge,
            "When the brake lets go at the latest; absent while it holds nothing."},
           "",
           tell_brake_until},
    Metric{{"herald_loop_lateness_seconds", Type::histogram, "How late the timers of heraldd's loop fire."},
           "",
           tell_lateness},
    Metric{{"herald_log_lines_dropped_total", Type::counter,
            "Lines that the log did not take, or that were too many."},
           "",
           tell_lines_lost},
    Metric{{"process_cpu_seconds_total", Type::counter, "Processor time of heraldd, user and system."},
           "",
           tell_cpu},
    Metric{{"process_resident_memory_bytes", Type::gauge, "Resident memory of heraldd."}, "", tell_resident},
    Metric{{"process_virtual_memory_bytes", Type::gauge, "Virtual memory of heraldd."}, "", tell_virtual},
    Metric{{"process_open_fds", Type::gauge, "Descriptors that heraldd has open."}, "", tell_descriptors},
    Metric{{"process_max_fds", Type::gauge, "Descriptors that heraldd may open."}, "", tell_most_descriptors},
    Metric{{"process_start_time_seconds", Type::gauge, "When heraldd began to work."}, "", tell_started}};

}  // namespace

std::span<const Metric> own_metrics() {
  return kOwnMetrics;
}

}  // namespace herald::seen
