#include <catch2/catch.hpp>

#include "tests/seen/seen_fixture.h"

namespace probe_metrics_test {

using namespace fixture;

TEST_CASE("probe metrics: what it says, and what its attempts came to") {
  const std::string text = told(everything());
  CHECK(has_line(text, R"(herald_probe_up{service="web",probe="front"} 1)"));
  CHECK(has_line(text, R"(herald_probe_state{service="web",probe="front",state="falling"} 1)"));
  CHECK(has_line(text, R"(herald_probe_success{service="web",probe="front"} 0)"));
  CHECK(has_line(text,
                 R"(herald_probe_last_attempt_timestamp_seconds{service="web",probe="front"} 1795428179.5)"));
  CHECK(has_line(text, R"(herald_probe_attempts_total{service="web",probe="front",verdict="pass"} 1)"));
  CHECK(
      has_line(text, R"(herald_probe_attempts_total{service="web",probe="front",verdict="inconclusive"} 0)"));
  CHECK(has_line(text, R"(herald_probe_failures_total{service="web",probe="front",reason="refused"} 1)"));
  CHECK(text.find(R"(reason="timeout")") == std::string::npos);
  CHECK(has_line(text, R"(herald_probe_duration_seconds_bucket{service="web",probe="front",le="0.001"} 1)"));
  CHECK(has_line(text, R"(herald_probe_duration_seconds_count{service="web",probe="front"} 2)"));
  CHECK(has_line(text, R"(herald_probe_nudges_total{service="web",probe="front",reason="listener gone"} 3)"));
  CHECK(has_line(text, R"(herald_probe_nudges_total{service="web",probe="front",reason="link down"} 1)"));
  CHECK(text.find(R"(reason="connection ended")") == std::string::npos);
  CHECK(has_line(text, R"(herald_probe_nudges_dropped_total{service="web",probe="front"} 1)"));
  CHECK(has_line(
      text, R"(herald_probe_certificate_end_timestamp_seconds{service="web",probe="front"} 1800000000)"));
}

TEST_CASE("probe metrics: absent where it is not known") {
  Snapshot all = everything();
  ProbeSnapshot& probe = all.services[0].probes[0];
  probe.up.reset();
  probe.last.verdict = Verdict::inconclusive;
  probe.certificate_end.reset();
  std::string text = told(all);
  CHECK(text.find("herald_probe_up") == std::string::npos);
  CHECK(text.find("herald_probe_success") == std::string::npos);
  CHECK(text.find("herald_probe_certificate") == std::string::npos);
  CHECK(text.find("herald_probe_last_attempt") != std::string::npos);
  probe.last_run.reset();
  probe.last.verdict = Verdict::pass;
  text = told(all);
  CHECK(text.find("herald_probe_success") == std::string::npos);
  CHECK(text.find("herald_probe_last_attempt") == std::string::npos);
}

}  // namespace probe_metrics_test
