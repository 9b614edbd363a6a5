#include "sidecar/http/accept.h"

#include <catch2/catch.hpp>

namespace accept_test {

using namespace herald::http;

TEST_CASE("accept: OpenMetrics for who names it and does not like plain text better") {
  // As Prometheus 2.42 asks, and 3.0.
  CHECK(
      prefers_openmetrics("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version="
                          "0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
  CHECK(
      prefers_openmetrics("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                          "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3"));
  CHECK(prefers_openmetrics("application/openmetrics-text"));
  CHECK(prefers_openmetrics("Text/Plain ; q=0.5 ,\tApplication/OpenMetrics-Text ; Version=1.0.0"));
  CHECK(prefers_openmetrics("application/openmetrics-text; q=1.000, text/plain"));
}

TEST_CASE("accept: plain text for all others") {
  for (const char* accept :
       {"", "*/*", "text/*", "text/plain", "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text;q=0", "application/openmetrics-text;q=0.4,text/plain;q=0.5",
        "application/openmetrics-text;version=0.0.1", "application/openmetrics-text;version=2.0.0",
        "application/openmetrics-textual", "xapplication/openmetrics-text", "application/*",
        // As Prometheus asks first where it can: herald has no protocol buffers.
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"}) {
    INFO(accept);
    CHECK_FALSE(prefers_openmetrics(accept));
  }
}

TEST_CASE("accept: junk is nothing that anybody would rather have") {
  for (const char* accept :
       {",", ";", ";;,,;", "q=1", "=", "application/openmetrics-text;q=", "application/openmetrics-text;q=x",
        "application/openmetrics-text;q=-1", "application/openmetrics-text;q=2",
        "application/openmetrics-text;q=nan", "application/openmetrics-text;q=inf",
        "application/openmetrics-text;q=0x1", "application/openmetrics-text;version="}) {
    INFO(accept);
    CHECK(prefers_openmetrics(accept) == (std::string_view(accept).ends_with("version=")));
  }
}

}  // namespace accept_test
