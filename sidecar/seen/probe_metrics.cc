// Families of probes.
#include <array>

#include "sidecar/seen/metrics.h"

namespace herald::seen {
namespace {

template <typename Tell>
void each_probe(const Sample& sample, Tell tell) {
  for (const Sample::Service& service : sample.services()) {
    for (const Sample::Probe& probe : service.probes) tell(probe.labels, *probe.probe);
  }
}

void tell_up(const Sample& sample, Text& text) {
  each_probe(sample, [&](const std::string& labels, const ProbeSnapshot& probe) {
    if (probe.up) text.flag(labels, *probe.up);
  });
}

void tell_probe_state(const Sample& sample, Text& text) {
  each_probe(sample, [&](const std::string& labels, const ProbeSnapshot& probe) {
    tell_state(text, labels, "state", probe.state);
  });
}

void tell_success(const Sample& sample, Text& text) {
  each_probe(sample, [&](const std::string& labels, const ProbeSnapshot& probe) {
    if (!probe.last_run || probe.last.verdict == Verdict::inconclusive) return;
    text.flag(labels, probe.last.verdict != Verdict::fail);
  });
}

void tell_last_attempt(const Sample& sample, Text& text) {
  each_probe(sample, [&](const std::string& labels, const ProbeSnapshot& probe) {
    if (probe.last_run) text.sample(labels, sample.seconds(*probe.last_run));
  });
}

void tell_attempts(const Sample& sample, Text& text) {
  each_probe(sample, [&](const std::string& labels, const ProbeSnapshot& probe) {
    for (const auto& [verdict, word] : words_of(Verdict{})) {
      std::string with_verdict = labels;
      add_label(with_verdict, "verdict", word);
      text.sample(with_verdict, probe.counts.verdicts.of(verdict));
    }
  });
}

void tell_failures(const Sample& sample, Text& text) {
  each_probe(sample, [&](const std::string& labels, const ProbeSnapshot& probe) {
    for (const auto& [reason, word] : words_of(Reason{})) {
      const std::uint64_t count = probe.counts.failures.of(reason);
      if (count == 0) continue;
      std::string with_reason = labels;
      add_label(with_reason, "reason", word);
      text.sample(with_reason, count);
    }
  });
}

void tell_took(const Sample& sample, Text& text) {
  each_probe(sample, [&](const std::string& labels, const ProbeSnapshot& probe) {
    text.histogram(labels, probe.counts.took);
  });
}

void tell_nudges(const Sample& sample, Text& text) {
  each_probe(sample, [&](const std::string& labels, const ProbeSnapshot& probe) {
    for (const auto& [why, word] : words_of(Nudge{})) {
      const std::uint64_t count = probe.counts.nudged.of(why);
      if (count == 0) continue;
      std::string with_reason = labels;
      add_label(with_reason, "reason", word);
      text.sample(with_reason, count);
    }
  });
}

void tell_nudges_dropped(const Sample& sample, Text& text) {
  each_probe(sample, [&](const std::string& labels, const ProbeSnapshot& probe) {
    text.sample(labels, probe.nudges_dropped);
  });
}

void tell_certificate(const Sample& sample, Text& text) {
  each_probe(sample, [&](const std::string& labels, const ProbeSnapshot& probe) {
    if (probe.certificate_end) text.sample(labels, static_cast<double>(*probe.certificate_end));
  });
}

constexpr std::string_view kProbe = "service, probe";

constexpr std::array kProbeMetrics{
    Metric{{"herald_probe_up", Type::gauge,
            "Whether the probe is up, by rise and fall; absent while that is not known."},
           kProbe,
           tell_up},
    Metric{{"herald_probe_state", Type::gauge,
            "What the counters of the probe say: 1 for the state that holds, 0 for the others."},
           "service, probe, state",
           tell_probe_state},
    Metric{{"herald_probe_success", Type::gauge,
            "Whether the last attempt passed, if with a warning; absent where it was inconclusive."},
           kProbe,
           tell_success},
    Metric{{"herald_probe_last_attempt_timestamp_seconds", Type::gauge,
            "When the last attempt that has ended began."},
           kProbe,
           tell_last_attempt},
    Metric{{"herald_probe_attempts_total", Type::counter, "Attempts that have ended, by their verdict."},
           "service, probe, verdict",
           tell_attempts},
    Metric{{"herald_probe_failures_total", Type::counter,
            "Attempts that failed, by the reason; absent for reasons that did not occur."},
           "service, probe, reason",
           tell_failures},
    Metric{{"herald_probe_duration_seconds", Type::histogram,
            "How long the attempts took that were conclusive."},
           kProbe,
           tell_took},
    Metric{{"herald_probe_nudges_total", Type::counter,
            "Attempts that an event at the target made due at once, by the event; absent for those that did "
            "not occur."},
           "service, probe, reason",
           tell_nudges},
    Metric{{"herald_probe_nudges_dropped_total", Type::counter,
            "Events at the target that came while another waited already."},
           kProbe,
           tell_nudges_dropped},
    Metric{{"herald_probe_certificate_end_timestamp_seconds", Type::gauge,
            "The end of the certificate that ends first in the chain that the target showed last."},
           kProbe,
           tell_certificate}};

}  // namespace

std::span<const Metric> probe_metrics() {
  return kProbeMetrics;
}

}  // namespace herald::seen
